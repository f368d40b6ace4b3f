select
  _account,
  id as appointment_id,
  practitioner_id,
  business_id,
  appointment_type_id,
  starts_at,
  ends_at,
  {{ whole('max_attendees') }} as max_attendees,
  created_at,
  updated_at,
  _read_at as read_at,
  _gone_at as gone_at,
  coalesce(archived_at, deleted_at, _gone_at) as ended_at,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live,
  coalesce(not max_attendees between 0 and 2147483647, false) as has_odd_number
from {{ raw('group_appointments') }} as raw_
