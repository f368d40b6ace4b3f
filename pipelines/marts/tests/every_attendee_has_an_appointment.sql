{{ config(severity='warn') }}
{# One whose appointment is in neither list is counted nowhere. #}
select seats._account, seats.attendee_id
from {{ ref('stg_attendees') }} as seats
left join {{ ref('stg_individual_appointments') }} as own
  on own._account = seats._account and own.appointment_id = seats.appointment_id
left join {{ ref('stg_group_appointments') }} as groups
  on groups._account = seats._account and groups.appointment_id = seats.appointment_id
where seats.is_live and own.appointment_id is null and groups.appointment_id is null
