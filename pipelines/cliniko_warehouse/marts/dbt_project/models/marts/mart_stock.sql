with sold as (
  select lines._account, lines.product_id, sum(lines.quantity) as quantity
  from {{ ref('fct_invoice_items') }} as lines
  join {{ ref('int_account_zones') }} as accounts on accounts._account = lines._account
  where lines.product_id is not null and lines.issue_date > {{ later('accounts.today', '-90') }}
  group by 1, 2
),

moved as (
  select _account, product_id, max(created_at) as last_moved_at
  from {{ ref('stg_stock_adjustments') }}
  where is_live
  group by 1, 2
)

select
  products._account,
  products.product_id,
  products.product_name,
  products.item_code,
  coalesce(suppliers.supplier, products.product_supplier_name) as supplier,
  products.stock_on_hand,
  {{ money(wide('products.stock_on_hand', 3) ~ ' * ' ~ wide('products.cost_price', 4)) }} as cost_value,
  {{ money(wide('products.stock_on_hand', 3) ~ ' * ' ~ wide('products.net_price', 4)) }} as retail_value,
  {{ quantity('case when accounts.has_invoices and accounts.has_invoice_items then coalesce(sold.quantity, 0) end') }} as sold_90_days,
  moved.last_moved_at
from {{ ref('stg_products') }} as products
join {{ ref('int_account_zones') }} as accounts on accounts._account = products._account
left join {{ ref('stg_product_suppliers') }} as suppliers
  on suppliers._account = products._account and suppliers.product_supplier_id = products.product_supplier_id
left join sold on sold._account = products._account and sold.product_id = products.product_id
left join moved on moved._account = products._account and moved.product_id = products.product_id
where products.is_live
