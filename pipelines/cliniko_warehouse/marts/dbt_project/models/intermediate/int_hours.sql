{{ config(materialized='table') }}
{# Minutes of each local hour of a practitioner at a business: what is offered, what is
used. All borders of stretches cut the calendar into pieces, and the hours of each day that
they touch, from the first stretch to the last; running sums say what holds in each piece, so that stretches
that overlap count once. Hours without any would be most of the calendar. The running sums
are of small whole numbers as doubles: DuckDB adds up these in half the time of its 128 bits. #}
with stretches as (
  select * from {{ ref('int_stretches') }} where practitioner_id is not null and business_id is not null
),

open_stretches as (
  select
    _account, practitioner_id, business_id, begins, ends, cast(begins as date) as day,
    {{ days('cast(begins as date)', 'cast(ends as date)') }} as more_days
  from stretches where what <> 'blocked'
),

days as (
  select _account, practitioner_id, business_id, day, min(first_hour) as first_hour, max(last_hour) as last_hour
  from (
    select
      _account, practitioner_id, business_id, day,
      extract(hour from begins) + 1 as first_hour,
      case when more_days = 0 then extract(hour from ends) else 24 end as last_hour
    from open_stretches
    union all
    select
      open_stretches._account, open_stretches.practitioner_id, open_stretches.business_id,
      {{ later('open_stretches.day', 'numbers.number') }},
      0,
      case when numbers.number = open_stretches.more_days then extract(hour from open_stretches.ends) else 24 end
    from open_stretches
    join {{ ref('int_numbers') }} as numbers on numbers.number between 1 and open_stretches.more_days
    where open_stretches.more_days > 0
  ) as hours
  group by 1, 2, 3, 4
),

borders as (
  select
    _account, practitioner_id, business_id, begins as moment,
    case when what = 'roster' then 1 else 0 end as roster,
    case when what = 'extra' then 1 else 0 end as extra,
    case when what = 'blocked' then 1 else 0 end as blocked,
    case when what in ('booked', 'attended') then 1 else 0 end as booked,
    case when what = 'attended' then 1 else 0 end as attended
  from stretches
  union all
  select
    _account, practitioner_id, business_id, ends,
    case when what = 'roster' then -1 else 0 end,
    case when what = 'extra' then -1 else 0 end,
    case when what = 'blocked' then -1 else 0 end,
    case when what in ('booked', 'attended') then -1 else 0 end,
    case when what = 'attended' then -1 else 0 end
  from stretches
  union all
  select
    days._account, days.practitioner_id, days.business_id,
    cast(days.day as timestamp) + numbers.number * interval '1 hour', 0, 0, 0, 0, 0
  from days
  join {{ ref('int_numbers') }} as numbers
    on numbers.number <= 24 and numbers.number between days.first_hour and days.last_hour
),

moments as (
  select
    _account, practitioner_id, business_id, moment,
    sum(roster) as roster, sum(extra) as extra, sum(blocked) as blocked, sum(booked) as booked, sum(attended) as attended
  from borders
  group by 1, 2, 3, 4
),

pieces as (
  select
    _account, practitioner_id, business_id, moment,
    lead(moment) over calendar as until,
    sum(cast(roster as double precision)) over calendar > 0 as is_rostered,
    sum(cast(extra as double precision)) over calendar > 0 as is_extra,
    sum(cast(blocked as double precision)) over calendar > 0 as is_blocked,
    sum(cast(booked as double precision)) over calendar > 0 as is_booked,
    sum(cast(attended as double precision)) over calendar > 0 as is_attended
  from moments
  window calendar as (partition by _account, practitioner_id, business_id order by moment)
),

lengths as (
  select *, extract(epoch from (until - moment)) / 60 as minutes
  from pieces
  where is_rostered or is_extra or is_booked
)

select
  _account,
  practitioner_id,
  business_id,
  cast(moment as date) as local_date,
  cast(extract(hour from moment) as integer) as local_hour,
  {% for name, condition in [
    ('rostered_minutes', 'is_rostered'),
    ('extra_minutes', 'is_extra and not is_rostered'),
    ('blocked_minutes', '(is_rostered or is_extra) and is_blocked'),
    ('offered_minutes', '(is_rostered or is_extra) and not is_blocked'),
    ('booked_minutes', 'is_booked'),
    ('booked_in_offered_minutes', 'is_booked and (is_rostered or is_extra) and not is_blocked'),
    ('attended_minutes', 'is_attended'),
  ] -%}
  cast(sum(case when {{ condition }} then minutes else 0 end) as integer) as {{ name }}{{ "," if not loop.last }}
  {% endfor %}
from lengths
group by 1, 2, 3, 4, 5
