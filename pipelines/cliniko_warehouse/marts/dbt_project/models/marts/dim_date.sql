with edges as (
  select
    min(day) as first_day, max(today) as today
  from (
    select cast(starts_at as date) as day, cast(null as date) as today from {{ ref('int_places') }}
    union all select issue_date, cast(null as date) from {{ ref('stg_invoices') }}
    union all select today, today from {{ ref('int_account_zones') }}
  ) as days
  where day >= date '2000-01-01'
),

days as (
  select {{ later(month_of('edges.first_day') ~ " - (extract(month from edges.first_day) - 1) * interval '1 month'", 'numbers.number') }} as date_day, edges.today
  from edges
  cross join {{ ref('int_numbers') }} as numbers
)

select
  date_day,
  cast(extract(year from date_day) as integer) as year,
  cast(extract(quarter from date_day) as integer) as quarter,
  cast(extract(month from date_day) as integer) as month,
  {{ month_of('date_day') }} as month_start,
  cast(date_trunc('week', date_day) as date) as week_start,
  cast(extract(week from date_day) as integer) as iso_week,
  cast(extract(day from date_day) as integer) as day_of_month,
  cast(extract(isodow from date_day) as integer) as weekday,
  case extract(isodow from date_day)
    {% for name in ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] %}when {{ loop.index }} then '{{ name }}' {% endfor %}
  end as weekday_name,
  case extract(month from date_day)
    {% for name in ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'] %}when {{ loop.index }} then '{{ name }}' {% endfor %}
  end as month_name,
  extract(isodow from date_day) > 5 as is_weekend
from days
where extract(year from date_day) <= extract(year from today) + 1
