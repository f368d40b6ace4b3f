select
  hours._account,
  hours.practitioner_id,
  hours.business_id,
  hours.local_date,
  cast(extract(isodow from hours.local_date) as integer) as weekday,
  cast(sum(hours.rostered_minutes) as integer) as rostered_minutes,
  cast(sum(hours.extra_minutes) as integer) as extra_minutes,
  cast(sum(hours.blocked_minutes) as integer) as blocked_minutes,
  cast(sum(hours.offered_minutes) as integer) as offered_minutes,
  coalesce(hours.local_date < max(starts.history_from), true) as is_estimated
from {{ ref('int_known_hours') }} as hours
left join (
  select _account, business_id, min(history_from) as history_from from {{ ref('int_rosters') }} group by 1, 2
) as starts on starts._account = hours._account and starts.business_id = hours.business_id
where hours.rostered_minutes + hours.extra_minutes + hours.offered_minutes > 0
group by 1, 2, 3, 4, 5
