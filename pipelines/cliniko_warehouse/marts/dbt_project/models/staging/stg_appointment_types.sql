select
  _account,
  id as appointment_type_id,
  name as appointment_type_name,
  nullif(category, '') as category,
  {{ whole('duration_in_minutes') }} as duration_minutes,
  {{ whole('max_attendees') }} as max_attendees,
  coalesce(telehealth_enabled, false) as is_telehealth,
  coalesce(archived_at, _gone_at) is null as is_live,
  coalesce(not duration_in_minutes between 0 and 2147483647, false)
    or coalesce(not max_attendees between 0 and 2147483647, false) as has_odd_number
from {{ raw('appointment_types') }} as raw_
