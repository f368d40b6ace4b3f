with visits as (
  select
    _account,
    patient_id,
    min(case when status = 'completed' then local_date end) as first_visit_on,
    max(case when status = 'completed' then local_date end) as last_visit_on,
    min(case when status in ('booked', 'arrived') and starts_at > as_of then local_date end) as next_visit_on,
    max(case when is_first_visit then practitioner_id end) as first_practitioner_id,
    max(case when is_first_visit then business_id end) as first_business_id,
    {{ times("status = 'completed'") }} as visits,
    {{ times("status = 'did_not_arrive'") }} as did_not_arrive,
    {{ times("status = 'cancelled'") }} as cancelled
  from {{ ref('fct_appointments') }}
  cross join {{ ref('int_clock') }} as clock
  group by 1, 2
),

revenue as (
  select _account, patient_id, sum(net_amount) as net_amount from {{ ref('fct_invoices') }} group by 1, 2
)

select
  patients._account,
  patients.patient_id,
  patients.patient_name,
  case
    when patients.gone_at is not null then 'gone'
    when patients.merged_with_patient_id is not null then 'merged'
    when not patients.is_live then 'archived'
    else 'live'
  end as status,
  survivors.survivor_id as merged_with_patient_id,
  patients.birth_year,
  patients.sex,
  patients.city,
  patients.post_code,
  patients.country_code,
  concessions.concession_type,
  patients.accepted_email_marketing,
  patients.accepted_sms_marketing,
  patients.created_at,
  patients.archived_at,
  sources.referral_source,
  sources.subcategory as referral_subcategory,
  visits.first_visit_on,
  visits.first_practitioner_id,
  visits.first_business_id,
  visits.last_visit_on,
  visits.next_visit_on,
  {{ visits_known('visits.next_visit_on is not null') }} as has_future_appointment,
  {{ visits_known('coalesce(visits.visits, 0)') }} as visits,
  {{ visits_known('coalesce(visits.did_not_arrive, 0)') }} as did_not_arrive,
  {{ visits_known('coalesce(visits.cancelled, 0)') }} as cancelled,
  case
    when patients.merged_with_patient_id is not null or not accounts.knows_visits then null
    when visits.next_visit_on is not null
      or visits.last_visit_on >= {{ later('accounts.today', -var('active_days')) }} then 'active'
    when visits.last_visit_on is not null then 'lapsed'
    else 'never_seen'
  end as lifecycle,
  {{ money('case when accounts.has_invoices then coalesce(revenue.net_amount, 0) end') }} as revenue_net
from {{ ref('stg_patients') }} as patients
join {{ ref('int_account_zones') }} as accounts on accounts._account = patients._account
left join {{ ref('int_survivors') }} as survivors
  on survivors._account = patients._account and survivors.patient_id = patients.patient_id
left join {{ ref('stg_concession_types') }} as concessions
  on concessions._account = patients._account and concessions.concession_type_id = patients.concession_type_id
left join {{ ref('int_first_sources') }} as sources
  on sources._account = patients._account and sources.patient_id = patients.patient_id
left join visits on accounts.knows_visits and visits._account = patients._account and visits.patient_id = patients.patient_id
left join revenue on revenue._account = patients._account and revenue.patient_id = patients.patient_id
