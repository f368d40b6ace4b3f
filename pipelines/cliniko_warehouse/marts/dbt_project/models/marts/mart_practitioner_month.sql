with visits as (
  select
    _account,
    {{ or_none('practitioner_id') }} as practitioner_id,
    {{ or_none('business_id') }} as business_id,
    month_start,
    patient_id,
    row_number() over (
      partition by _account, practitioner_id, business_id, patient_id order by starts_at, appointment_key
    ) as number
  from {{ ref('fct_appointments') }}
  where status = 'completed' and patient_id is not null
),

seen as (
  select _account, practitioner_id, business_id, month_start, patient_id, max(number) as visits
  from visits
  group by 1, 2, 3, 4, 5
),

patients as (
  select
    seen._account,
    seen.practitioner_id,
    seen.business_id,
    seen.month_start,
    case when bool_and(accounts.knows_visits) then {{ ratio('sum(seen.visits)', 'count(*)') }} end as visits_per_patient_so_far,
    {{ times('not coalesce(known.has_future_appointment, false)') }} as without_next
  from seen
  left join {{ ref('int_account_zones') }} as accounts on accounts._account = seen._account
  left join {{ ref('dim_patients') }} as known
    on known._account = seen._account and known.patient_id = seen.patient_id
  group by 1, 2, 3, 4
)

select
  figures._account,
  figures.practitioner_id,
  practitioners.practitioner_name,
  figures.business_id,
  businesses.business_name,
  figures.month_start,
  {{ figure_columns('figures') }},
  {{ ratio('figures.completed', 'figures.new_patients') }} as patient_visit_average,
  patients.visits_per_patient_so_far,
  case when accounts.knows_visits and accounts.has_patients then coalesce(patients.without_next, 0) end as patients_without_future_appointment
from ({{ figures(['_account', 'practitioner_id', 'business_id', 'month_start']) }}) as figures
left join {{ ref('int_account_zones') }} as accounts on accounts._account = figures._account
left join patients
  on patients._account = figures._account and patients.practitioner_id = figures.practitioner_id
  and patients.business_id = figures.business_id and patients.month_start = figures.month_start
left join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = figures._account and practitioners.practitioner_id = figures.practitioner_id
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = figures._account and businesses.business_id = figures.business_id
