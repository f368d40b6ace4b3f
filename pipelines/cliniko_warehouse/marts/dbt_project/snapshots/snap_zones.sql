{% snapshot snap_zones %}
{#
The zone that a business has stated, and as business 0 the account's settings, and from when
until when: Cliniko says only what holds now. A version begins with the build that first saw
it, and never before the one that it follows.
#}
{{ config(
  unique_key=['_account', 'business_id'],
  strategy='check', check_cols=['time_zone'], updated_at='changed_at', hard_deletes='ignore',
  snapshot_meta_column_names={
    'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to',
    'dbt_scd_id': 'version_id', 'dbt_updated_at': 'known_at'}
) }}
{%- set known = adapter.get_relation(this.database, this.schema, this.identifier) if execute else none -%}
with known as (
  {% if known %}
  select _account, business_id, valid_from from {{ known.include(database=false) }} where valid_to is null
  {% else %}
  select cast(null as varchar) as _account, cast(null as bigint) as business_id, cast(null as timestamp with time zone) as valid_from
  where false
  {% endif %}
)

select
  stated._account,
  cast(stated.business_id as bigint) as business_id,
  stated.time_zone,
  clock.as_of as seen_at,
  greatest(clock.as_of, known.valid_from + interval '1 microsecond') as changed_at
from {{ ref('int_stated_zones') }} as stated
cross join {{ ref('int_clock') }} as clock
left join known on known._account = stated._account and known.business_id = stated.business_id
{% endsnapshot %}
