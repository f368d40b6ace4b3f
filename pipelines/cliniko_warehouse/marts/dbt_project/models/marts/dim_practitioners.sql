with places as (
  select _account, practitioner_id, min(local_date) as first_day, max(local_date) as last_day
  from {{ ref('fct_appointments') }}
  where status <> 'cancelled'
  group by 1, 2
),

workplaces as (
  select _account, practitioner_id, count(*) as businesses
  from (
    select _account, practitioner_id, business_id from {{ ref('fct_appointments') }}
    where business_id is not null and status <> 'cancelled'
    union
    select _account, practitioner_id, business_id from {{ ref('int_rosters') }} where to_day is null
  ) as found
  group by 1, 2
)

select
  practitioners._account,
  practitioners.practitioner_id,
  practitioners.practitioner_name,
  practitioners.designation,
  practitioners.is_active,
  practitioners.is_live,
  case when accounts.knows_hours then cast(coalesce(workplaces.businesses, 0) as integer) end as businesses,
  {{ visits_known('places.first_day') }} as first_appointment_on,
  {{ visits_known('places.last_day') }} as last_appointment_on
from {{ ref('stg_practitioners') }} as practitioners
join {{ ref('int_account_zones') }} as accounts on accounts._account = practitioners._account
left join places
  on places._account = practitioners._account and places.practitioner_id = practitioners.practitioner_id
left join workplaces
  on workplaces._account = practitioners._account and workplaces.practitioner_id = practitioners.practitioner_id
