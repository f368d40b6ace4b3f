with months as (
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
    months._account,
    months.business_id,
    months.month_start,
    {{ times('true') }} as appointments,
    {{ times("not coalesce(versions.cancelled_at < months.as_of, false) and versions.mark <> 'did_not_arrive'") }} as completed,
    {{ times("not coalesce(versions.cancelled_at < months.as_of, false) and versions.mark = 'did_not_arrive'") }} as did_not_arrive,
    {{ times('versions.cancelled_at < months.as_of') }} as cancelled
  from months
  join versions
    on versions._account = months._account and versions.business_key = months.business_id
    and versions.month_start = months.month_start
    and versions.valid_from < months.as_of
    and (versions.valid_to is null or versions.valid_to >= months.as_of)
    and (versions.is_live or versions.ended_at >= months.as_of)
  group by 1, 2, 3
),

now_ as (
  select
    _account,
    {{ or_none('business_id') }} as business_id,
    month_start,
    {{ times("status = 'completed'") }} as completed,
    {{ times("status = 'did_not_arrive'") }} as did_not_arrive,
    {{ times("status = 'cancelled'") }} as cancelled
  from {{ ref('fct_appointments') }}
  group by 1, 2, 3
),

history as (
  select _account, min(seen_at) as history_from from {{ ref('snap_appointments') }} group by 1
)

select
  months._account,
  months.business_id,
  businesses.business_name,
  months.month_start,
  months.as_of,
  months.as_of < history.history_from as is_before_history,
  coalesce(then_.appointments, 0) as appointments,
  coalesce(then_.completed, 0) as completed,
  coalesce(then_.did_not_arrive, 0) as did_not_arrive,
  coalesce(then_.cancelled, 0) as cancelled,
  {{ ratio('then_.did_not_arrive', '(then_.completed + then_.did_not_arrive)') }} as dna_rate,
  coalesce(now_.completed, 0) as completed_now,
  coalesce(now_.did_not_arrive, 0) as did_not_arrive_now,
  coalesce(now_.cancelled, 0) as cancelled_now
from months
join history on history._account = months._account
left join then_
  on then_._account = months._account and then_.business_id = months.business_id and then_.month_start = months.month_start
left join now_
  on now_._account = months._account and now_.business_id = months.business_id and now_.month_start = months.month_start
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = months._account and businesses.business_id = months.business_id
where then_.appointments > 0 or now_.month_start is not null
