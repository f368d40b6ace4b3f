{{ config(severity='warn') }}
{# Not so where lines cannot be read, or Cliniko rounds the total. #}
select _account, invoice_id, net_amount, lines_net_amount
from {{ ref('fct_invoices') }}
where lines > 0 and abs(net_amount - lines_net_amount) > 0.05
