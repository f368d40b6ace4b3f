{# Patients who came over from the system used before, or were merged with one who did. #}
select distinct patients._account, coalesce(survivors.survivor_id, patients.patient_id) as patient_id
from {{ ref('stg_patients') }} as patients
left join {{ ref('int_survivors') }} as survivors
  on survivors._account = patients._account and survivors.patient_id = patients.patient_id
where patients.is_migrated
