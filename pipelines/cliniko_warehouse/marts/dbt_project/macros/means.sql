{# A mean of money to the cent, a half cent away from zero; the same on DuckDB, which divides
decimals as doubles, and on Postgres. Null from 10 million millions on, where cents of a
double are no longer exact. #}
{% macro mean(total, number) -%}
  {%- set sum = "cast(" ~ total ~ " as double precision)" -%}
  {%- set rows = "cast(nullif(" ~ number ~ ", 0) as double precision)" -%}
  cast(case when abs({{ sum }}) < 1e13 then
    sign({{ sum }}) * floor((2 * round(abs({{ sum }}) * 100) + {{ rows }}) / (2 * {{ rows }})) / 100
  end as decimal(18,2))
{%- endmacro %}
