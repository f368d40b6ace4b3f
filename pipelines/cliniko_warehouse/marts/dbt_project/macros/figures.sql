{#
The figures of mart_daily_clinic and mart_practitioner_month: the same formulas over
another grain.

grain:  the columns that a row is of, in the names of fct_appointments
#}
{% macro figures(grain) -%}
{%- set keys = grain | join(', ') -%}
{%- set groups = range(1, grain | length + 1) | join(', ') -%}
with clock as (select as_of from {{ ref('int_clock') }}),

places as (
  select
    places.*,
    status in ('completed', 'did_not_arrive') or (status = 'cancelled' and starts_at <= clock.as_of) as is_settled
  from (
    select
      facts.*,
      {{ or_none('facts.practitioner_id') }} as practitioner_key,
      {{ or_none('facts.business_id') }} as business_key,
      migrated.patient_id is not null as is_migrated
    from {{ ref('fct_appointments') }} as facts
    left join {{ ref('int_migrated') }} as migrated
      on migrated._account = facts._account and migrated.patient_id = facts.patient_id
  ) as places
  cross join clock
  join {{ ref('int_account_zones') }} as accounts on accounts._account = places._account and accounts.knows_visits
  where local_date is not null
),

attendance as (
  select
    {{ grain | join(', ') | replace('practitioner_id', 'practitioner_key') | replace('business_id', 'business_key') }},
    {{ times('true') }} as appointments,
    {{ times("status = 'booked'") }} as booked,
    {{ times("status = 'arrived'") }} as arrived,
    {{ times("status = 'completed'") }} as completed,
    {{ times("status = 'completed' and not is_arrival_marked") }} as completed_unmarked,
    {{ times("status = 'did_not_arrive'") }} as did_not_arrive,
    {{ times("status = 'cancelled'") }} as cancelled,
    {{ times("is_same_day_cancellation") }} as cancelled_same_day,
    {{ times("is_settled") }} as settled,
    {{ times("is_settled and status = 'cancelled'") }} as settled_cancelled,
    {{ times("is_settled and is_same_day_cancellation") }} as settled_same_day,
    sum(cancellation_lead_days) as lead_days,
    cast(count(distinct case when status = 'completed' then patient_id end) as bigint) as patients_seen,
    {{ times("is_first_visit") }} as new_patients,
    {{ times("is_first_visit and not is_migrated") }} as new_patients_not_migrated,
    {{ times("is_rebooked") }} as rebooked,
    {{ times("status = 'completed' and next_visit_at is not null") }} as with_later_visit,
    {{ times("status = 'completed' and kind = 'individual'") }} as individual_completed,
    {{ times("status = 'completed' and kind = 'individual' and note_status = 'final'") }} as notes_final
  from places
  group by {{ groups }}
),

delivered as (
  select {{ keys }}, sum(minutes) as minutes
  from (select *, {{ month_of('local_date') }} as month_start from {{ ref('int_services') }}) as services
  group by {{ groups }}
),

calendar as (
  select
    {{ keys }},
    sum(offered_minutes) as offered_minutes,
    sum(booked_minutes) as booked_minutes,
    sum(booked_in_offered_minutes) as booked_in_offered_minutes
  from (select *, {{ month_of('local_date') }} as month_start from {{ ref('int_known_hours') }}) as hours
  group by {{ groups }}
),

classes as (
  select {{ keys }}, cast(sum(places) as bigint) as places, cast(sum(taken) as bigint) as taken
  from (select *, {{ month_of('local_date') }} as month_start from {{ ref('int_groups') }}) as groups_
  group by {{ groups }}
),

money as (
  select {{ keys }}, sum(net_amount) as net_amount, sum(gross_amount) as gross_amount
  from (
    select
      _account, {{ or_none('practitioner_id') }} as practitioner_id, {{ or_none('business_id') }} as business_id,
      issue_date as local_date, month_start, net_amount, gross_amount
    from {{ ref('fct_invoices') }}
    where issue_date is not null
  ) as invoices
  group by {{ groups }}
),

spine as (
  select {{ grain | join(', ') | replace('practitioner_id', 'practitioner_key as practitioner_id') | replace('business_id', 'business_key as business_id') }} from attendance
  union select {{ keys }} from calendar
  union select {{ keys }} from classes
  union select {{ keys }} from money
)

select
  {% for key in grain %}spine.{{ key }}, {% endfor %}
  {{ visits_known('coalesce(attendance.appointments, 0)') }} as appointments,
  {{ visits_known('coalesce(attendance.booked, 0)') }} as booked,
  {{ visits_known('coalesce(attendance.arrived, 0)') }} as arrived,
  {{ visits_known('coalesce(attendance.completed, 0)') }} as completed,
  {{ visits_known('coalesce(attendance.completed_unmarked, 0)') }} as completed_unmarked,
  {{ visits_known('coalesce(attendance.did_not_arrive, 0)') }} as did_not_arrive,
  {{ visits_known('coalesce(attendance.cancelled, 0)') }} as cancelled,
  {{ visits_known('coalesce(attendance.cancelled_same_day, 0)') }} as cancelled_same_day,
  {{ ratio('attendance.did_not_arrive', '(attendance.completed + attendance.did_not_arrive)') }} as dna_rate,
  {{ ratio('attendance.did_not_arrive', 'attendance.settled') }} as dna_rate_of_scheduled,
  {{ ratio('attendance.settled_cancelled', 'attendance.settled') }} as cancellation_rate,
  {{ ratio('attendance.settled_same_day', 'attendance.settled') }} as same_day_cancellation_rate,
  {{ visits_known('coalesce(attendance.settled, 0)') }} as settled,
  {{ ratio('attendance.lead_days', 'attendance.cancelled') }} as average_cancellation_lead_days,
  {{ visits_known('coalesce(attendance.patients_seen, 0)') }} as patients_seen,
  {{ visits_known('coalesce(attendance.new_patients, 0)') }} as new_patients,
  case when accounts.knows_visits and accounts.has_patients then coalesce(attendance.new_patients_not_migrated, 0) end as new_patients_not_migrated,
  cast({{ visits_known('coalesce(delivered.minutes, 0)') }} as double precision) / 60 as service_hours,
  cast(case when accounts.knows_hours then coalesce(calendar.offered_minutes, 0) end as double precision) / 60 as offered_hours,
  cast({{ visits_known('coalesce(calendar.booked_minutes, 0)') }} as double precision) / 60 as booked_hours,
  cast(case when accounts.knows_hours then coalesce(calendar.booked_in_offered_minutes, 0) end as double precision) / 60 as booked_in_offered_hours,
  {{ ratio('calendar.booked_in_offered_minutes', 'calendar.offered_minutes') }} as utilisation,
  {{ ratio('calendar.booked_minutes', 'calendar.offered_minutes') }} as booked_to_offered_rate,
  {{ visits_known('coalesce(attendance.rebooked, 0)') }} as rebooked,
  {{ ratio('attendance.rebooked', 'attendance.completed') }} as rebooking_rate,
  {{ visits_known('coalesce(attendance.with_later_visit, 0)') }} as with_later_visit,
  {{ ratio('attendance.with_later_visit', 'attendance.completed') }} as future_booking_rate,
  case when accounts.knows_visits and accounts.has_notes then coalesce(attendance.notes_final, 0) end as notes_final,
  case when accounts.has_notes then {{ ratio('attendance.notes_final', 'attendance.individual_completed') }} end as notes_completed_rate,
  {{ visits_known('coalesce(attendance.individual_completed, 0)') }} as individual_completed,
  case when accounts.knows_groups then coalesce(classes.places, 0) end as group_places,
  case when accounts.knows_groups then coalesce(classes.taken, 0) end as group_taken,
  case when accounts.knows_groups then {{ ratio('classes.taken', 'classes.places') }} end as group_fill_rate,
  {{ money('case when accounts.has_invoices then coalesce(money.net_amount, 0) end') }} as revenue_net,
  {{ money('case when accounts.has_invoices then coalesce(money.gross_amount, 0) end') }} as revenue_gross
from spine
left join {{ ref('int_account_zones') }} as accounts on accounts._account = spine._account
left join attendance on {% for key in grain %}attendance.{{ key | replace('practitioner_id', 'practitioner_key') | replace('business_id', 'business_key') }} = spine.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{% for part in ['delivered', 'calendar', 'classes', 'money'] %}
left join {{ part }} on {% for key in grain %}{{ part }}.{{ key }} = spine.{{ key }}{{ ' and ' if not loop.last }}{% endfor %}
{% endfor %}
{%- endmacro %}


{# A figure of appointments, where the account's (`accounts`) were read. #}
{% macro visits_known(figure) -%}
  case when accounts.knows_visits then {{ figure }} end
{%- endmacro %}


{# The columns of `figures`, in their order. #}
{% macro figure_columns(table) -%}
  {%- for name in [
    'appointments', 'booked', 'arrived', 'completed', 'completed_unmarked', 'did_not_arrive', 'cancelled',
    'cancelled_same_day', 'dna_rate', 'dna_rate_of_scheduled', 'cancellation_rate', 'same_day_cancellation_rate', 'settled',
    'average_cancellation_lead_days', 'patients_seen', 'new_patients', 'new_patients_not_migrated', 'service_hours', 'offered_hours',
    'booked_hours', 'booked_in_offered_hours', 'utilisation', 'booked_to_offered_rate', 'rebooked', 'rebooking_rate', 'with_later_visit',
    'future_booking_rate', 'notes_final',
    'notes_completed_rate', 'individual_completed', 'group_places', 'group_taken', 'group_fill_rate',
    'revenue_net', 'revenue_gross'] -%}
  {{ table }}.{{ name }}{{ ", " if not loop.last }}
  {%- endfor -%}
{%- endmacro %}
