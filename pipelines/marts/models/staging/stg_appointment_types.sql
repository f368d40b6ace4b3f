select
  _account,
  id as appointment_type_id,
  name as appointment_type_name,
  nullif(category, '') as category,
  cast(duration_in_minutes as integer) as duration_minutes,
  cast(max_attendees as integer) as max_attendees,
  coalesce(telehealth_enabled, false) as is_telehealth,
  coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('appointment_types') }} as raw_
