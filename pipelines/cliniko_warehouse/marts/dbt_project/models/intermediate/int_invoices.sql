{# Live invoices with the patient who carries on, and the place that they bill. #}
select
  invoices.*,
  coalesce(survivors.survivor_id, invoices.patient_id) as survivor_id,
  places.appointment_key
from {{ ref('stg_invoices') }} as invoices
left join {{ ref('int_survivors') }} as survivors
  on survivors._account = invoices._account and survivors.patient_id = invoices.patient_id
left join (
  select _account, attendee_id, min(appointment_key) as appointment_key
  from {{ ref('fct_appointments') }}
  where attendee_id is not null
  group by 1, 2
) as places
  on places._account = invoices._account and places.attendee_id = invoices.attendee_id
where invoices.is_live
