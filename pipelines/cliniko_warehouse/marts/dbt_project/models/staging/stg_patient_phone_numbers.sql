select
  _account,
  patient_id,
  position,
  nullif(trim(number), '') as phone,
  coalesce(lower(phone_type) = 'mobile', false) as is_mobile
from {{ raw('patients__patient_phone_numbers') }} as raw_
