{# One form with the visit that it was sent for: that of its attendee, else of its individual
appointment. #}
select
  forms._account,
  forms.patient_form_id,
  forms.form_name,
  forms.created_at,
  forms.completed_at,
  coalesce(seats.appointment_key, visits.appointment_key) as appointment_key,
  coalesce(seats.patient_id, visits.patient_id, survivors.survivor_id, forms.patient_id) as patient_id,
  coalesce(seats.starts_at, visits.starts_at) as starts_at,
  coalesce(seats.local_date, visits.local_date) as local_date,
  coalesce(seats.month_start, visits.month_start) as month_start,
  coalesce(seats.status, visits.status) as status,
  coalesce(seats.practitioner_name, visits.practitioner_name) as practitioner_name,
  coalesce(seats.business_name, visits.business_name) as business_name
from {{ ref('stg_patient_forms') }} as forms
left join {{ ref('int_survivors') }} as survivors
  on survivors._account = forms._account and survivors.patient_id = forms.patient_id
left join (
  select *, row_number() over (partition by _account, attendee_id order by appointment_key) as place
  from {{ ref('fct_appointments') }}
  where attendee_id is not null
) as seats on seats._account = forms._account and seats.attendee_id = forms.attendee_id and seats.place = 1
left join {{ ref('fct_appointments') }} as visits
  on visits._account = forms._account and visits.appointment_id = forms.appointment_id
  and visits.kind = 'individual' and seats.appointment_key is null
where forms.is_live
