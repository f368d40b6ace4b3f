{# One case with its sessions: those that were used, by what the case itself says of
cancelled and missed ones, and those that are booked. #}
select
  cases._account,
  cases.patient_case_id,
  coalesce(survivors.survivor_id, cases.patient_id) as patient_id,
  cases.case_name,
  cases.created_at,
  cases.closed_at,
  cases.expires_on,
  cases.max_sessions,
  {{ times("visits.status = 'completed' or (visits.status = 'did_not_arrive' and cases.counts_missed) or (visits.status = 'cancelled' and cases.counts_cancelled)") }} as sessions_used,
  {{ times("visits.status in ('booked', 'arrived')") }} as sessions_booked
from {{ ref('stg_patient_cases') }} as cases
left join {{ ref('int_survivors') }} as survivors
  on survivors._account = cases._account and survivors.patient_id = cases.patient_id
left join {{ ref('fct_appointments') }} as visits
  on visits._account = cases._account and visits.patient_case_id = cases.patient_case_id
where cases.is_live
group by 1, 2, 3, 4, 5, 6, 7, 8
