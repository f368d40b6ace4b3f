select
  _account,
  appointment_type_id,
  appointment_type_name,
  category,
  case when max_attendees > 1 then 'group' else 'individual' end as kind,
  duration_minutes,
  max_attendees,
  is_telehealth,
  is_live
from {{ ref('stg_appointment_types') }}
