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

{# Completed visits that lack something, by name: who, with whom, and for how many days.

known:    the column of int_account_zones that says whether it can be told
lacks:    the condition on a visit (visits)
missing:  SQL of the words for what is missing
columns:  what else is shown of the visit
#}
{% macro visits_without(known, lacks, missing, columns=()) -%}
{%- set days_since = days('visits.local_date', 'zones.today') -%}
select
  visits._account,
  visits.appointment_key,
  visits.patient_id,
  {{ contact_columns('contacts') }},
  visits.practitioner_id,
  visits.practitioner_name,
  visits.business_id,
  visits.business_name,
  visits.appointment_type_name,
  visits.local_date,
  {{ days_since }} as days_since,
  {% for name in columns %}visits.{{ name }},
  {% endfor -%}
  'completed ' || {{ counted(days_since, 'day') }} || ' ago, ' || {{ missing }} as reason
from {{ ref('fct_appointments') }} as visits
join {{ ref('int_zones') }} as zones
  on zones._account = visits._account and zones.business_id = {{ or_none('visits.business_id') }}
join {{ ref('int_account_zones') }} as accounts
  on accounts._account = visits._account and accounts.knows_visits and accounts.{{ known }}
left join {{ ref('int_contacts') }} as contacts
  on contacts._account = visits._account and contacts.patient_id = visits.patient_id
where visits.status = 'completed' and visits.local_date is not null and {{ lacks }}
{%- endmacro %}
