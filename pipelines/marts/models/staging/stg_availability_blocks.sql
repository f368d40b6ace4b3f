select
  _account,
  id as availability_block_id,
  practitioner_id,
  business_id,
  starts_at,
  ends_at,
  repeat_rule__repeat_type as repeat_type,
  cast(coalesce(repeat_rule__repeating_interval, 1) as integer) as repeat_interval,
  cast(case when repeat_rule__repeat_type is null then 0 else coalesce(repeat_rule__number_of_repeats, 0) end as integer) as repeats,
  _gone_at is null as is_live
from {{ raw('availability_blocks') }} as raw_
