select
  businesses._account,
  businesses.business_id,
  businesses.business_name,
  zones.time_zone,
  businesses.city,
  businesses.state,
  businesses.country_code,
  accounts.currency_symbol,
  businesses.is_live,
  businesses.archived_at
from {{ ref('stg_businesses') }} as businesses
join {{ ref('int_zones') }} as zones
  on zones._account = businesses._account and zones.business_id = businesses.business_id
join {{ ref('int_account_zones') }} as accounts on accounts._account = businesses._account
