{# Each place has one current version, it says what the place is now, and no two versions
hold at one moment. #}
with ordered as (
  select
    *,
    lead(valid_from) over (partition by _account, appointment_key order by valid_from) as next_from
  from {{ ref('snap_appointments') }}
)

select places._account, places.appointment_key, 'current' as what
from {{ ref('int_places') }} as places
left join {{ ref('snap_appointments') }} as history
  on history._account = places._account and history.appointment_key = places.appointment_key and history.valid_to is null
where history.appointment_key is null
  or history.starts_at is distinct from places.starts_at
  or history.cancelled_at is distinct from places.cancelled_at
  or history.mark <> places.mark
  or history.is_live <> places.is_live

union all

select _account, appointment_key, 'overlap'
from ordered
where (next_from is not null and (valid_to is null or valid_to > next_from)) or valid_to < valid_from
