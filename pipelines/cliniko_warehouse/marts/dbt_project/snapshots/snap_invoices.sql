{% snapshot snap_invoices %}
{%- set columns = [
  'patient_id', 'practitioner_id', 'business_id', 'attendee_id', 'original_invoice_id', 'issue_date', 'status',
  'closed_at', 'discount_amount', 'net_amount', 'tax_amount', 'gross_amount', 'is_live'] -%}
{{ config(
  unique_key=['_account', 'invoice_id'],
  strategy='check', updated_at='changed_at', hard_deletes='ignore',
  check_cols=columns,
  snapshot_meta_column_names={
    'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to',
    'dbt_scd_id': 'version_id', 'dbt_updated_at': 'known_at'}
) }}
{{ history(ref('stg_invoices'), 'invoice_id', columns, this, more=['ended_at']) }}
{% endsnapshot %}
