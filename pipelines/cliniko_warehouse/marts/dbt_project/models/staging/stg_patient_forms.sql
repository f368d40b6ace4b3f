select
  _account,
  id as patient_form_id,
  patient_id,
  attendee_id,
  booking_id as appointment_id,
  nullif(name, '') as form_name,
  created_at,
  completed_at,
  coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('patient_forms') }} as raw_
