select
  _account,
  id as practitioner_id,
  coalesce(nullif(label, ''), nullif(display_name, ''), nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')) as practitioner_name,
  nullif(designation, '') as designation,
  coalesce(active, true) as is_active,
  _gone_at is null as is_live
from {{ raw('practitioners') }} as raw_
