select
  _account,
  id as attendee_id,
  booking_id as appointment_id,
  patient_id,
  patient_case_id,
  arrived as has_arrived,
  created_at,
  updated_at,
  cancelled_at,
  case when cancelled_at is not null then {{ cancellation_reason('cancellation_reason', 'cancellation_reason_description') }} end as cancellation_reason,
  {{ invoice_status('invoice_status') }} as invoice_status,
  {{ note_status('treatment_note_status') }} as note_status,
  (online_booking_policy_accepted is not null or nullif(booking_ip_address, '') is not null) as is_booked_online,
  _read_at as read_at,
  _gone_at as gone_at,
  coalesce(archived_at, deleted_at, _gone_at) as ended_at,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live
from {{ raw('attendees') }} as raw_
