{# Views that stay while their columns stay, also with others behind them: on Postgres,
dbt's own way drops the old view together with every view that somebody has built on it. #}
{% materialization view, adapter='postgres' -%}
  {%- set target = this.incorporate(type='view') -%}
  {%- set there = load_cached_relation(this) -%}
  {{ run_hooks(pre_hooks) }}
  {%- set before = adapter.get_columns_in_relation(there) | map(attribute='name') | list if there is not none else [] -%}
  {%- set stays = there is not none and there.is_view
    and get_columns_in_query(sql)[:before | length] == before -%}
  {%- if there is not none and not stays -%}
    {% do adapter.drop_relation(there) %}
  {%- endif -%}
  {% call statement('main') -%}
    create or replace view {{ target }} as (
      {{ sql }}
    )
  {%- endcall %}
  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{# Tables that are made in one step. dbt's own way makes each beside the one before, renames
both and asks the database between: a tenth of a build, and nobody reads these meanwhile, as
marts are swapped in when all are made and tested. DuckDB replaces a table; Postgres drops it. #}
{% macro table_at_once(sql, replaces) -%}
  {%- set target = this.incorporate(type='table') -%}
  {%- set there = load_cached_relation(this) -%}
  {%- if there is not none and not (replaces and there.is_table) -%}
    {% do adapter.drop_relation(there) %}
  {%- endif -%}
  {% call statement('main') -%}
    create {{ 'or replace' if replaces }} table {{ target }} as (
      {{ sql }}
    )
  {%- endcall %}
  {{ return({'relations': [target]}) }}
{%- endmacro %}

{% materialization table, adapter='duckdb' -%}
  {{ run_hooks(pre_hooks) }}
  {%- set made = table_at_once(sql, true) -%}
  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return(made) }}
{%- endmaterialization %}

{% materialization table, adapter='postgres' -%}
  {{ run_hooks(pre_hooks) }}
  {%- set made = table_at_once(sql, false) -%}
  {% do create_indexes(this.incorporate(type='table')) %}
  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return(made) }}
{%- endmaterialization %}
