{{ config(materialized='table') }}
{# The zone and the currency of each account that has any row: the zone of its settings,
else that of its first business, else UTC. And whether it has any row of what a key may not
be allowed to read, a privacy profile leaves out, or a clinic does not use: figures of that
are unknown then, and not zero. #}
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
    _account, time_zone,
    row_number() over (partition by _account order by case when is_live then 0 else 1 end, created_at, business_id) as place
  from {{ ref('int_stated_zones') }}
  where business_id <> 0
),

zoned as (
  select
    accounts._account,
    coalesce(own.time_zone, first.time_zone, 'UTC') as time_zone,
    settings.currency_symbol
  from accounts
  left join {{ ref('stg_settings') }} as settings on settings._account = accounts._account
  left join {{ ref('int_stated_zones') }} as own on own._account = accounts._account and own.business_id = 0
  left join businesses as first on first._account = accounts._account and first.place = 1
)

select
  zoned.*,
  {% for known, table in [
    ('has_patients', 'stg_patients'),
    ('has_invoices', 'stg_invoices'),
    ('has_invoice_items', 'stg_invoice_items'),
    ('has_recalls', 'stg_recalls'),
    ('has_forms', 'stg_patient_forms'),
    ('has_cases', 'stg_patient_cases'),
  ] -%}
  exists (select 1 from {{ ref(table) }} as found where found._account = zoned._account) as {{ known }},
  {% endfor -%}
  exists (
    select 1 from {{ ref('stg_individual_appointments') }} as found where found._account = zoned._account and found.note_status is not null
    union all
    select 1 from {{ ref('stg_attendees') }} as found where found._account = zoned._account and found.note_status is not null
  ) as has_notes,
  clock.as_of,
  cast({{ at_zone('clock.as_of', 'zoned.time_zone') }} as date) as today
from zoned
cross join {{ ref('int_clock') }} as clock
