select
  visits._account,
  {{ or_none('practitioner_id') }} as practitioner_id,
  max(practitioner_name) as practitioner_name,
  {{ or_none('business_id') }} as business_id,
  max(business_name) as business_name,
  month_start,
  cancellation_reason,
  case
    when cancellation_lead_days <= 0 then 'same day'
    when cancellation_lead_days = 1 then '1 day'
    when cancellation_lead_days <= 7 then '2-7 days'
    else '8 days and more'
  end as notice,
  {{ times('true') }} as cancelled
from {{ ref('fct_appointments') }} as visits
join {{ ref('int_account_zones') }} as accounts on accounts._account = visits._account and accounts.knows_visits
where status = 'cancelled' and local_date is not null
group by visits._account, {{ or_none('practitioner_id') }}, {{ or_none('business_id') }}, month_start, cancellation_reason, 8
