select
  debtors._account,
  debtors.patient_id,
  {{ contact_columns('contacts') }},
  debtors.payer,
  debtors.open_invoices,
  debtors.oldest_issue_date,
  debtors.oldest_days,
  case when debtors.oldest_days > 90 then 'over 90' when debtors.oldest_days > 60 then 'over 60' else 'over 30' end as age,
  {{ money(wide('debtors.open_31_60') ~ ' + ' ~ wide('debtors.open_61_90') ~ ' + ' ~ wide('debtors.open_over_90')) }} as open_over_30,
  {{ money(wide('debtors.open_61_90') ~ ' + ' ~ wide('debtors.open_over_90')) }} as open_over_60,
  debtors.open_over_90,
  'the oldest of ' || {{ counted('debtors.open_invoices', 'open invoice') }} || ' is ' || {{ counted('debtors.oldest_days', 'day') }} || ' old'
    || case when debtors.payer in ('patient', 'not given') then '' else ', payer ' || debtors.payer end as reason
from {{ ref('mart_debtors') }} as debtors
left join {{ ref('int_contacts') }} as contacts
  on contacts._account = debtors._account and contacts.patient_id = debtors.patient_id
where debtors.oldest_days > 30
