select
  _account,
  id as billable_item_id,
  name as item_name,
  case lower(item_type) when 'service' then 'service' when 'product' then 'product' else 'other' end as item_kind,
  coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('billable_items') }} as raw_
