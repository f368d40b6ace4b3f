select
  visits._account,
  visits.appointment_key,
  visits.patient_id,
  {{ contact_columns('contacts') }},
  visits.practitioner_id,
  visits.practitioner_name,
  visits.business_id,
  visits.business_name,
  visits.appointment_type_name,
  visits.local_date,
  {{ days('visits.local_date', 'zones.today') }} as days_since,
  'completed ' || {{ counted(days('visits.local_date', 'zones.today'), 'day') }} || ' ago' || ', no invoice' as reason
from {{ ref('fct_appointments') }} as visits
join {{ ref('int_zones') }} as zones
  on zones._account = visits._account and zones.business_id = {{ or_none('visits.business_id') }}
join {{ ref('int_account_zones') }} as accounts
  on accounts._account = visits._account and accounts.has_invoices
left join {{ ref('int_contacts') }} as contacts
  on contacts._account = visits._account and contacts.patient_id = visits.patient_id
left join (
  select distinct _account, appointment_key from {{ ref('fct_invoices') }} where appointment_key is not null
) as billed on billed._account = visits._account and billed.appointment_key = visits.appointment_key
where visits.status = 'completed' and visits.invoice_status is null and billed.appointment_key is null and visits.local_date is not null
