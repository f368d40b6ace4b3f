with lines as (
  select _account, invoice_id, count(*) as lines, sum(net_amount) as net_amount
  from {{ ref('stg_invoice_items') }}
  where is_live
  group by 1, 2
)

select
  invoices._account,
  invoices.invoice_id,
  invoices.number,
  invoices.issue_date,
  {{ month_of('invoices.issue_date') }} as month_start,
  invoices.survivor_id as patient_id,
  invoices.practitioner_id,
  practitioners.practitioner_name,
  invoices.business_id,
  businesses.business_name,
  invoices.attendee_id,
  invoices.appointment_key,
  invoices.original_invoice_id,
  invoices.original_invoice_id is not null or coalesce(invoices.gross_amount < 0, false) as is_credit,
  invoices.status,
  invoices.status in ('open', 'open_credit') as is_open,
  invoices.closed_at,
  {{ days('invoices.issue_date', "case when invoices.status in ('open', 'open_credit') or invoices.closed_at is null then zones.today else cast(" ~ at_zone('invoices.closed_at', 'closing.time_zone') ~ " as date) end") }} as days_open,
  case when accounts.has_invoice_items then cast(coalesce(lines.lines, 0) as integer) end as lines,
  invoices.discount_amount,
  invoices.net_amount,
  invoices.tax_amount,
  invoices.gross_amount,
  {{ money('lines.net_amount') }} as lines_net_amount,
  cast({{ at_zone('invoices.closed_at', 'closing.time_zone') }} as date) as closed_on,
  case
    when lower(invoices.payer_name) in (lower(patients.patient_name), lower(survivors.patient_name)) then 'patient'
    else coalesce(invoices.payer_name, 'not given')
  end as payer
from {{ ref('int_invoices') }} as invoices
join {{ ref('int_zones') }} as zones
  on zones._account = invoices._account
  and zones.business_id = {{ or_none('invoices.business_id') }}
join {{ ref('int_zone_times') }} as closing
  on closing._account = invoices._account
  and closing.business_id = {{ or_none('invoices.business_id') }}
  and {{ held('closing', 'invoices.closed_at') }}
join {{ ref('int_account_zones') }} as accounts on accounts._account = invoices._account
left join lines on lines._account = invoices._account and lines.invoice_id = invoices.invoice_id
left join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = invoices._account and practitioners.practitioner_id = invoices.practitioner_id
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = invoices._account and businesses.business_id = invoices.business_id
left join {{ ref('stg_patients') }} as patients
  on patients._account = invoices._account and patients.patient_id = invoices.patient_id
left join {{ ref('stg_patients') }} as survivors
  on survivors._account = invoices._account and survivors.patient_id = invoices.survivor_id
