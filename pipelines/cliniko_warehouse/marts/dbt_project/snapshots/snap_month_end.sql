{% snapshot snap_month_end %}
{# Each month as it stood when it ended: a row is written by the first build after the end,
and never again, whatever the account says of the month afterwards. #}
{{ config(
  unique_key=['_account', 'business_id', 'month_start'],
  strategy='check', check_cols=['_account'], updated_at='seen_at', hard_deletes='ignore',
  snapshot_meta_column_names={
    'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to',
    'dbt_scd_id': 'version_id', 'dbt_updated_at': 'known_at'}
) }}
{%- set known = adapter.get_relation(this.database, this.schema, this.identifier) if execute else none -%}
with clock as (select as_of from {{ ref('int_clock') }}),

{# Since when there is history of all that a month is made of: appointments, invoices, or
the one that the account has. #}
starts as (
  select _account, max(history_from) as history_from
  from (
    select _account, min(seen_at) as history_from from {{ ref('snap_appointments') }} group by 1
    union all select _account, min(seen_at) from {{ ref('snap_invoices') }} group by 1
  ) as lists
  group by 1
),

months as (
  select ended.*
  from (
    select
      zones._account,
      zones.business_id,
      times.time_zone,
      days.date_day as month_start,
      cast(days.date_day + interval '1 month' as date) as next_month,
      cast(cast(days.date_day + interval '1 month' as date) as timestamp) at time zone times.time_zone as as_of
    from {{ ref('int_zones') }} as zones
    join {{ ref('dim_date') }} as days
      on days.date_day = days.month_start and cast(days.date_day + interval '1 month' as date) <= zones.today
    join {{ ref('int_zone_times') }} as times
      on times._account = zones._account and times.business_id = zones.business_id
      and {{ held('times', "cast(days.date_day + interval '1 month' as timestamp) at time zone 'UTC'") }}
  ) as ended
  join starts on starts._account = ended._account and starts.history_from <= ended.as_of
  {% if known -%}
  where not exists (
    select 1 from {{ known.include(database=false) }} as closed
    where closed._account = ended._account and closed.business_id = ended.business_id and closed.month_start = ended.month_start
  )
  {%- endif %}
),

{# Places as the account had them at the end of each month, of all businesses. #}
visits as (
  select
    months.business_id as month_business_id,
    months.month_start,
    months.as_of,
    history._account,
    history.appointment_key,
    {{ or_none('history.business_id') }} as business_id,
    coalesce(survivors.survivor_id, history.patient_id) as patient_id,
    history.starts_at,
    {{ month_of('cast(' ~ at_zone('history.starts_at', 'zones.time_zone') ~ ' as date)') }} as visit_month,
    coalesce(history.cancelled_at < months.as_of, false) as is_cancelled,
    history.mark = 'did_not_arrive' as is_missed,
    greatest(history.starts_at, history.ends_at) <= months.as_of as is_over
  from months
  join {{ ref('snap_appointments') }} as history
    on history._account = months._account
    and history.valid_from < months.as_of
    and (history.valid_to is null or history.valid_to >= months.as_of)
    and (history.is_live or history.ended_at >= months.as_of)
  join {{ ref('int_zone_times') }} as zones
    on zones._account = history._account and zones.business_id = {{ or_none('history.business_id') }}
    and {{ held('zones', 'history.starts_at') }}
  left join {{ ref('int_survivors') }} as survivors
    on survivors._account = history._account and survivors.patient_id = history.patient_id
),

attendance as (
  select
    _account, month_business_id as business_id, month_start,
    {{ times('visit_month = month_start') }} as appointments,
    {{ times('visit_month = month_start and not is_cancelled and not is_missed') }} as completed,
    {{ times('visit_month = month_start and not is_cancelled and is_missed') }} as did_not_arrive,
    {{ times('visit_month = month_start and is_cancelled') }} as cancelled,
    cast(count(distinct case
      when not is_cancelled and not is_missed and is_over and starts_at >= as_of - {{ var('active_days') }} * interval '1 day' then patient_id
      when not is_cancelled and not is_missed and starts_at >= as_of then patient_id
    end) as bigint) as active_patients
  from visits
  where business_id = month_business_id
  group by 1, 2, 3
),

firsts as (
  select _account, month_business_id as business_id, month_start, {{ times('true') }} as new_patients
  from (
    select
      *,
      row_number() over (partition by _account, month_business_id, month_start, patient_id order by starts_at, appointment_key) as place
    from visits
    where not is_cancelled and not is_missed and is_over and patient_id is not null
  ) as ordered
  where place = 1 and business_id = month_business_id and visit_month = month_start
  group by 1, 2, 3
),

bills as (
  select
    months._account,
    months.business_id,
    months.month_start,
    {% set issued = 'history.issue_date >= months.month_start and history.issue_date < months.next_month' -%}
    {%- set closed = "history.closed_at < months.as_of and history.status not in ('open', 'open_credit') and " ~ month_of('cast(' ~ at_zone('history.closed_at', 'closing.time_zone') ~ ' as date)') ~ ' = months.month_start' -%}
    {%- set owed = "history.issue_date < months.next_month and history.original_invoice_id is null and history.gross_amount > 0 and (history.status = 'open' or history.closed_at >= months.as_of)" -%}
    {% for name in ['net', 'gross'] -%}
    sum(case when {{ issued }} then history.{{ name }}_amount end) as revenue_{{ name }},
    sum(case when {{ closed }} then history.{{ name }}_amount end) as closed_{{ name }},
    {% endfor -%}
    sum(case when {{ owed }} then history.gross_amount end) as open_gross_amount,
    cast(count(distinct case when {{ owed }} then coalesce(survivors.survivor_id, history.patient_id) end) as bigint) as debtors
  from months
  join {{ ref('snap_invoices') }} as history
    on history._account = months._account and {{ or_none('history.business_id') }} = months.business_id
    and history.valid_from < months.as_of
    and (history.valid_to is null or history.valid_to >= months.as_of)
    and (history.is_live or history.ended_at >= months.as_of)
  join {{ ref('int_zone_times') }} as closing
    on closing._account = history._account and closing.business_id = {{ or_none('history.business_id') }}
    and {{ held('closing', 'history.closed_at') }}
  left join {{ ref('int_survivors') }} as survivors
    on survivors._account = history._account and survivors.patient_id = history.patient_id
  group by 1, 2, 3
),

calendar as (
  select
    months._account, months.business_id, months.month_start,
    cast(sum(hours.offered_minutes) as bigint) as offered_minutes,
    cast(sum(hours.booked_in_offered_minutes) as bigint) as booked_in_offered_minutes
  from months
  join {{ ref('int_hours') }} as hours
    on hours._account = months._account and hours.business_id = months.business_id
    and hours.local_date >= months.month_start and hours.local_date < months.next_month
  group by 1, 2, 3
)

select
  months._account,
  months.business_id,
  months.month_start,
  months.time_zone,
  months.as_of,
  {{ visits_known('coalesce(attendance.appointments, 0)') }} as appointments,
  {{ visits_known('coalesce(attendance.completed, 0)') }} as completed,
  {{ visits_known('coalesce(attendance.did_not_arrive, 0)') }} as did_not_arrive,
  {{ visits_known('coalesce(attendance.cancelled, 0)') }} as cancelled,
  {{ visits_known('coalesce(firsts.new_patients, 0)') }} as new_patients,
  {{ visits_known('coalesce(attendance.active_patients, 0)') }} as active_patients,
  {% for name in ['revenue_net', 'revenue_gross', 'closed_net', 'closed_gross', 'open_gross_amount'] -%}
  {{ money('case when accounts.has_invoices then coalesce(bills.' ~ name ~ ', 0) end') }} as {{ name }},
  {% endfor -%}
  case when accounts.has_invoices then coalesce(bills.debtors, 0) end as debtors,
  case when accounts.knows_hours then coalesce(calendar.offered_minutes, 0) end as offered_minutes,
  case when accounts.knows_hours then coalesce(calendar.booked_in_offered_minutes, 0) end as booked_in_offered_minutes,
  clock.as_of as seen_at
from months
cross join clock
join {{ ref('int_account_zones') }} as accounts on accounts._account = months._account
{% for part in ['attendance', 'firsts', 'bills', 'calendar'] -%}
left join {{ part }} on {{ part }}._account = months._account and {{ part }}.business_id = months.business_id
  and {{ part }}.month_start = months.month_start
{% endfor -%}
{% endsnapshot %}
