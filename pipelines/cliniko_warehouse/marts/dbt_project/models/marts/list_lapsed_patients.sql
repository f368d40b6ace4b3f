with seen as (
  select
    patients.*,
    {{ days('patients.last_visit_on', 'accounts.today') }} as days_since
  from {{ ref('dim_patients') }} as patients
  join {{ ref('int_account_zones') }} as accounts on accounts._account = patients._account
  where patients.status = 'live' and patients.last_visit_on is not null and not patients.has_future_appointment
)

select
  seen._account,
  seen.patient_id,
  {{ contact_columns('contacts') }},
  seen.accepted_email_marketing,
  seen.accepted_sms_marketing,
  seen.visits,
  seen.last_visit_on,
  seen.days_since as days_since_last_visit,
  case when seen.lifecycle = 'lapsed' then 'lapsed' else 'at_risk' end as state,
  'last seen ' || {{ counted('seen.days_since', 'day') }} || ' ago after ' || {{ counted('seen.visits', 'visit') }} || ', nothing booked' as reason
from seen
join {{ ref('int_contacts') }} as contacts
  on contacts._account = seen._account and contacts.patient_id = seen.patient_id
where seen.days_since >= {{ var('at_risk_days') }}
