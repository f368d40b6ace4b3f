select
  _account,
  daily_availability_id,
  cast(position as integer) as position,
  starts_at as local_start,
  ends_at as local_end
from {{ raw('daily_availabilities__availabilities') }} as raw_
where starts_at is not null and ends_at is not null
