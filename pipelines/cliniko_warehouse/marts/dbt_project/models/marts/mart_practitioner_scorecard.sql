with online as (
  select
    _account, {{ or_none('practitioner_id') }} as practitioner_id, {{ or_none('business_id') }} as business_id, month_start,
    {{ times('is_booked_online') }} as online_bookings
  from {{ ref('fct_appointments') }}
  where month_start is not null
  group by 1, 2, 3, 4
),

months as (
  select
    money._account,
    money.practitioner_id,
    money.practitioner_name,
    money.business_id,
    money.business_name,
    money.month_start,
    {{ visits_known('coalesce(figures.appointments, 0)') }} as appointments,
    money.completed,
    {{ visits_known('coalesce(figures.new_patients, 0)') }} as new_patients,
    figures.dna_rate,
    figures.cancellation_rate,
    figures.rebooking_rate,
    figures.utilisation,
    figures.group_fill_rate,
    {{ visits_known('coalesce(online.online_bookings, 0)') }} as online_bookings,
    {{ ratio('coalesce(online.online_bookings, 0)', 'figures.appointments') }} as online_booking_rate,
    money.service_hours,
    money.revenue_net,
    money.average_fee,
    money.revenue_per_offered_hour,
    money.completed_without_invoice
  from {{ ref('mart_money_month') }} as money
  left join {{ ref('int_account_zones') }} as accounts on accounts._account = money._account
  left join {{ ref('mart_practitioner_month') }} as figures
    on figures._account = money._account and figures.practitioner_id = money.practitioner_id
    and figures.business_id = money.business_id and figures.month_start = money.month_start
  left join online
    on online._account = money._account and online.practitioner_id = money.practitioner_id
    and online.business_id = money.business_id and online.month_start = money.month_start
)

select
  months.*,
  {% for name in [
    'completed', 'new_patients', 'dna_rate', 'cancellation_rate', 'rebooking_rate', 'utilisation', 'online_booking_rate',
    'service_hours', 'revenue_net', 'average_fee'] -%}
  last_year.{{ name }} as {{ name }}_last_year{{ ',' if not loop.last }}
  {% endfor %}
from months
left join months as last_year
  on last_year._account = months._account and last_year.practitioner_id = months.practitioner_id
  and last_year.business_id = months.business_id
  and last_year.month_start = cast(months.month_start - interval '1 year' as date)
