{% snapshot snap_patients %}
{%- set columns = ['is_live', 'archived_at', 'merged_with_patient_id'] -%}
{{ config(
  unique_key=['_account', 'patient_id'],
  strategy='check', updated_at='changed_at', hard_deletes='ignore',
  check_cols=columns,
  snapshot_meta_column_names={
    'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to',
    'dbt_scd_id': 'version_id', 'dbt_updated_at': 'known_at'}
) }}
{{ history(ref('stg_patients'), 'patient_id', columns, this) }}
{% endsnapshot %}
