with visits as (
  select
    _account,
    local_date,
    lead(local_date) over (partition by _account, patient_id order by local_date, starts_at, appointment_key) as next_date
  from {{ ref('fct_appointments') }}
  where status = 'completed' and patient_id is not null and local_date is not null
),

found as (
  select recalls._account, {{ month_of('recalls.recall_on') }} as month_start, 'recall' as what, recalls.answered_on is not null as went_well
  from {{ ref('int_recalls') }} as recalls
  join {{ ref('int_account_zones') }} as accounts on accounts._account = recalls._account
  where recalls.recall_on <= accounts.today
  union all
  select forms._account, forms.month_start, 'form', coalesce(forms.completed_at <= forms.starts_at, false)
  from {{ ref('int_forms') }} as forms
  join {{ ref('int_account_zones') }} as accounts on accounts._account = forms._account
  where forms.status in ('booked', 'arrived', 'completed') and forms.starts_at <= accounts.as_of and forms.month_start is not null
  union all
  select
    cases._account,
    {{ month_of('cast(' ~ at_zone('cases.created_at', 'accounts.time_zone') ~ ' as date)') }},
    'case',
    cases.closed_at is not null or coalesce(cases.sessions_used >= cases.max_sessions, false)
  from {{ ref('int_cases') }} as cases
  join {{ ref('int_account_zones') }} as accounts on accounts._account = cases._account
  where {{ at_zone('cases.created_at', 'accounts.time_zone') }} is not null
  union all
  select visits._account, {{ month_of(later('visits.local_date', var('active_days') + 1)) }}, 'patient', visits.next_date is not null
  from visits
  join {{ ref('int_account_zones') }} as accounts on accounts._account = visits._account
  where {{ days('visits.local_date', 'accounts.today') }} > {{ var('active_days') }}
    and (visits.next_date is null or {{ days('visits.local_date', 'visits.next_date') }} > {{ var('active_days') }})
)

select
  found._account,
  found.month_start,
  {% for what, all_, well, rate, known in [
    ('recall', 'recalls', 'recalls_answered', 'recall_conversion_rate', 'accounts.has_recalls'),
    ('form', 'forms', 'forms_in_time', 'form_completion_rate', 'accounts.has_forms'),
    ('case', 'cases', 'cases_completed', 'case_completion_rate', 'accounts.has_cases'),
    ('patient', 'lapsed_patients', 'reactivated_patients', 'reactivation_rate', 'true'),
  ] -%}
  case when {{ known }} then {{ times("what = '" ~ what ~ "'") }} end as {{ all_ }},
  case when {{ known }} then {{ times("what = '" ~ what ~ "' and went_well") }} end as {{ well }},
  {{ ratio("count(case when what = '" ~ what ~ "' and went_well then 1 end)", "count(case when what = '" ~ what ~ "' then 1 end)") }} as {{ rate }}{{ ',' if not loop.last }}
  {% endfor %}
from found
join {{ ref('int_account_zones') }} as accounts on accounts._account = found._account and accounts.knows_visits
group by found._account, found.month_start, accounts.has_recalls, accounts.has_forms, accounts.has_cases
