{# One live group appointment that is over: its places, and how many were taken. #}
select
  groups._account,
  groups.appointment_id,
  {{ or_none('groups.practitioner_id') }} as practitioner_id,
  {{ or_none('groups.business_id') }} as business_id,
  cast({{ at_zone('groups.starts_at', 'zones.time_zone') }} as date) as local_date,
  coalesce(groups.max_attendees, types.max_attendees) as places,
  coalesce(seats.taken, 0) as taken
from {{ ref('stg_group_appointments') }} as groups
join {{ ref('int_zone_times') }} as zones
  on zones._account = groups._account and zones.business_id = {{ or_none('groups.business_id') }}
  and {{ held('zones', 'groups.starts_at') }}
cross join {{ ref('int_clock') }} as clock
left join {{ ref('stg_appointment_types') }} as types
  on types._account = groups._account and types.appointment_type_id = groups.appointment_type_id
left join (
  select _account, appointment_id, count(*) as taken
  from {{ ref('stg_attendees') }}
  where is_live and cancelled_at is null
  group by 1, 2
) as seats on seats._account = groups._account and seats.appointment_id = groups.appointment_id
where groups.is_live
  and groups.ends_at <= clock.as_of
  and {{ at_zone('groups.starts_at', 'zones.time_zone') }} is not null
  and coalesce(groups.max_attendees, types.max_attendees) is not null
