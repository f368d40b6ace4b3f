select
  fees._account,
  {{ or_none('fees.appointment_type_id') }} as appointment_type_id,
  max(types.appointment_type_name) as appointment_type_name,
  {{ times('true') }} as invoiced_visits,
  {{ money('sum(fees.fee)') }} as fees_net,
  {{ mean('sum(fees.fee)', 'count(*)') }} as average_fee
from {{ ref('int_visit_fees') }} as fees
left join {{ ref('stg_appointment_types') }} as types
  on types._account = fees._account and types.appointment_type_id = fees.appointment_type_id
group by fees._account, {{ or_none('fees.appointment_type_id') }}
