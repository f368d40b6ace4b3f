select
  forms._account,
  forms.patient_form_id,
  forms.patient_id,
  {{ contact_columns('contacts') }},
  forms.form_name,
  cast({{ at_zone('forms.created_at', 'accounts.time_zone') }} as date) as sent_on,
  forms.appointment_key,
  forms.local_date as visit_on,
  forms.practitioner_name,
  forms.business_name,
  forms.completed_at,
  case
    when forms.completed_at is not null then 'late'
    when forms.starts_at > accounts.as_of then 'to_come'
    else 'open'
  end as state,
  case
    when forms.completed_at is not null then 'completed after the visit began'
    when forms.starts_at > accounts.as_of then 'not completed, the visit is '
      || case when forms.local_date <= accounts.today then 'today' else 'in ' || {{ counted(days('accounts.today', 'forms.local_date'), 'day') }} end
    else 'not completed, the visit was '
      || case when forms.local_date >= accounts.today then 'today' else {{ counted(days('forms.local_date', 'accounts.today'), 'day') }} || ' ago' end
  end as reason
from {{ ref('int_forms') }} as forms
join {{ ref('int_account_zones') }} as accounts on accounts._account = forms._account and accounts.knows_visits
left join {{ ref('int_contacts') }} as contacts
  on contacts._account = forms._account and contacts.patient_id = forms.patient_id
where forms.local_date is not null
  and forms.status in ('booked', 'arrived', 'completed')
  and (forms.completed_at is null or forms.completed_at > forms.starts_at)
