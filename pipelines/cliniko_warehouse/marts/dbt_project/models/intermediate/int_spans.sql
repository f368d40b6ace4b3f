{# From which local day to which one a practitioner is taken to have worked at a business:
from the first appointment, or 12 months before the first build if that is later to hours
without any; to the horizon, or to the last appointment of one who has left. #}
with visits as (
  select _account, practitioner_id, business_id, min(local_date) as first_day, max(local_date) as last_day
  from {{ ref('int_appointments') }}
  where stands = 1
  group by 1, 2, 3
)
select
  hours._account,
  hours.practitioner_id,
  hours.business_id,
  zones.today,
  greatest(
    least(coalesce(visits.first_day, hours.history_from), hours.history_from),
    {{ later('zones.today', '-3653') }}
  ) as first_day,
  case when practitioners.is_active and practitioners.is_live then {{ later('zones.today', var('horizon_days')) }}
    else coalesce(visits.last_day, hours.history_from) end as last_day
from (
  select _account, practitioner_id, business_id, min(history_from) as history_from
  from {{ ref('int_rosters') }}
  group by 1, 2, 3
) as hours
join {{ ref('int_zones') }} as zones
  on zones._account = hours._account and zones.business_id = hours.business_id
join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = hours._account and practitioners.practitioner_id = hours.practitioner_id
left join visits
  on visits._account = hours._account and visits.practitioner_id = hours.practitioner_id
  and visits.business_id = hours.business_id
