{# int_hours as far as they are known: null where a list was not read that says them. #}
select
  hours._account,
  hours.practitioner_id,
  hours.business_id,
  hours.local_date,
  hours.local_hour,
  {% for name, known in [
    ('rostered_minutes', 'accounts.knows_hours'),
    ('extra_minutes', 'accounts.knows_hours'),
    ('blocked_minutes', 'accounts.knows_hours'),
    ('offered_minutes', 'accounts.knows_hours'),
    ('booked_minutes', 'accounts.knows_visits'),
    ('booked_in_offered_minutes', 'accounts.knows_hours'),
    ('attended_minutes', 'accounts.knows_visits'),
  ] -%}
  case when {{ known }} then hours.{{ name }} end as {{ name }}{{ ',' if not loop.last }}
  {% endfor %}
from {{ ref('int_hours') }} as hours
join {{ ref('int_account_zones') }} as accounts on accounts._account = hours._account
