select
  hours._account,
  hours.practitioner_id,
  max(practitioners.practitioner_name) as practitioner_name,
  hours.business_id,
  max(businesses.business_name) as business_name,
  cast(floor(({{ days('zones.today', 'hours.local_date') }} - 1) / 7.0) as integer) + 1 as week,
  {{ later('zones.today', '(1 + 7 * cast(floor((' ~ days('zones.today', 'hours.local_date') ~ ' - 1) / 7.0) as integer))') }} as week_from,
  max(clock.as_of) as as_of,
  cast(sum(hours.offered_minutes) as double precision) / 60 as offered_hours,
  cast(sum(hours.booked_in_offered_minutes) as double precision) / 60 as booked_hours,
  cast(sum(hours.offered_minutes - hours.booked_in_offered_minutes) as double precision) / 60 as free_hours,
  {{ ratio('sum(hours.booked_in_offered_minutes)', 'sum(hours.offered_minutes)') }} as utilisation
from {{ ref('int_known_hours') }} as hours
join {{ ref('int_zones') }} as zones
  on zones._account = hours._account and zones.business_id = hours.business_id
cross join {{ ref('int_clock') }} as clock
left join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = hours._account and practitioners.practitioner_id = hours.practitioner_id
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = hours._account and businesses.business_id = hours.business_id
where hours.offered_minutes > 0 and hours.local_date > zones.today and hours.local_date <= {{ later('zones.today', 28) }}
group by hours._account, hours.practitioner_id, hours.business_id, 6, 7
