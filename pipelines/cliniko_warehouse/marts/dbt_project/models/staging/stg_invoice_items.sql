select
  _account,
  id as invoice_item_id,
  invoice_id,
  billable_item_id,
  product_id,
  name as item_name,
  nullif(code, '') as item_code,
  {{ quantity('quantity') }} as quantity,
  {{ money('unit_price') }} as unit_price,
  {{ money('discounted_amount') }} as discount_amount,
  {{ money('net_price') }} as net_amount,
  {{ money('total_including_tax') }} as gross_amount,
  created_at,
  coalesce(archived_at, deleted_at, _gone_at) as ended_at,
  greatest(updated_at, coalesce(_gone_at, updated_at)) as changed_at,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live,
  coalesce({{ is_too_large('quantity', 3) }}, false)
    or coalesce({{ is_too_large('unit_price') }}, false)
    or coalesce({{ is_too_large('discounted_amount') }}, false)
    or coalesce({{ is_too_large('net_price') }}, false)
    or coalesce({{ is_too_large('total_including_tax') }}, false) as has_odd_amount
from {{ raw('invoice_items') }} as raw_
