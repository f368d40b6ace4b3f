{# No two rows of a list by name have the same key, and none of its columns is null. #}
{{ broken_keys([
  (ref('list_debtors'), ['_account', 'patient_id', 'payer']),
  (ref('list_lapsed_patients'), ['_account', 'patient_id']),
  (ref('list_first_visits_only'), ['_account', 'patient_id']),
  (ref('list_recalls_due'), ['_account', 'recall_id']),
  (ref('list_cases_ending'), ['_account', 'patient_case_id']),
  (ref('list_visits_without_note'), ['_account', 'appointment_key']),
  (ref('list_visits_without_invoice'), ['_account', 'appointment_key']),
  (ref('list_forms_not_completed'), ['_account', 'patient_form_id']),
]) }}
