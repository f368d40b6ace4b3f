{{ config(materialized='table') }}
{# The zone and the currency of each account that has any row: the zone of its settings,
else that of its first business, else UTC. #}
with accounts as (
  select _account from {{ ref('stg_businesses') }}
  union select _account from {{ ref('stg_settings') }}
  union select _account from {{ ref('stg_patients') }}
  union select _account from {{ ref('stg_practitioners') }}
  union select _account from {{ ref('stg_individual_appointments') }}
  union select _account from {{ ref('stg_group_appointments') }}
  union select _account from {{ ref('stg_invoices') }}
  union select _account from {{ ref('stg_products') }}
  union select _account from {{ ref('stg_runs') }}
),

businesses as (
  select
    _account, time_zone_identifier,
    row_number() over (partition by _account order by case when is_live then 0 else 1 end, created_at, business_id) as place
  from {{ ref('stg_businesses') }}
  where time_zone_identifier is not null
),

zoned as (
  select
    accounts._account,
    coalesce(own.name, first.name, 'UTC') as time_zone,
    settings.currency_symbol
  from accounts
  left join {{ ref('stg_settings') }} as settings on settings._account = accounts._account
  left join businesses on businesses._account = accounts._account and businesses.place = 1
  left join pg_timezone_names() as own on own.name = settings.time_zone_identifier
  left join pg_timezone_names() as first on first.name = businesses.time_zone_identifier
)

select
  zoned.*,
  clock.as_of,
  cast({{ at_zone('clock.as_of', 'zoned.time_zone') }} as date) as today
from zoned
cross join {{ ref('int_clock') }} as clock
