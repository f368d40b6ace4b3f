{%- set billed = "select 1 from " ~ ref('fct_invoices') ~ " as billed where billed._account = visits._account and billed.appointment_key = visits.appointment_key" -%}
{{ visits_without('has_invoices', 'visits.invoice_status is null and not exists (' ~ billed ~ ')', "'no invoice'") }}
