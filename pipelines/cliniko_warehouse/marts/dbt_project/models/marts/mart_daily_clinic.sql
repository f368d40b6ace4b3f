select
  figures._account,
  figures.business_id,
  businesses.business_name,
  figures.local_date,
  {{ month_of('figures.local_date') }} as month_start,
  {{ figure_columns('figures') }}
from ({{ figures(['_account', 'business_id', 'local_date']) }}) as figures
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = figures._account and businesses.business_id = figures.business_id
