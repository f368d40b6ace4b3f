{# One live appointment that somebody holds a place in, a class once: whose time it takes, by
the clock on the wall. Where clocks go back, an end may read no later than the start: then it
is as long as it lasts. #}
select
  _account,
  kind,
  appointment_id,
  {{ or_none('practitioner_id') }} as practitioner_id,
  {{ or_none('business_id') }} as business_id,
  local_date,
  month_start,
  starts_at_local as begins,
  case when ends_at_local > starts_at_local then ends_at_local else starts_at_local + max(minutes) * interval '1 minute' end as ends,
  max(case when status <> 'cancelled' then 1 else 0 end) as stands,
  max(case when status in ('completed', 'arrived') then 1 else 0 end) as attended,
  max(case when status = 'completed' then 1 else 0 end) as completed
from {{ ref('fct_appointments') }}
where local_date is not null
group by _account, kind, appointment_id, {{ or_none('practitioner_id') }}, {{ or_none('business_id') }}, local_date, month_start, starts_at_local, ends_at_local
