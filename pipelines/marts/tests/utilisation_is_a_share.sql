{# Used minutes lie in offered ones, and an hour has sixty. #}
select * from {{ ref('mart_utilisation') }}
where offered_minutes > 60 or booked_minutes > 60 or attended_minutes > booked_minutes
  or booked_in_offered_minutes > least(offered_minutes, booked_minutes)
