{{ config(materialized='view') }}
{# One patient's place in one appointment, whatever became of it: the grain of
fct_appointments, with archived and gone rows. An individual appointment counts by its own
row; its row in attendees lends what only stands there. #}
with seats as (
  select
    *,
    row_number() over (
      partition by _account, appointment_id
      order by case when is_live then 0 else 1 end, updated_at desc, attendee_id desc
    ) as place
  from {{ ref('stg_attendees') }}
)
select
  own._account,
  'individual-' || cast(own.appointment_id as varchar) as appointment_key,
  'individual' as kind,
  own.appointment_id,
  seats.attendee_id,
  own.patient_id,
  own.practitioner_id,
  own.business_id,
  own.appointment_type_id,
  coalesce(own.patient_case_id, seats.patient_case_id) as patient_case_id,
  own.starts_at,
  own.ends_at,
  own.created_at,
  own.cancelled_at,
  own.cancellation_reason,
  case when own.has_not_arrived then 'did_not_arrive' when own.has_arrived then 'arrived' else 'none' end as mark,
  coalesce(own.invoice_status, seats.invoice_status) as invoice_status,
  coalesce(own.note_status, seats.note_status) as note_status,
  own.is_booked_online or coalesce(seats.is_booked_online, false) as is_booked_online,
  own.is_live,
  own.ended_at,
  greatest(own.updated_at, coalesce(seats.updated_at, own.updated_at), coalesce(own.gone_at, own.updated_at)) as changed_at
from {{ ref('stg_individual_appointments') }} as own
left join seats
  on seats._account = own._account and seats.appointment_id = own.appointment_id and seats.place = 1

union all

select
  seats._account,
  'group-' || cast(seats.attendee_id as varchar),
  'group',
  seats.appointment_id,
  seats.attendee_id,
  seats.patient_id,
  groups.practitioner_id,
  groups.business_id,
  groups.appointment_type_id,
  seats.patient_case_id,
  groups.starts_at,
  groups.ends_at,
  seats.created_at,
  seats.cancelled_at,
  seats.cancellation_reason,
  case when seats.has_arrived then 'arrived' when not seats.has_arrived then 'did_not_arrive' else 'none' end,
  seats.invoice_status,
  seats.note_status,
  seats.is_booked_online,
  seats.is_live and groups.is_live,
  least(coalesce(seats.ended_at, groups.ended_at), coalesce(groups.ended_at, seats.ended_at)),
  greatest(
    seats.updated_at, groups.updated_at,
    coalesce(seats.gone_at, seats.updated_at), coalesce(groups.gone_at, groups.updated_at)
  )
from {{ ref('stg_attendees') }} as seats
join {{ ref('stg_group_appointments') }} as groups
  on groups._account = seats._account and groups.appointment_id = seats.appointment_id
