with starts as (
  select _account, coalesce(min(visits_from), min(bills_from)) as history_from
  from (
    select _account, seen_at as visits_from, cast(null as timestamp with time zone) as bills_from from {{ ref('snap_appointments') }}
    union all select _account, null, seen_at from {{ ref('snap_invoices') }}
  ) as history
  group by 1
),

closed as (
  select * from {{ ref('snap_month_end') }} where valid_to is null
),

{# Months without a row of their own: they ended before there was history of all that such a
row has, and are worked out from the first versions. #}
before as (
  select
    zones._account,
    zones.business_id,
    times.time_zone,
    days.date_day as month_start,
    cast(cast(days.date_day + interval '1 month' as date) as timestamp) at time zone times.time_zone as as_of
  from {{ ref('int_zones') }} as zones
  join {{ ref('dim_date') }} as days
    on days.date_day = days.month_start and cast(days.date_day + interval '1 month' as date) <= zones.today
  join {{ ref('int_zone_times') }} as times
    on times._account = zones._account and times.business_id = zones.business_id
    and {{ held('times', "cast(days.date_day + interval '1 month' as timestamp) at time zone 'UTC'") }}
  where not exists (
    select 1 from closed
    where closed._account = zones._account and closed.business_id = zones.business_id and closed.month_start = days.date_day
  )
),

versions as (
  select
    history.*,
    {{ or_none('history.business_id') }} as business_key,
    {{ month_of('cast(' ~ at_zone('history.starts_at', 'zones.time_zone') ~ ' as date)') }} as month_start
  from {{ ref('snap_appointments') }} as history
  join {{ ref('int_zone_times') }} as zones
    on zones._account = history._account and zones.business_id = {{ or_none('history.business_id') }}
    and {{ held('zones', 'history.starts_at') }}
),

then_ as (
  select
    before._account,
    before.business_id,
    before.month_start,
    {{ times('true') }} as appointments,
    {{ times("not coalesce(versions.cancelled_at < before.as_of, false) and versions.mark <> 'did_not_arrive'") }} as completed,
    {{ times("not coalesce(versions.cancelled_at < before.as_of, false) and versions.mark = 'did_not_arrive'") }} as did_not_arrive,
    {{ times('versions.cancelled_at < before.as_of') }} as cancelled
  from before
  join versions
    on versions._account = before._account and versions.business_key = before.business_id
    and versions.month_start = before.month_start
    and versions.valid_from < before.as_of
    and (versions.valid_to is null or versions.valid_to >= before.as_of)
    and (versions.is_live or versions.ended_at >= before.as_of)
  group by 1, 2, 3
),

months as (
  select
    _account, business_id, month_start, as_of, true as is_closed, time_zone,
    appointments, completed, did_not_arrive, cancelled, new_patients, active_patients,
    revenue_net, revenue_gross, closed_net, closed_gross, open_gross_amount, debtors,
    offered_minutes, booked_in_offered_minutes
  from closed
  union all
  select
    before._account, before.business_id, before.month_start, before.as_of, false, before.time_zone,
    {% for name in ['appointments', 'completed', 'did_not_arrive', 'cancelled'] %}{{ visits_known('coalesce(then_.' ~ name ~ ', 0)') }}, {% endfor %}
    null, null, null, null, null, null, null, null, null, null
  from before
  join {{ ref('int_account_zones') }} as accounts on accounts._account = before._account
  left join then_
    on then_._account = before._account and then_.business_id = before.business_id and then_.month_start = before.month_start
),

now_ as (
  select
    _account,
    business_id,
    month_start,
    cast(sum(completed) as bigint) as completed,
    cast(sum(did_not_arrive) as bigint) as did_not_arrive,
    cast(sum(cancelled) as bigint) as cancelled,
    cast(sum(new_patients) as bigint) as new_patients,
    sum(offered_hours) as offered_hours,
    sum(booked_in_offered_hours) as booked_hours
  from {{ ref('mart_practitioner_month') }}
  group by 1, 2, 3
),

money as (
  select
    _account, business_id, month_start,
    {% for name in ['revenue_net', 'revenue_gross', 'closed_net', 'closed_gross'] %}{{ sum_of_sums(name) }} as {{ name }}{{ ', ' if not loop.last }}{% endfor %}
  from {{ ref('mart_revenue') }}
  group by 1, 2, 3
)

select
  months._account,
  months.business_id,
  businesses.business_name,
  months.month_start,
  months.as_of,
  months.as_of < starts.history_from as is_before_history,
  months.is_closed,
  months.time_zone,
  months.appointments,
  months.completed,
  months.did_not_arrive,
  months.cancelled,
  {{ ratio('months.did_not_arrive', '(months.completed + months.did_not_arrive)') }} as dna_rate,
  {{ visits_known('coalesce(now_.completed, 0)') }} as completed_now,
  {{ visits_known('coalesce(now_.did_not_arrive, 0)') }} as did_not_arrive_now,
  {{ visits_known('coalesce(now_.cancelled, 0)') }} as cancelled_now,
  case when months.is_closed then months.new_patients else {{ visits_known('coalesce(now_.new_patients, 0)') }} end as new_patients,
  months.active_patients,
  case when months.is_closed then {{ ratio('months.booked_in_offered_minutes', 'months.offered_minutes') }}
    else {{ ratio('now_.booked_hours', 'now_.offered_hours') }} end as utilisation,
  {% for name in ['revenue_net', 'revenue_gross', 'closed_net', 'closed_gross'] -%}
  case when months.is_closed then months.{{ name }} else {{ money(invoiced(name)) }} end as {{ name }},
  {% endfor -%}
  months.open_gross_amount,
  months.debtors,
  {{ money(invoiced('revenue_net')) }} as revenue_net_now,
  {{ money(invoiced('closed_net')) }} as closed_net_now
from months
join starts on starts._account = months._account
join {{ ref('int_account_zones') }} as accounts on accounts._account = months._account
left join now_
  on now_._account = months._account and now_.business_id = months.business_id and now_.month_start = months.month_start
left join money
  on money._account = months._account and money.business_id = months.business_id and money.month_start = months.month_start
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = months._account and businesses.business_id = months.business_id
where months.appointments > 0 or months.revenue_net <> 0 or months.closed_net <> 0 or months.open_gross_amount <> 0
  or now_.completed + now_.did_not_arrive + now_.cancelled > 0 or money.month_start is not null
