{% snapshot snap_appointments %}
{#
What the account said of each place in an appointment, and from when until when it said so.

A version begins when the account changed the row (updated_at), the first one when the row
was created. That alone would let a row that is read late change what earlier builds said:
so a version never begins more than a day before the last build that found changes, and
never before the version that it follows, nor after the build that saw it: an account may
name any moment. What a build has said of a moment more than a day
before it, no later build takes back.
#}
{%- set columns = [
  'kind', 'appointment_id', 'attendee_id', 'patient_id', 'practitioner_id', 'business_id',
  'appointment_type_id', 'starts_at', 'ends_at', 'cancelled_at', 'cancellation_reason', 'mark',
  'is_live', 'invoice_status', 'note_status'] -%}
{{ config(
  unique_key=['_account', 'appointment_key'],
  strategy='check', updated_at='changed_at', hard_deletes='ignore',
  check_cols=columns,
  snapshot_meta_column_names={
    'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to',
    'dbt_scd_id': 'version_id', 'dbt_updated_at': 'known_at'}
) }}
{%- set known = adapter.get_relation(this.database, this.schema, this.identifier) if execute else none -%}
with known as (
  {% if known %}
  select _account, appointment_key, valid_from from {{ known.include(database=false) }} where valid_to is null
  {% else %}
  select cast(null as varchar) as _account, cast(null as varchar) as appointment_key, cast(null as timestamp with time zone) as valid_from
  where false
  {% endif %}
),

builds as (
  {% if known %}
  select _account, max(seen_at) as last_build from {{ known.include(database=false) }} group by 1
  {% else %}
  select cast(null as varchar) as _account, cast(null as timestamp with time zone) as last_build where false
  {% endif %}
),

timed as (
  select
    places.*,
    clock.as_of as seen_at,
    known.valid_from,
    builds.last_build,
    coalesce(
      case when known.appointment_key is null then least(places.created_at, places.changed_at) else places.changed_at end,
      clock.as_of
    ) as said_at
  from {{ ref('int_places') }} as places
  cross join {{ ref('int_clock') }} as clock
  left join known on known._account = places._account and known.appointment_key = places.appointment_key
  left join builds on builds._account = places._account
)

select
  _account,
  appointment_key,
  {{ columns | join(', ') }},
  created_at,
  ended_at,
  seen_at,
  greatest(
    least(case when said_at <= valid_from or said_at < last_build - interval '1 day' then seen_at else said_at end, seen_at),
    valid_from + interval '1 microsecond'
  ) as changed_at
from timed
{% endsnapshot %}
