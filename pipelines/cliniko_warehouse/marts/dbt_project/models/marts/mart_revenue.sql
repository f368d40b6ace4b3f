{# Each line of an invoice, and what an invoice's own sums say beyond its lines: counted once
on the day of issue, once on the day of closing. #}
with totals as (
  select
    _account,
    invoice_id,
    sum(net_amount) as net_amount,
    sum(gross_amount) as gross_amount,
    sum(discount_amount) as discount_amount
  from {{ ref('fct_invoice_items') }}
  group by 1, 2
),

lines as (
  select
    _account, invoice_id, item_kind,
    {{ or_none('billable_item_id') }} as billable_item_id,
    {{ or_none('product_id') }} as product_id,
    coalesce(item_name, 'not given') as item_name,
    quantity,
    {% for name in ['net', 'gross', 'discount'] %}cast({{ name }}_amount as decimal(38,2)) as {{ name }}_amount{{ ', ' if not loop.last }}{% endfor %}
  from {{ ref('fct_invoice_items') }}
  union all
  select
    invoices._account, invoices.invoice_id,
    case when accounts.has_invoice_items then 'rest' else 'not read' end, 0, 0,
    case when accounts.has_invoice_items then 'beyond the lines' else 'not read' end, null,
    {% for name in ['net', 'gross', 'discount'] -%}
    cast(coalesce(invoices.{{ name }}_amount, 0) as decimal(38,2)) - coalesce(totals.{{ name }}_amount, 0){{ ',' if not loop.last }}
    {% endfor %}
  from {{ ref('fct_invoices') }} as invoices
  join {{ ref('int_account_zones') }} as accounts on accounts._account = invoices._account
  left join totals on totals._account = invoices._account and totals.invoice_id = invoices.invoice_id
  where coalesce(totals.net_amount, 0) <> coalesce(invoices.net_amount, 0)
    or coalesce(totals.gross_amount, 0) <> coalesce(invoices.gross_amount, 0)
    or coalesce(totals.discount_amount, 0) <> coalesce(invoices.discount_amount, 0)
),

days as (
  {% for basis, day in [('issued', 'issue_date'), ('closed', 'closed_on')] -%}
  select
    '{{ basis }}' as basis,
    invoices.{{ day }} as local_date,
    {{ or_none('invoices.practitioner_id') }} as practitioner_id,
    invoices.practitioner_name,
    {{ or_none('invoices.business_id') }} as business_id,
    invoices.business_name,
    invoices.payer,
    invoices.is_credit,
    lines.*
  from lines
  join {{ ref('fct_invoices') }} as invoices
    on invoices._account = lines._account and invoices.invoice_id = lines.invoice_id
  where invoices.{{ day }} is not null {{ 'and not invoices.is_open' if basis == 'closed' }}
  {{ 'union all' if not loop.last }}
  {% endfor %}
)

select
  days._account,
  local_date,
  {{ month_of('local_date') }} as month_start,
  practitioner_id,
  max(practitioner_name) as practitioner_name,
  business_id,
  max(business_name) as business_name,
  payer,
  item_kind,
  billable_item_id,
  product_id,
  item_name,
  {{ quantity("case when accounts.has_invoice_items then coalesce(sum(case when basis = 'issued' then quantity end), 0) end") }} as quantity,
  {{ money("coalesce(sum(case when basis = 'issued' then net_amount end), 0)") }} as revenue_net,
  {{ money("coalesce(sum(case when basis = 'issued' then gross_amount end), 0)") }} as revenue_gross,
  {{ money("coalesce(sum(case when basis = 'issued' then discount_amount end), 0)") }} as discounts,
  {{ money("coalesce(sum(case when basis = 'issued' and is_credit then net_amount end), 0)") }} as credited_net,
  {{ money("coalesce(sum(case when basis = 'closed' then net_amount end), 0)") }} as closed_net,
  {{ money("coalesce(sum(case when basis = 'closed' then gross_amount end), 0)") }} as closed_gross
from days
join {{ ref('int_account_zones') }} as accounts on accounts._account = days._account
group by days._account, local_date, practitioner_id, business_id, payer, item_kind, billable_item_id, product_id, item_name, accounts.has_invoice_items
