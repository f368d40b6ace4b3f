{# Each version has its own id, and each record one current version. #}
{{ broken_keys([
  (ref('snap_invoices'), ['version_id']),
  (ref('snap_invoice_items'), ['version_id']),
  (ref('snap_patients'), ['version_id']),
  (ref('snap_month_end'), ['_account', 'business_id', 'month_start']),
]) }}
