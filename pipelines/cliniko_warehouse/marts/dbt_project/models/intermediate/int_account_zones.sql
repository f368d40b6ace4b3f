{{ config(materialized='table') }}
{# The zone and the currency of each account that has any row: the zone of its settings,
else that of its first business, else UTC. And what is known of it: figures of lists that were
not read are unknown, and not zero.

has_…:    whether there is any row of what a key may not be allowed to read, a privacy
          profile leaves out, or a clinic does not use
knows_…:  whether all lists of the calendar were read that a figure needs. They may be empty:
          read is a list with rows, or one that a run has read to its end. Where there is no
          ledger at all, rows came by another way than our runs, and all count as read. #}
{%- set visits = ['individual_appointments', 'group_appointments', 'attendees'] -%}
{%- set needed = {
  'knows_visits': visits,
  'knows_hours': visits + ['daily_availabilities', 'availability_blocks', 'unavailable_blocks', 'practitioners'],
  'knows_groups': ['group_appointments', 'attendees', 'appointment_types'],
  'knows_sources': ['referral_sources', 'referral_source_types'],
  'knows_items': ['billable_items'],
} -%}
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
),

ledger as (
  select _account, endpoint, max(case when status = 'ok' then 1 else 0 end) = 1 as is_ok
  from {{ ref('stg_run_endpoints') }}
  group by 1, 2
),

read_lists as (
  select _account, endpoint from ledger where is_ok
  {% for list in needed.values() | sum(start=[]) | unique -%}
  union select _account, '{{ list }}' from {{ ref('stg_' ~ list) }}
  {% endfor %}
),

known as (
  select
    _account,
    {% for name, lists in needed.items() -%}
    count(case when endpoint in ('{{ lists | join("', '") }}') then 1 end) = {{ lists | length }} as {{ name }}{{ ',' if not loop.last }}
    {% endfor %}
  from read_lists
  group by 1
)

select
  zoned.*,
  {% for name in needed -%}
  coalesce(known.{{ name }}, false) or ledgers._account is null as {{ name }},
  {% endfor -%}
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
left join known on known._account = zoned._account
left join (select distinct _account from ledger) as ledgers on ledgers._account = zoned._account
cross join {{ ref('int_clock') }} as clock
