select
  _account,
  id as patient_case_id,
  patient_id,
  nullif(name, '') as case_name,
  expiry_date as expires_on,
  max_sessions,
  coalesce(include_cancelled_attendees, false) as counts_cancelled,
  coalesce(include_dna_attendees, false) as counts_missed,
  created_at,
  closed_at,
  coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('patient_cases') }} as raw_
