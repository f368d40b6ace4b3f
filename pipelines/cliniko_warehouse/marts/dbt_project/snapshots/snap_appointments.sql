{% snapshot snap_appointments %}
{# What the account said of each place in an appointment, and from when until when it said so. #}
{%- set columns = [
  'kind', 'appointment_id', 'attendee_id', 'patient_id', 'practitioner_id', 'business_id',
  'appointment_type_id', 'starts_at', 'ends_at', 'cancelled_at', 'cancellation_reason', 'mark',
  'is_live', 'invoice_status', 'note_status'] -%}
{{ config(
  unique_key=['_account', 'appointment_key'],
  strategy='check', updated_at='changed_at', hard_deletes='ignore',
  check_cols=columns,
  snapshot_meta_column_names={
    'dbt_valid_from': 'valid_from', 'dbt_valid_to': 'valid_to',
    'dbt_scd_id': 'version_id', 'dbt_updated_at': 'known_at'}
) }}
{{ history(ref('int_places'), 'appointment_key', columns, this, 'varchar', ['ended_at']) }}
{% endsnapshot %}
