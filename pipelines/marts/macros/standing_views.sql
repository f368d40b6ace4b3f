{# Views that stay while their columns stay: on Postgres, dbt's own way drops the old view
together with every view that somebody has built on it. #}
{% materialization view, adapter='postgres' -%}
  {%- set target = this.incorporate(type='view') -%}
  {%- set there = load_cached_relation(this) -%}
  {{ run_hooks(pre_hooks) }}
  {%- set stays = there is not none and there.is_view
    and (adapter.get_columns_in_relation(there) | map(attribute='name') | list) == get_columns_in_query(sql) -%}
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
