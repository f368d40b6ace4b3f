{# What every list by name has of a patient: whom to reach, and how. #}
{% macro contact_columns(contacts) -%}
  {{ contacts }}.patient_name,
  {{ contacts }}.email,
  {{ contacts }}.phone
{%- endmacro %}

{# A number with its noun, for a sentence: 1 day, 2 days. #}
{% macro counted(number, noun) -%}
  (cast({{ number }} as varchar) || ' {{ noun }}' || case when {{ number }} = 1 then '' else 's' end)
{%- endmacro %}
