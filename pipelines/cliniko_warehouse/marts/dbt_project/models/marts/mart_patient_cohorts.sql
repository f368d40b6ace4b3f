with visits as (
  select _account, patient_id, month_start, count(*) as visits
  from {{ ref('fct_appointments') }}
  where status = 'completed' and patient_id is not null and local_date is not null
  group by 1, 2, 3
),

cohorts as (
  select _account, patient_id, min(month_start) as cohort_month, max(month_start) as last_month
  from visits
  group by 1, 2
),

sizes as (
  select _account, cohort_month, count(*) as patients from cohorts group by 1, 2
),

months as (
  select
    sizes._account,
    sizes.cohort_month,
    sizes.patients,
    numbers.number as months_since,
    cast(sizes.cohort_month + numbers.number * interval '1 month' as date) as month_start
  from sizes
  join {{ ref('int_account_zones') }} as accounts on accounts._account = sizes._account and accounts.knows_visits
  join {{ ref('int_numbers') }} as numbers
    on numbers.number < 600
    and cast(sizes.cohort_month + (numbers.number + 1) * interval '1 month' as date) <= accounts.today
),

seen as (
  select cohorts._account, cohorts.cohort_month, visits.month_start, count(*) as patients, sum(visits.visits) as visits
  from cohorts
  join visits on visits._account = cohorts._account and visits.patient_id = cohorts.patient_id
  group by 1, 2, 3
),

lasts as (
  select _account, cohort_month, last_month, count(*) as patients from cohorts group by 1, 2, 3
)

select
  months._account,
  months.cohort_month,
  months.months_since,
  cast(max(months.patients) as bigint) as cohort_patients,
  cast(coalesce(max(seen.patients), 0) as bigint) as retained_patients,
  cast(coalesce(sum(lasts.patients), 0) as bigint) as returned_patients,
  cast(coalesce(max(seen.visits), 0) as bigint) as visits,
  {{ ratio('coalesce(max(seen.patients), 0)', 'max(months.patients)') }} as retention_rate
from months
left join seen
  on seen._account = months._account and seen.cohort_month = months.cohort_month and seen.month_start = months.month_start
left join lasts
  on lasts._account = months._account and lasts.cohort_month = months.cohort_month and lasts.last_month >= months.month_start
group by 1, 2, 3
