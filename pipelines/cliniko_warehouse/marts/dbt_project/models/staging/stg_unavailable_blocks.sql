select
  _account,
  id as unavailable_block_id,
  practitioner_id,
  business_id,
  starts_at,
  ends_at,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live
from {{ raw('unavailable_blocks') }} as raw_
