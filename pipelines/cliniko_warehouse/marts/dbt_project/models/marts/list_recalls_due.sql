select
  recalls._account,
  recalls.recall_id,
  recalls.patient_id,
  {{ contact_columns('contacts') }},
  recalls.recall_type,
  recalls.recall_on,
  {{ days('recalls.recall_on', 'accounts.today') }} as days_due,
  coalesce(recalls.recall_type, 'recall') || ' due '
    || case when recalls.recall_on = accounts.today then 'today' else {{ counted(days('recalls.recall_on', 'accounts.today'), 'day') }} || ' ago' end
    || ', nothing booked' as reason
from {{ ref('int_recalls') }} as recalls
join {{ ref('int_account_zones') }} as accounts on accounts._account = recalls._account and accounts.knows_visits
join {{ ref('int_contacts') }} as contacts
  on contacts._account = recalls._account and contacts.patient_id = recalls.patient_id
where recalls.recall_on <= accounts.today and recalls.answered_on is null
