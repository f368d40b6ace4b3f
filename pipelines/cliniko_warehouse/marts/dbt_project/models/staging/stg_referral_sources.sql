select
  _account,
  id as referral_source_id,
  patient_id,
  referral_source_type_id,
  nullif(subcategory, '') as subcategory,
  created_at,
  coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('referral_sources') }} as raw_
