{# One recall with the day of the first appointment that answers it: one that is neither
cancelled nor missed, from some days before the recall's own day on, with whichever
practitioner. #}
select
  recalls._account,
  recalls.recall_id,
  coalesce(survivors.survivor_id, recalls.patient_id) as patient_id,
  types.recall_type,
  recalls.recall_on,
  min(visits.local_date) as answered_on
from {{ ref('stg_recalls') }} as recalls
left join {{ ref('int_survivors') }} as survivors
  on survivors._account = recalls._account and survivors.patient_id = recalls.patient_id
left join {{ ref('stg_recall_types') }} as types
  on types._account = recalls._account and types.recall_type_id = recalls.recall_type_id
left join {{ ref('fct_appointments') }} as visits
  on visits._account = recalls._account
  and visits.patient_id = coalesce(survivors.survivor_id, recalls.patient_id)
  and visits.status in ('booked', 'arrived', 'completed')
  and {{ days('recalls.recall_on', 'visits.local_date') }} >= -{{ var('recall_days') }}
where recalls.is_live and recalls.recall_on is not null
group by 1, 2, 3, 4, 5
