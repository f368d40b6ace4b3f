select
  _account,
  id as appointment_id,
  practitioner_id,
  business_id,
  appointment_type_id,
  starts_at,
  ends_at,
  cast(max_attendees as integer) as max_attendees,
  created_at,
  updated_at,
  _read_at as read_at,
  _gone_at as gone_at,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live
from {{ raw('group_appointments') }} as raw_
