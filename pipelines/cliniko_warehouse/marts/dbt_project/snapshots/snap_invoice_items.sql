{% snapshot snap_invoice_items %}
{%- set columns = [
  'invoice_id', 'billable_item_id', 'product_id', 'quantity', 'discount_amount', 'net_amount', 'gross_amount', 'is_live'] -%}
{{ config(
  unique_key=['_account', 'invoice_item_id'],
  strategy='check', updated_at='changed_at', hard_deletes='ignore',
  check_cols=columns,
  snapshot_meta_column_names={
    'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to',
    'dbt_scd_id': 'version_id', 'dbt_updated_at': 'known_at'}
) }}
{{ history(ref('stg_invoice_items'), 'invoice_item_id', columns, this, more=['ended_at']) }}
{% endsnapshot %}
