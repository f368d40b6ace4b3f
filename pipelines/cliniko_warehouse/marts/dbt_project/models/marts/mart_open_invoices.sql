select
  _account,
  invoice_id,
  number,
  issue_date,
  patient_id,
  practitioner_id,
  practitioner_name,
  business_id,
  business_name,
  status,
  status = 'open_credit' or is_credit as is_credit,
  days_open,
  case
    when issue_date is null then 'no issue date'
    when days_open <= 30 then '0-30'
    when days_open <= 60 then '31-60'
    when days_open <= 90 then '61-90'
    else 'over 90'
  end as age,
  gross_amount as open_gross_amount
from {{ ref('fct_invoices') }}
where is_open
