{{ config(materialized='table') }}
{# The zone of each business that any row names, and today there: the account's where
nothing says another. Business 0 stands for rows without one. #}
with named as (
  select _account, business_id from {{ ref('stg_businesses') }}
  union select _account, business_id from {{ ref('stg_individual_appointments') }}
  union select _account, business_id from {{ ref('stg_group_appointments') }}
  union select _account, business_id from {{ ref('stg_daily_availabilities') }}
  union select _account, business_id from {{ ref('stg_availability_blocks') }}
  union select _account, business_id from {{ ref('stg_unavailable_blocks') }}
  union select _account, business_id from {{ ref('stg_invoices') }}
  union select _account, 0 from {{ ref('int_account_zones') }}
)

select
  named._account,
  named.business_id,
  coalesce(stated.time_zone, accounts.time_zone) as time_zone,
  cast({{ at_zone('accounts.as_of', 'coalesce(stated.time_zone, accounts.time_zone)') }} as date) as today
from named
join {{ ref('int_account_zones') }} as accounts on accounts._account = named._account
left join {{ ref('int_stated_zones') }} as stated
  on stated._account = named._account and stated.business_id = named.business_id
where named.business_id is not null
