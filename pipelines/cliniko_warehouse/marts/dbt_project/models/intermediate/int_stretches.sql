{# Stretches of a practitioner's calendar at a business, by the clock on the wall: weekly
hours (roster), hours beyond them (extra), closed ones (blocked), appointments.

Weekly hours that end at 0:00, or earlier than they start, end on the day after. What ends
before it starts takes no time; nor does what would fill the calendar of years by a mistyped
date, but for closed time. #}
with stretches as (
select
  rosters._account,
  rosters.practitioner_id,
  rosters.business_id,
  'roster' as what,
  days.date_day + rosters.local_start as begins,
  {{ later('days.date_day', "case when rosters.local_end <= rosters.local_start then 1 else 0 end") }} + rosters.local_end as ends
from {{ ref('int_rosters') }} as rosters
join {{ ref('int_spans') }} as spans
  on spans._account = rosters._account and spans.practitioner_id = rosters.practitioner_id
  and spans.business_id = rosters.business_id
join {{ ref('dim_date') }} as days
  on days.weekday = rosters.weekday
  and days.date_day between spans.first_day and spans.last_day
  and (rosters.from_day is null or days.date_day >= rosters.from_day)
  and (rosters.to_day is null or days.date_day < rosters.to_day)
where rosters.local_end <> rosters.local_start or rosters.local_end = time '00:00'

union all

select
  blocks._account,
  blocks.practitioner_id,
  blocks.business_id,
  'extra',
  {{ at_zone('blocks.starts_at', 'zones.time_zone') }} + numbers.number * blocks.repeat_interval * case blocks.repeat_type
    when 'Monthly' then interval '1 month' when 'Weekly' then interval '7 days' else interval '1 day' end,
  {{ end_at_zone('blocks.starts_at', 'blocks.ends_at', 'zones.time_zone') }} + numbers.number * blocks.repeat_interval * case blocks.repeat_type
    when 'Monthly' then interval '1 month' when 'Weekly' then interval '7 days' else interval '1 day' end
from {{ ref('stg_availability_blocks') }} as blocks
join {{ ref('int_zones') }} as zones
  on zones._account = blocks._account and zones.business_id = blocks.business_id
join {{ ref('int_numbers') }} as numbers on numbers.number <= blocks.repeats
where blocks.is_live and blocks.ends_at > blocks.starts_at

union all

select
  blocks._account,
  blocks.practitioner_id,
  spans.business_id,
  'blocked',
  {{ at_zone('blocks.starts_at', 'zones.time_zone') }},
  {{ end_at_zone('blocks.starts_at', 'blocks.ends_at', 'zones.time_zone') }}
from {{ ref('stg_unavailable_blocks') }} as blocks
join {{ ref('int_spans') }} as spans
  on spans._account = blocks._account and spans.practitioner_id = blocks.practitioner_id
  and spans.business_id = coalesce(blocks.business_id, spans.business_id)
join {{ ref('int_zones') }} as zones
  on zones._account = spans._account and zones.business_id = spans.business_id
where blocks.is_live and blocks.ends_at > blocks.starts_at

union all

select
  _account,
  practitioner_id,
  business_id,
  case when attended = 1 then 'attended' else 'booked' end,
  starts_at_local,
  case when ends_at_local > starts_at_local then ends_at_local else starts_at_local + minutes * interval '1 minute' end
from {{ ref('int_appointments') }}
where stands = 1
)

select *
from stretches
where ends > begins
  and (what = 'blocked' or (
    ends <= begins + {{ var('longest_days') }} * interval '1 day'
    and begins < timestamp '9990-01-01 00:00:00'
  ))
