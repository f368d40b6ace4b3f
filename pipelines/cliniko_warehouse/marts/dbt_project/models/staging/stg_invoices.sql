select
  _account,
  id as invoice_id,
  number,
  issue_date,
  patient_id,
  practitioner_id,
  business_id,
  attendee_id,
  original_invoice_id,
  coalesce({{ invoice_status('status') }}, case when closed_at is null then 'open' else 'closed' end) as status,
  closed_at,
  nullif(trim(split_part(replace(invoice_to, chr(13), ''), chr(10), 1)), '') as payer_name,
  {{ money('discounted_amount') }} as discount_amount,
  {{ money('net_amount') }} as net_amount,
  {{ money('tax_amount') }} as tax_amount,
  {{ money('total_amount') }} as gross_amount,
  created_at,
  coalesce(archived_at, deleted_at, _gone_at) as ended_at,
  greatest(updated_at, coalesce(_gone_at, updated_at)) as changed_at,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live,
  coalesce({{ is_too_large('discounted_amount') }}, false)
    or coalesce({{ is_too_large('net_amount') }}, false)
    or coalesce({{ is_too_large('tax_amount') }}, false)
    or coalesce({{ is_too_large('total_amount') }}, false) as has_odd_amount
from {{ raw('invoices') }} as raw_
