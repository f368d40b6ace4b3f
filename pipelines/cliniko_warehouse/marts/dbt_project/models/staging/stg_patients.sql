select
  _account,
  id as patient_id,
  coalesce(nullif(label, ''), nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')) as patient_name,
  cast(extract(year from date_of_birth) as integer) as birth_year,
  nullif(sex, '') as sex,
  nullif(email, '') as email,
  nullif(city, '') as city,
  nullif(post_code, '') as post_code,
  nullif(country_code, '') as country_code,
  concession_type_id,
  merged_with_patient_id,
  accepted_email_marketing,
  accepted_sms_marketing,
  created_at,
  coalesce(archived_at, deleted_at) as archived_at,
  _gone_at as gone_at,
  coalesce(archived_at, deleted_at, _gone_at) is null as is_live
from {{ raw('patients') }} as raw_
