{# A rule that makes no sense repeats nothing. #}
select
  _account,
  id as availability_block_id,
  practitioner_id,
  business_id,
  starts_at,
  ends_at,
  repeat_rule__repeat_type as repeat_type,
  coalesce({{ whole('repeat_rule__repeating_interval', 1, 400) }}, 1) as repeat_interval,
  case
    when repeat_rule__repeat_type in ('Daily', 'Weekly', 'Monthly')
      and coalesce(repeat_rule__repeating_interval, 1) between 1 and 400
      then cast(least(greatest(coalesce(repeat_rule__number_of_repeats, 0), 0), 1000) as integer)
    else 0
  end as repeats,
  _gone_at is null as is_live,
  coalesce(repeat_rule__repeat_type not in ('Daily', 'Weekly', 'Monthly', ''), false)
    or coalesce(not repeat_rule__repeating_interval between 1 and 400, false)
    or coalesce(not repeat_rule__number_of_repeats between 0 and 1000, false) as has_odd_rule
from {{ raw('availability_blocks') }} as raw_
