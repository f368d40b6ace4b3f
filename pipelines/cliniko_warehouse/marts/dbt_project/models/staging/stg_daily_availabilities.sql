{# Which day 0 is, Cliniko does not say. Counted from Sunday = 0, its newer numbers (0 to 6)
and its older ones (1 = Monday to 7 = Sunday) mean the same days. #}
select
  _account,
  id as daily_availability_id,
  practitioner_id,
  business_id,
  case when day_of_week = 0 then 7 else {{ whole('day_of_week', 1, 7) }} end as weekday,
  created_at,
  _gone_at is null as is_live
from {{ raw('daily_availabilities') }} as raw_
