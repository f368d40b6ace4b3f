select
  _account,
  id as stock_adjustment_id,
  product_id,
  adjustment_type,
  {{ quantity('quantity') }} as quantity,
  created_at,
  coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('stock_adjustments') }} as raw_
