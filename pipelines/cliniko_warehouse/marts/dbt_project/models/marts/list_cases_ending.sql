with cases as (
  select
    cases._account,
    cases.patient_case_id,
    cases.patient_id,
    cases.case_name,
    cases.max_sessions,
    cases.expires_on,
    {{ visits_known('cases.sessions_used') }} as sessions_used,
    {{ visits_known('cases.sessions_booked') }} as sessions_booked,
    {{ visits_known(difference('cases.max_sessions', '(cases.sessions_used + cases.sessions_booked)')) }} as sessions_left,
    {{ days('accounts.today', 'cases.expires_on') }} as days_left
  from {{ ref('int_cases') }} as cases
  join {{ ref('int_account_zones') }} as accounts on accounts._account = cases._account
  where cases.closed_at is null
),

near as (
  select
    *,
    coalesce(sessions_left <= {{ var('case_sessions') }} and sessions_used + sessions_booked > 0, false) as is_near_limit,
    coalesce(days_left between -{{ var('case_days') }} and {{ var('case_days') }}, false) as is_near_expiry
  from cases
)

select
  near._account,
  near.patient_case_id,
  near.patient_id,
  {{ contact_columns('contacts') }},
  near.case_name,
  near.max_sessions,
  near.sessions_used,
  near.sessions_booked,
  near.sessions_left,
  near.expires_on,
  near.days_left,
  case when near.is_near_limit then
    cast(near.sessions_used as varchar) || ' of ' || {{ counted('near.max_sessions', 'session') }} || ' used, ' || cast(near.sessions_booked as varchar) || ' booked'
    else '' end
    || case when near.is_near_limit and near.is_near_expiry then '; ' else '' end
    || case when near.is_near_expiry and near.days_left < 0 then 'expired ' || {{ counted('(-near.days_left)', 'day') }} || ' ago'
      when near.is_near_expiry and near.days_left = 0 then 'expires today'
      when near.is_near_expiry then 'expires in ' || {{ counted('near.days_left', 'day') }}
      else '' end as reason
from near
join {{ ref('int_contacts') }} as contacts
  on contacts._account = near._account and contacts.patient_id = near.patient_id
where near.is_near_limit or near.is_near_expiry
