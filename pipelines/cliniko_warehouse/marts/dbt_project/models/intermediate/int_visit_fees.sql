{# What was invoiced for one completed visit, without products; a credit note for it takes off. #}
select
  visits._account,
  visits.appointment_key,
  visits.appointment_type_id,
  visits.practitioner_id,
  visits.business_id,
  visits.month_start,
  cast(sum(case when lines.item_kind <> 'product' then lines.net_amount else 0 end) as decimal(38,2)) as fee
from {{ ref('fct_appointments') }} as visits
join {{ ref('int_account_zones') }} as accounts on accounts._account = visits._account and accounts.knows_visits
join {{ ref('fct_invoice_items') }} as lines
  on lines._account = visits._account and lines.appointment_key = visits.appointment_key
where visits.status = 'completed'
group by 1, 2, 3, 4, 5, 6
