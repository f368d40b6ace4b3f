select
  _account,
  id as product_id,
  name as product_name,
  nullif(item_code, '') as item_code,
  product_supplier_id,
  nullif(product_supplier_name, '') as product_supplier_name,
  cast(stock_level as decimal(18,3)) as stock_on_hand,
  {{ money('cost_price') }} as cost_price,
  {{ money('price_ex_tax') }} as net_price,
  coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('products') }} as raw_
