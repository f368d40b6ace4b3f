with timed as (
  select
    places.*,
    coalesce(survivors.survivor_id, places.patient_id) as survivor_id,
    clock.as_of,
    zones.time_zone,
    {{ at_zone('places.starts_at', 'zones.time_zone') }} as starts_at_local,
    {{ at_zone('places.ends_at', 'zones.time_zone') }} as ends_at_local,
    cast({{ at_zone('places.starts_at', 'zones.time_zone') }} as date) as local_date,
    cast({{ at_zone('places.created_at', 'zones.time_zone') }} as date) as booked_on,
    cast({{ at_zone('places.cancelled_at', 'zones.time_zone') }} as date) as cancelled_on,
    case
      when places.cancelled_at is not null then 'cancelled'
      when places.mark = 'did_not_arrive' and places.starts_at <= clock.as_of then 'did_not_arrive'
      when greatest(places.starts_at, places.ends_at) <= clock.as_of then 'completed'
      when places.mark = 'arrived' then 'arrived'
      else 'booked'
    end as status
  from {{ ref('int_places') }} as places
  join {{ ref('int_zone_times') }} as zones
    on zones._account = places._account
    and zones.business_id = {{ or_none('places.business_id') }}
    and {{ held('zones', 'places.starts_at') }}
  cross join {{ ref('int_clock') }} as clock
  left join {{ ref('int_survivors') }} as survivors
    on survivors._account = places._account and survivors.patient_id = places.patient_id
  where places.is_live
),

numbered as (
  select
    *,
    case when status = 'completed' and survivor_id is not null then
      row_number() over (partition by _account, survivor_id, status order by starts_at, appointment_key)
    end as visit_number,
    case when status = 'completed' and survivor_id is not null then
      row_number() over (partition by _account, survivor_id, practitioner_id, status order by starts_at, appointment_key)
    end as visit_number_with_practitioner,
    case when survivor_id is not null then
      min(case when status in ('booked', 'arrived', 'completed') then starts_at end) over (
        partition by _account, survivor_id order by starts_at, appointment_key
        rows between 1 following and unbounded following)
    end as next_visit_at
  from timed
),

rebooked as (
  select distinct visits._account, visits.appointment_key
  from timed as visits
  join timed as later
    on later._account = visits._account
    and later.survivor_id = visits.survivor_id
    and later.local_date > visits.local_date
    and later.booked_on <= visits.local_date
    and (later.cancelled_on is null or later.cancelled_on > visits.local_date)
  where visits.status = 'completed'
)

select
  numbered._account,
  numbered.appointment_key,
  numbered.kind,
  numbered.appointment_id,
  numbered.attendee_id,
  numbered.survivor_id as patient_id,
  numbered.patient_id as recorded_patient_id,
  numbered.practitioner_id,
  practitioners.practitioner_name,
  numbered.business_id,
  businesses.business_name,
  numbered.appointment_type_id,
  types.appointment_type_name,
  types.category as appointment_category,
  numbered.patient_case_id,
  numbered.status,
  numbered.mark <> 'none' as is_arrival_marked,
  numbered.is_booked_online,
  numbered.created_at,
  numbered.starts_at,
  numbered.ends_at,
  numbered.cancelled_at,
  numbered.time_zone,
  numbered.starts_at_local,
  numbered.ends_at_local,
  numbered.local_date,
  cast(extract(hour from numbered.starts_at_local) as integer) as local_hour,
  cast(extract(isodow from numbered.local_date) as integer) as weekday,
  {{ month_of('numbered.local_date') }} as month_start,
  numbered.booked_on,
  numbered.cancelled_on,
  {{ minutes('numbered.starts_at', 'numbered.ends_at') }} as minutes,
  {{ days('numbered.booked_on', 'numbered.local_date') }} as lead_days,
  {{ days('numbered.cancelled_on', 'numbered.local_date') }} as cancellation_lead_days,
  cast(extract(epoch from (numbered.starts_at - numbered.cancelled_at)) as double precision) / 3600 as cancellation_lead_hours,
  coalesce(numbered.cancelled_on >= numbered.local_date, false) as is_same_day_cancellation,
  numbered.cancellation_reason,
  numbered.invoice_status,
  numbered.note_status,
  {{ visits_known('cast(numbered.visit_number as integer)') }} as visit_number,
  {{ visits_known('coalesce(numbered.visit_number = 1, false)') }} as is_first_visit,
  {{ visits_known('coalesce(numbered.visit_number_with_practitioner = 1, false)') }} as is_first_visit_with_practitioner,
  {{ visits_known('numbered.next_visit_at') }} as next_visit_at,
  {{ visits_known('rebooked.appointment_key is not null') }} as is_rebooked
from numbered
join {{ ref('int_account_zones') }} as accounts on accounts._account = numbered._account
left join rebooked
  on rebooked._account = numbered._account and rebooked.appointment_key = numbered.appointment_key
left join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = numbered._account and practitioners.practitioner_id = numbered.practitioner_id
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = numbered._account and businesses.business_id = numbered.business_id
left join {{ ref('stg_appointment_types') }} as types
  on types._account = numbered._account and types.appointment_type_id = numbered.appointment_type_id
