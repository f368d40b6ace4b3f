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
  visits.note_status,
  'completed ' || {{ counted(days('visits.local_date', 'zones.today'), 'day') }} || ' ago' || case when visits.note_status is null then ', no treatment note' else ', treatment note is a ' || visits.note_status end as reason
from {{ ref('fct_appointments') }} as visits
join {{ ref('int_zones') }} as zones
  on zones._account = visits._account and zones.business_id = {{ or_none('visits.business_id') }}
join {{ ref('int_account_zones') }} as accounts
  on accounts._account = visits._account and accounts.has_notes
left join {{ ref('int_contacts') }} as contacts
  on contacts._account = visits._account and contacts.patient_id = visits.patient_id
where visits.status = 'completed' and visits.kind = 'individual' and visits.note_status is distinct from 'final' and visits.local_date is not null
