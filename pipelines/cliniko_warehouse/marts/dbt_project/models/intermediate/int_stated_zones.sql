{# The zone that a business states for itself, and as business 0 the one of the account's
settings; none where neither an identifier nor a label is known. #}
select
  businesses._account, businesses.business_id, coalesce(exact.time_zone, shown.time_zone) as time_zone,
  businesses.is_live, businesses.created_at
from {{ ref('stg_businesses') }} as businesses
left join {{ ref('int_zone_names') }} as exact on exact.said = businesses.time_zone_identifier
left join {{ ref('int_zone_names') }} as shown on shown.said = businesses.time_zone_label
where coalesce(exact.time_zone, shown.time_zone) is not null
union all
select settings._account, 0, coalesce(exact.time_zone, shown.time_zone), true, null
from {{ ref('stg_settings') }} as settings
left join {{ ref('int_zone_names') }} as exact on exact.said = settings.time_zone_identifier
left join {{ ref('int_zone_names') }} as shown on shown.said = settings.time_zone_label
where coalesce(exact.time_zone, shown.time_zone) is not null
