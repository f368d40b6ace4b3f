{#
The rows of a snapshot: what the account says of each record, and from when on it is taken to
say so.

A version begins when the account changed the row (updated_at), the first one when the row
was created. That alone would let a row that is read late change what earlier builds said:
so a version never begins more than a day before the last build that found changes, and
never before the version that it follows, nor after the build that saw it: an account may
name any moment. What a build has said of a moment more than a day
before it, no later build takes back.

rows_:    the records, with created_at and changed_at
key:      what tells them apart within an account
columns:  what is kept of each
there:    the snapshot itself
kind:     type of the key
more:     columns that are kept too, and that make no new version when they change
#}
{% macro history(rows_, key, columns, there, kind='bigint', more=()) -%}
{%- set known = adapter.get_relation(there.database, there.schema, there.identifier) if execute else none -%}
with known as (
  {% if known %}
  select _account, {{ key }}, valid_from from {{ known.include(database=false) }} where valid_to is null
  {% else %}
  select cast(null as varchar) as _account, cast(null as {{ kind }}) as {{ key }}, cast(null as timestamp with time zone) as valid_from
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
    found.*,
    clock.as_of as seen_at,
    known.valid_from,
    builds.last_build,
    coalesce(
      case when known._account is null then least(found.created_at, found.changed_at) else found.changed_at end,
      clock.as_of
    ) as said_at
  from {{ rows_ }} as found
  cross join {{ ref('int_clock') }} as clock
  left join known on known._account = found._account and known.{{ key }} = found.{{ key }}
  left join builds on builds._account = found._account
)

select
  _account,
  {{ key }},
  {{ columns | join(', ') }},
  created_at,
  {% for name in more %}{{ name }},
  {% endfor -%}
  seen_at,
  greatest(
    least(case when said_at <= valid_from or said_at < last_build - interval '1 day' then seen_at else said_at end, seen_at),
    valid_from + interval '1 microsecond'
  ) as changed_at
from timed
{%- endmacro %}
