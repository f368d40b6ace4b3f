{{ config(materialized='table') }}
{# The zone of each business that any row names, and from when until when it held: as the
business has stated it, else as the account's settings have, else as it is now. The first one
held ever before. #}
with versions as (
  select
    _account, business_id, time_zone, valid_to,
    case when valid_from > min(valid_from) over (partition by _account, business_id) then valid_from end as valid_from
  from {{ ref('snap_zones') }}
),

sources as (
  select
    named._account, named.business_id, named.time_zone,
    case
      when exists (select 1 from versions where versions._account = named._account and versions.business_id = named.business_id)
        then named.business_id
      else 0
    end as told_by
  from {{ ref('int_zones') }} as named
)

select
  sources._account,
  sources.business_id,
  coalesce(versions.time_zone, sources.time_zone) as time_zone,
  versions.valid_from,
  versions.valid_to
from sources
left join versions on versions._account = sources._account and versions.business_id = sources.told_by
