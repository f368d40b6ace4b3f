{{ config(materialized='table') }}
{# How to reach a patient in use. Columns that the privacy profile does not keep are null. #}
select
  patients._account,
  patients.patient_id,
  patients.patient_name,
  patients.email,
  phones.phone
from {{ ref('stg_patients') }} as patients
left join (
  select
    _account, patient_id, phone,
    row_number() over (partition by _account, patient_id order by case when is_mobile then 0 else 1 end, position, phone) as place
  from {{ ref('stg_patient_phone_numbers') }}
  where phone is not null
) as phones on phones._account = patients._account and phones.patient_id = patients.patient_id and phones.place = 1
where patients.is_live
