{%- set source = "case when accounts.knows_sources then coalesce(sources.referral_source, 'not given') else 'not read' end" -%}
select
  visits._account,
  {{ or_none('visits.business_id') }} as business_id,
  max(visits.business_name) as business_name,
  visits.month_start,
  {{ source }} as referral_source,
  {{ times('true') }} as new_patients,
  {{ money('case when count(patients.patient_id) > 0 and bool_and(accounts.has_invoices) then coalesce(sum(patients.revenue_net), 0) end') }} as revenue_net
from {{ ref('fct_appointments') }} as visits
join {{ ref('int_account_zones') }} as accounts on accounts._account = visits._account and accounts.knows_visits
left join {{ ref('int_first_sources') }} as sources
  on sources._account = visits._account and sources.patient_id = visits.patient_id
left join {{ ref('dim_patients') }} as patients
  on patients._account = visits._account and patients.patient_id = visits.patient_id
where visits.is_first_visit and visits.local_date is not null
group by visits._account, {{ or_none('visits.business_id') }}, visits.month_start, {{ source }}
