select
  patients._account,
  patients.patient_id,
  {{ contact_columns('contacts') }},
  patients.first_visit_on,
  patients.first_practitioner_id,
  practitioners.practitioner_name as first_practitioner_name,
  patients.first_business_id,
  {{ days('patients.first_visit_on', 'accounts.today') }} as days_since_first_visit,
  'first visit ' || {{ counted(days('patients.first_visit_on', 'accounts.today'), 'day') }} || ' ago, no second one booked'
    || case when patients.cancelled + patients.did_not_arrive > 0
      then ' (' || cast(patients.cancelled as varchar) || ' cancelled, ' || cast(patients.did_not_arrive as varchar) || ' missed)' else '' end as reason
from {{ ref('dim_patients') }} as patients
join {{ ref('int_account_zones') }} as accounts on accounts._account = patients._account
join {{ ref('int_contacts') }} as contacts
  on contacts._account = patients._account and contacts.patient_id = patients.patient_id
left join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = patients._account and practitioners.practitioner_id = patients.first_practitioner_id
where patients.status = 'live' and patients.visits = 1 and not patients.has_future_appointment and patients.first_visit_on is not null
