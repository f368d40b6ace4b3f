{# Each merged patient, with the one who carries on at the end of the chain of merges. #}
with recursive chain as (
  select _account, patient_id, merged_with_patient_id as survivor_id, 1 as steps
  from {{ ref('stg_patients') }}
  where merged_with_patient_id is not null and merged_with_patient_id <> patient_id
  union all
  select chain._account, chain.patient_id, patients.merged_with_patient_id, chain.steps + 1
  from chain
  join {{ ref('stg_patients') }} as patients
    on patients._account = chain._account and patients.patient_id = chain.survivor_id
  where patients.merged_with_patient_id is not null and chain.steps < 20
)
select _account, patient_id, survivor_id
from (
  select *, row_number() over (partition by _account, patient_id order by steps desc) as place from chain
) as ends
where place = 1
