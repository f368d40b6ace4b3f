{# From which local day to which one a practitioner is taken to offer time at a business, by
weekly hours or by availability blocks: from the first appointment there, or the first build
if that is earlier, to the horizon; of those who have left, to their last appointment, and
none without any. #}
with visits as (
  select _account, practitioner_id, business_id, min(local_date) as first_day, max(local_date) as last_day
  from {{ ref('int_appointments') }}
  where stands = 1
  group by 1, 2, 3
),

builds as (
  select _account, min(moment) as first_build
  from (
    select _account, min(valid_from) as moment from {{ ref('snap_rosters') }} group by 1
    union all
    select _account, min(seen_at) from {{ ref('snap_appointments') }} group by 1
    union all
    select _account, as_of from {{ ref('int_account_zones') }}
  ) as moments
  group by 1
),

offers as (
  select _account, practitioner_id, business_id from {{ ref('int_rosters') }}
  union
  select _account, practitioner_id, business_id
  from {{ ref('stg_availability_blocks') }}
  where is_live and practitioner_id is not null and business_id is not null
),

dated as (
  select offers.*, cast({{ at_zone('builds.first_build', 'zones.time_zone') }} as date) as first_build
  from offers
  join builds on builds._account = offers._account
  join {{ ref('int_zone_times') }} as zones
    on zones._account = offers._account and zones.business_id = offers.business_id
    and {{ held('zones', 'builds.first_build') }}
)

select
  dated._account,
  dated.practitioner_id,
  dated.business_id,
  zones.today,
  greatest(
    least(coalesce(visits.first_day, dated.first_build), dated.first_build),
    {{ later('zones.today', '-3653') }}
  ) as first_day,
  case
    when coalesce(practitioners.is_active and practitioners.is_live, true) then {{ later('zones.today', var('horizon_days')) }}
    else visits.last_day
  end as last_day
from dated
join {{ ref('int_zones') }} as zones
  on zones._account = dated._account and zones.business_id = dated.business_id
left join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = dated._account and practitioners.practitioner_id = dated.practitioner_id
left join visits
  on visits._account = dated._account and visits.practitioner_id = dated.practitioner_id
  and visits.business_id = dated.business_id
