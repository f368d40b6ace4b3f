{# No two rows of these marts have the same key, and none of its columns is null. #}
{{ broken_keys([
  (ref('mart_capacity'), ['_account', 'practitioner_id', 'business_id', 'week']),
  (ref('mart_follow_up'), ['_account', 'month_start']),
  (ref('mart_practitioner_scorecard'), ['_account', 'practitioner_id', 'business_id', 'month_start']),
]) }}
