{# The first source of referral that was written down for a patient or one merged into them. #}
select _account, patient_id, referral_source, subcategory
from (
  select
    sources._account,
    coalesce(survivors.survivor_id, sources.patient_id) as patient_id,
    types.referral_source,
    sources.subcategory,
    row_number() over (
      partition by sources._account, coalesce(survivors.survivor_id, sources.patient_id)
      order by sources.created_at, sources.referral_source_id
    ) as place
  from {{ ref('stg_referral_sources') }} as sources
  left join {{ ref('int_survivors') }} as survivors
    on survivors._account = sources._account and survivors.patient_id = sources.patient_id
  left join {{ ref('stg_referral_source_types') }} as types
    on types._account = sources._account and types.referral_source_type_id = sources.referral_source_type_id
  where sources.is_live and sources.patient_id is not null
) as ordered
where place = 1
