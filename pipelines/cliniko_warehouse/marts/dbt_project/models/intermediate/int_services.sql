{# Minutes of appointments that somebody came to, on each local day that they touch, by the
rule of the calendar in int_stretches; two at once count both. #}
with visits as (
  select * from {{ ref('int_appointments') }}
  where completed = 1 and {{ takes_time('begins', 'ends') }}
),

days as (
  select
    visits.*,
    cast({{ later('cast(visits.begins as date)', 'numbers.number') }} as timestamp) as day
  from visits
  join {{ ref('int_numbers') }} as numbers
    on numbers.number between 0 and {{ days('cast(visits.begins as date)', 'cast(visits.ends as date)') }}
)

select
  _account,
  practitioner_id,
  business_id,
  cast(day as date) as local_date,
  sum(extract(epoch from (least(ends, day + interval '1 day') - greatest(begins, day)))) / 60 as minutes
from days
where ends > day
group by 1, 2, 3, 4
