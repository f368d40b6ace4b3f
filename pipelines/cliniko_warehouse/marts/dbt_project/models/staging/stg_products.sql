select
  _account,
  id as product_id,
  name as product_name,
  nullif(item_code, '') as item_code,
  product_supplier_id,
  nullif(product_supplier_name, '') as product_supplier_name,
  {{ quantity('stock_level') }} as stock_on_hand,
  {{ price('cost_price') }} as cost_price,
  {{ price('price_ex_tax') }} as net_price,
  coalesce(archived_at, _gone_at) is null as is_live,
  coalesce({{ is_too_large('stock_level', 3) }}, false)
    or coalesce({{ is_too_large('cost_price', 4) }}, false)
    or coalesce({{ is_too_large('price_ex_tax', 4) }}, false) as has_odd_amount
from {{ raw('products') }} as raw_
