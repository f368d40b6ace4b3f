{# Small pieces of SQL that read the same on DuckDB and Postgres. #}

{# A code as a word; another code as it is. #}
{% macro word(column, words) -%}
  case {{ column }}
    {% for code, said in words.items() %}when {{ code }} then '{{ said }}' {% endfor %}
    else cast({{ column }} as varchar)
  end
{%- endmacro %}

{% macro invoice_status(column) -%}
  {{ word(column, {10: 'open', 20: 'paid', 30: 'closed', 40: 'open_credit'}) }}
{%- endmacro %}

{% macro note_status(column) -%}
  {{ word(column, {10: 'draft', 90: 'final'}) }}
{%- endmacro %}

{% macro cancellation_reason(column) -%}
  {{ word(column, {10: 'Feeling better', 20: 'Condition worse', 30: 'Sick', 31: 'COVID-19 related', 40: 'Away', 50: 'Other', 60: 'Work'}) }}
{%- endmacro %}

{# Whole minutes between two times. #}
{% macro minutes(start, end) -%}
  cast(floor(extract(epoch from ({{ end }} - {{ start }})) / 60) as integer)
{%- endmacro %}

{# Days from one date to another. #}
{% macro days(start, end) -%}
  cast({{ end }} - {{ start }} as integer)
{%- endmacro %}

{% macro month_of(day) -%}
  cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{# A day some days later. #}
{% macro later(day, number) -%}
  cast({{ day }} + {{ number }} * interval '1 day' as date)
{%- endmacro %}

{# A share; null where there is nothing to share. #}
{% macro ratio(part, whole) -%}
  cast({{ part }} as double precision) / nullif({{ whole }}, 0)
{%- endmacro %}

{# How many rows fulfil a condition. #}
{% macro times(condition) -%}
  cast(count(case when {{ condition }} then 1 end) as bigint)
{%- endmacro %}

{% macro money(amount) -%}
  cast({{ amount }} as decimal(18,2))
{%- endmacro %}

{# A moment by the clock on the wall of a zone. #}
{% macro at_zone(moment, zone) -%}
  ({{ moment }} at time zone {{ zone }})
{%- endmacro %}

{# An id, or 0 where Cliniko names none: a key has no gaps. #}
{% macro or_none(id) -%}
  coalesce({{ id }}, 0)
{%- endmacro %}
