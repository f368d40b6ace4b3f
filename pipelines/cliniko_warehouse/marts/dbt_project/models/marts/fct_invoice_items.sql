select
  lines._account,
  lines.invoice_item_id,
  lines.invoice_id,
  invoices.issue_date,
  invoices.month_start,
  invoices.patient_id,
  invoices.practitioner_id,
  invoices.practitioner_name,
  invoices.business_id,
  invoices.business_name,
  invoices.appointment_key,
  places.appointment_type_name,
  case when lines.product_id is not null then 'product' else coalesce(prices.item_kind, case when accounts.knows_items then 'other' else 'not read' end) end as item_kind,
  lines.billable_item_id,
  lines.product_id,
  lines.item_name,
  lines.item_code,
  invoices.status as invoice_status,
  lines.quantity,
  lines.unit_price,
  lines.net_amount,
  {{ money(wide('lines.gross_amount') ~ ' - ' ~ wide('lines.net_amount')) }} as tax_amount,
  lines.gross_amount,
  lines.discount_amount
from {{ ref('stg_invoice_items') }} as lines
join {{ ref('fct_invoices') }} as invoices
  on invoices._account = lines._account and invoices.invoice_id = lines.invoice_id
join {{ ref('int_account_zones') }} as accounts on accounts._account = lines._account
left join {{ ref('fct_appointments') }} as places
  on places._account = invoices._account and places.appointment_key = invoices.appointment_key
left join {{ ref('stg_billable_items') }} as prices
  on prices._account = lines._account and prices.billable_item_id = lines.billable_item_id
where lines.is_live
