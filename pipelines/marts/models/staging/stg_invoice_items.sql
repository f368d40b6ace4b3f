select
  _account,
  id as invoice_item_id,
  invoice_id,
  billable_item_id,
  product_id,
  name as item_name,
  nullif(code, '') as item_code,
  cast(quantity as decimal(18,3)) as quantity,
  {{ money('unit_price') }} as unit_price,
  {{ money('net_price') }} as net_amount,
  {{ money('total_including_tax') }} as gross_amount,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live
from {{ raw('invoice_items') }} as raw_
