{% snapshot snap_rosters %}
{{ config(
  unique_key=['_account', 'practitioner_id', 'business_id', 'weekday', 'local_start', 'local_end'],
  strategy='check', check_cols=['_account'], updated_at='seen_at', hard_deletes='invalidate',
  snapshot_meta_column_names={
    'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to',
    'dbt_scd_id': 'version_id', 'dbt_updated_at': 'changed_at'}
) }}
select distinct
  days._account,
  days.practitioner_id,
  days.business_id,
  days.weekday,
  hours.local_start,
  hours.local_end,
  clock.as_of as seen_at
from {{ ref('stg_daily_availabilities') }} as days
join {{ ref('stg_daily_availability_hours') }} as hours
  on hours._account = days._account and hours.daily_availability_id = days.daily_availability_id
cross join {{ ref('int_clock') }} as clock
where days.is_live and days.practitioner_id is not null and days.business_id is not null and days.weekday is not null
{% endsnapshot %}
