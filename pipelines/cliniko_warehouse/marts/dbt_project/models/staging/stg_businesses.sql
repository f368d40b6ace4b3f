select
  _account,
  id as business_id,
  coalesce(nullif(label, ''), nullif(display_name, ''), business_name) as business_name,
  nullif(time_zone_identifier, '') as time_zone_identifier,
  nullif(time_zone, '') as time_zone_label,
  nullif(city, '') as city,
  nullif(state, '') as state,
  nullif(country_code, '') as country_code,
  created_at,
  coalesce(archived_at, deleted_at) as archived_at,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live
from {{ raw('businesses') }} as raw_
