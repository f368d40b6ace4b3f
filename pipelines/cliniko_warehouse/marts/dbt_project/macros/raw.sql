{# A raw table with all columns that sources.yml lists.

A list that the key may not read, or that was never named in a sync, has no table; an
older table lacks a column. Both are as if empty here, so that the marts of the rest
are still built.

Columns are asked of the database, and relations not of dbt's cache: while one thread fills
it, another one would not find a table that is there. #}
{% macro raw(name) -%}
  {%- set relation = builtins.source('cliniko', name) -%}
  {%- if execute -%}
    {%- set wanted = (graph.sources.values() | selectattr('name', 'equalto', name) | first).columns.values() -%}
    {%- set there = adapter.get_columns_in_relation(relation) | map(attribute='name') | list -%}
    (select
      {% for column in wanted -%}
        {% if column.name in there %}{{ adapter.quote(column.name) }}{% else %}cast(null as {{ column.data_type }}){% endif %} as {{ adapter.quote(column.name) }}{{ "," if not loop.last }}
      {% endfor %}
    {% if there %}from {{ relation.include(database=false) }}{% else %}where false{% endif %})
  {%- else -%}
    {{ relation }}
  {%- endif -%}
{%- endmacro %}
