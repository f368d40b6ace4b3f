select
  hours._account,
  hours.practitioner_id,
  practitioners.practitioner_name,
  hours.business_id,
  businesses.business_name,
  hours.local_date,
  hours.local_hour,
  cast(extract(isodow from hours.local_date) as integer) as weekday,
  hours.offered_minutes,
  hours.booked_minutes,
  hours.booked_in_offered_minutes,
  hours.attended_minutes,
  {{ ratio('hours.booked_in_offered_minutes', 'hours.offered_minutes') }} as utilisation
from {{ ref('int_known_hours') }} as hours
left join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = hours._account and practitioners.practitioner_id = hours.practitioner_id
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = hours._account and businesses.business_id = hours.business_id
where hours.offered_minutes > 0 or hours.booked_minutes > 0
