{# The model of warnings: rows that were entered oddly, counted by kind and account.

Each check is a table and a condition, so that the query with which a reader finds the rows
is the one that counts them. They warn, and never hold a build back: a practice may enter
what it likes.

checks:     name, table, what is odd about one row, condition; with [model] for other tables
relations:  model → where it is while it is built
#}
{% macro warnings(checks, relations) -%}
  {%- for name, table, meaning, condition in checks -%}
    {%- set found = namespace(built='[' ~ table ~ '] as found where ' ~ condition, read='SELECT * FROM [' ~ table ~ '] AS found WHERE ' ~ condition) -%}
    {%- for model, relation in relations.items() -%}
      {%- set schema = 'marts_staging' if model.startswith(('stg_', 'int_')) else 'marts' -%}
      {%- set found.built = found.built | replace('[' ~ model ~ ']', relation | string) -%}
      {%- set found.read = found.read | replace('[' ~ model ~ ']', schema ~ '.' ~ model) -%}
    {%- endfor %}
select
  _account,
  '{{ name }}' as warning,
  '{{ table }}' as table_name,
  {{ times('true') }} as row_count,
  '{{ meaning }}' as meaning,
  '{{ found.read | replace("'", "''") }}' as query
from {{ found.built }}
group by 1
    {{ 'union all' if not loop.last }}
  {%- endfor %}
{%- endmacro %}
