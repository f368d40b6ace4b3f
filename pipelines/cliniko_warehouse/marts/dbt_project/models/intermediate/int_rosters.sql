{# Weekly hours, and from which local day to before which one they held. What the first
build found is taken to have held ever before: Cliniko does not say since when. #}
select
  rosters._account,
  rosters.practitioner_id,
  rosters.business_id,
  rosters.weekday,
  rosters.local_start,
  rosters.local_end,
  case when rosters.valid_from > starts.history_from
    then cast({{ at_zone('rosters.valid_from', 'zones.time_zone') }} as date)
  end as from_day,
  cast({{ at_zone('rosters.valid_to', 'ends.time_zone') }} as date) as to_day,
  cast({{ at_zone('starts.history_from', 'firsts.time_zone') }} as date) as history_from
from {{ ref('snap_rosters') }} as rosters
join (
  select _account, min(valid_from) as history_from from {{ ref('snap_rosters') }} group by 1
) as starts on starts._account = rosters._account
join {{ ref('int_zone_times') }} as zones
  on zones._account = rosters._account and zones.business_id = rosters.business_id
  and {{ held('zones', 'rosters.valid_from') }}
join {{ ref('int_zone_times') }} as ends
  on ends._account = rosters._account and ends.business_id = rosters.business_id
  and {{ held('ends', 'rosters.valid_to') }}
join {{ ref('int_zone_times') }} as firsts
  on firsts._account = rosters._account and firsts.business_id = rosters.business_id
  and {{ held('firsts', 'starts.history_from') }}
