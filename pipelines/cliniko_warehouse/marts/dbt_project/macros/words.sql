{# Small pieces of SQL that read the same on DuckDB and Postgres. #}

{# A code as a word; one that Cliniko does not document as "code n". #}
{% macro word(column, words) -%}
  case {{ column }}
    {% for code, said in words.items() %}when {{ code }} then '{{ said }}' {% endfor %}
    else 'code ' || cast({{ column }} as varchar)
  end
{%- endmacro %}

{% macro invoice_status(column) -%}
  {{ word(column, {10: 'open', 20: 'paid', 30: 'closed', 40: 'open_credit'}) }}
{%- endmacro %}

{% macro note_status(column) -%}
  {{ word(column, {10: 'draft', 90: 'final'}) }}
{%- endmacro %}

{# Why it was cancelled: Cliniko's words for its codes; for another code, or none, what the
practice has written; "not given" without either. #}
{% macro cancellation_reason(code, words) -%}
  {%- set known = {10: 'Feeling better', 20: 'Condition worse', 30: 'Sick', 31: 'COVID-19 related', 40: 'Away', 50: 'Other', 60: 'Work'} -%}
  case
    when {{ code }} in ({{ known | join(', ') }}) then {{ word(code, known) }}
    else coalesce(nullif(trim({{ words }}), ''), {{ word(code, known) }}, 'not given')
  end
{%- endmacro %}

{# Whole minutes from a start to its end; null where the end comes first, or 4,083 years later. #}
{% macro minutes(start, end) -%}
  {%- set length = "floor(extract(epoch from (" ~ end ~ " - " ~ start ~ ")) / 60)" -%}
  case when {{ length }} between 0 and 2147483647 then cast({{ length }} as integer) end
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

{# An amount of money; null where it is too large for the column, so that it costs itself. #}
{% macro money(amount) -%}
  cast(case when not {{ is_too_large(amount) }} then {{ amount }} end as decimal(18,2))
{%- endmacro %}

{# The price of one: screws and swabs cost less than a cent. #}
{% macro price(amount) -%}
  cast(case when not {{ is_too_large(amount, 4) }} then {{ amount }} end as decimal(18,4))
{%- endmacro %}

{# How many of something, whole or in parts; null where it is too large for the column. #}
{% macro quantity(amount) -%}
  cast(case when not {{ is_too_large(amount, 3) }} then {{ amount }} end as decimal(18,3))
{%- endmacro %}

{# Whether an exact number has more digits than decimal(18,scale) holds once it is rounded. #}
{% macro is_too_large(amount, scale=2) -%}
  {%- set limit = '9' * (18 - scale) ~ '.' ~ '9' * scale -%}
  (({{ amount }}) not between -{{ limit }} and {{ limit }})
{%- endmacro %}

{# An amount for arithmetic: DuckDB multiplies and subtracts decimal(18) as 64-bit numbers,
which overflow. The product of two such has 38 digits at most. #}
{% macro wide(amount, scale=2) -%}
  cast({{ amount }} as decimal(19,{{ scale }}))
{%- endmacro %}

{# What two whole numbers differ by; null where that is no bigint. #}
{% macro difference(number, other) -%}
  {%- set found = "cast(" ~ number ~ " as decimal(38,0)) - cast(" ~ other ~ " as decimal(38,0))" -%}
  cast(case when {{ found }} between -9223372036854775808 and 9223372036854775807 then {{ found }} end as bigint)
{%- endmacro %}

{# A whole number between two others; null where it is not. #}
{% macro whole(number, low=0, high=2147483647) -%}
  case when {{ number }} between {{ low }} and {{ high }} then cast({{ number }} as integer) end
{%- endmacro %}

{# A moment by the clock on the wall of a zone. Null in the first and the last days of the
years that a date can have: there, some zone is in a year that no client can read. #}
{% macro at_zone(moment, zone) -%}
  case when {{ moment }} >= cast('0001-01-03 00:00:00+00' as timestamp with time zone)
    and {{ moment }} < cast('9999-12-30 00:00:00+00' as timestamp with time zone)
    then {{ moment }} at time zone {{ zone }} end
{%- endmacro %}

{# The end of a stretch by the clock on the wall: where clocks go back it may read earlier
than the start, and then the stretch is as long as it lasts. #}
{% macro end_at_zone(start, end, zone) -%}
  case when {{ at_zone(end, zone) }} > {{ at_zone(start, zone) }} then {{ at_zone(end, zone) }}
    else {{ at_zone(start, zone) }} + ({{ end }} - {{ start }}) end
{%- endmacro %}

{# Whether a stretch by the clock on the wall takes time in the calendar: what ends before it
starts does not, nor what would fill years by a mistyped date. #}
{% macro takes_time(begins, ends) -%}
  ({{ ends }} > {{ begins }} and {{ ends }} <= {{ begins }} + {{ var('longest_days') }} * interval '1 day'
    and {{ begins }} < timestamp '9990-01-01 00:00:00')
{%- endmacro %}

{# An id, or 0 where Cliniko names none: a key has no gaps. #}
{% macro or_none(id) -%}
  coalesce({{ id }}, 0)
{%- endmacro %}
