{# One live appointment that somebody holds a place in, a class once: whose time it takes. #}
select
  _account,
  kind,
  appointment_id,
  {{ or_none('practitioner_id') }} as practitioner_id,
  {{ or_none('business_id') }} as business_id,
  local_date,
  month_start,
  starts_at_local,
  ends_at_local,
  max(minutes) as minutes,
  max(case when status <> 'cancelled' then 1 else 0 end) as stands,
  max(case when status in ('completed', 'arrived') then 1 else 0 end) as attended,
  max(case when status = 'completed' then 1 else 0 end) as completed
from {{ ref('fct_appointments') }}
where local_date is not null
group by 1, 2, 3, 4, 5, 6, 7, 8, 9
