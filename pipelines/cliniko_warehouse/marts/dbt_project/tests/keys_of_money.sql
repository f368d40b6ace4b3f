{# No two rows of the marts of money have the same key, and none of its columns is null. #}
{{ broken_keys([
  (ref('mart_revenue'), ['_account', 'local_date', 'practitioner_id', 'business_id', 'payer', 'item_kind', 'billable_item_id', 'product_id', 'item_name']),
  (ref('mart_fees'), ['_account', 'appointment_type_id']),
  (ref('mart_money_month'), ['_account', 'practitioner_id', 'business_id', 'month_start']),
  (ref('mart_debtors'), ['_account', 'patient_id', 'payer']),
]) }}
