with open_invoices as (
  select
    _account,
    {{ or_none('patient_id') }} as patient_id,
    payer,
    issue_date,
    days_open,
    gross_amount,
    status = 'open_credit' or is_credit as is_credit
  from {{ ref('fct_invoices') }}
  where is_open
)

select
  open_invoices._account,
  open_invoices.patient_id,
  max(patients.patient_name) as patient_name,
  open_invoices.payer,
  {{ times('not is_credit') }} as open_invoices,
  min(case when not is_credit then issue_date end) as oldest_issue_date,
  max(case when not is_credit then days_open end) as oldest_days,
  {% for name, condition in [
    ('open_gross_amount', 'true'),
    ('open_0_30', 'days_open <= 30'),
    ('open_31_60', 'days_open between 31 and 60'),
    ('open_61_90', 'days_open between 61 and 90'),
    ('open_over_90', 'days_open > 90'),
    ('open_undated', 'days_open is null'),
  ] -%}
  {{ money('coalesce(sum(case when not is_credit and ' ~ condition ~ ' then gross_amount end), 0)') }} as {{ name }},
  {% endfor -%}
  {{ money('coalesce(sum(case when is_credit then gross_amount end), 0)') }} as credit_gross_amount
from open_invoices
left join {{ ref('stg_patients') }} as patients
  on patients._account = open_invoices._account and patients.patient_id = open_invoices.patient_id
group by open_invoices._account, open_invoices.patient_id, open_invoices.payer
