{# Stretches of a practitioner's calendar at a business, by the clock on the wall: weekly
hours (roster), hours beyond them (extra), closed ones (blocked), appointments.

What is offered lies in the span of the practitioner's work there. Weekly hours that end at 0:00, or earlier than they start, end on the day after. What ends
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
  laid._account,
  laid.practitioner_id,
  laid.business_id,
  'extra',
  greatest(laid.begins, cast(spans.first_day as timestamp)),
  least(laid.ends, cast({{ later('spans.last_day', '1') }} as timestamp))
from (
  select
    blocks._account,
    blocks.practitioner_id,
    blocks.business_id,
    {{ at_zone('blocks.starts_at', 'zones.time_zone') }} + numbers.number * blocks.step as begins,
    {{ end_at_zone('blocks.starts_at', 'blocks.ends_at', 'zones.time_zone') }} + numbers.number * blocks.step as ends
  from (
    select *, repeat_interval * case repeat_type
      when 'Monthly' then interval '1 month' when 'Weekly' then interval '7 days' else interval '1 day' end as step
    from {{ ref('stg_availability_blocks') }}
    where is_live and ends_at > starts_at and ends_at <= starts_at + {{ var('longest_days') }} * interval '1 day'
  ) as blocks
  join {{ ref('int_zone_times') }} as zones
    on zones._account = blocks._account and zones.business_id = blocks.business_id
    and {{ held('zones', 'blocks.starts_at') }}
  join {{ ref('int_numbers') }} as numbers on numbers.number <= blocks.repeats
) as laid
join {{ ref('int_spans') }} as spans
  on spans._account = laid._account and spans.practitioner_id = laid.practitioner_id
  and spans.business_id = laid.business_id and spans.last_day is not null

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
join {{ ref('int_zone_times') }} as zones
  on zones._account = spans._account and zones.business_id = spans.business_id
  and {{ held('zones', 'blocks.starts_at') }}
where blocks.is_live and blocks.ends_at > blocks.starts_at

union all

select
  _account,
  practitioner_id,
  business_id,
  case when attended = 1 then 'attended' else 'booked' end,
  begins,
  ends
from {{ ref('int_appointments') }}
where stands = 1
)

select *
from stretches
where (what = 'blocked' and ends > begins) or {{ takes_time('begins', 'ends') }}
