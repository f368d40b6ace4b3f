{# The private settings tell the zone as well; a key may be refused them. #}
select
  coalesce(private._account, public._account) as _account,
  nullif(coalesce(private.account ->> 'time_zone_identifier', public.account ->> 'time_zone_identifier'), '') as time_zone_identifier,
  nullif(coalesce(private.account ->> 'currency_symbol', public.account ->> 'currency_symbol'), '') as currency_symbol
from {{ raw('settings_public') }} as public
full join {{ raw('settings') }} as private on private._account = public._account
