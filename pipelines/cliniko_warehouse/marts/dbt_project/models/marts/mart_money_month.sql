{%- set priced = 'accounts.knows_visits and accounts.has_invoices and accounts.has_invoice_items' -%}
with visits as (
  select
    places._account,
    {{ or_none('places.practitioner_id') }} as practitioner_id,
    {{ or_none('places.business_id') }} as business_id,
    places.month_start,
    {{ times("places.status = 'completed'") }} as completed,
    {{ times("places.status = 'completed' and places.invoice_status is null and billed.appointment_key is null") }} as without_invoice,
    {{ times("places.status = 'did_not_arrive'") }} as missed,
    {{ times("places.status = 'did_not_arrive' and fees.average_fee is null") }} as missed_unpriced,
    sum(case when places.status = 'did_not_arrive' then fees.average_fee end) as missed_cost
  from {{ ref('fct_appointments') }} as places
  left join (
    select distinct _account, appointment_key from {{ ref('fct_invoices') }} where appointment_key is not null
  ) as billed on billed._account = places._account and billed.appointment_key = places.appointment_key
  left join {{ ref('mart_fees') }} as fees
    on fees._account = places._account and fees.appointment_type_id = {{ or_none('places.appointment_type_id') }}
  where places.local_date is not null
  group by 1, 2, 3, 4
),

fees as (
  select
    _account,
    {{ or_none('practitioner_id') }} as practitioner_id,
    {{ or_none('business_id') }} as business_id,
    month_start,
    count(*) as visits,
    sum(fee) as fees_net
  from {{ ref('int_visit_fees') }}
  where month_start is not null
  group by 1, 2, 3, 4
),

money as (
  select
    _account, practitioner_id, business_id, month_start,
    {% for name in ['revenue_net', 'discounts', 'credited_net', 'closed_net', 'closed_gross'] %}{{ sum_of_sums(name) }} as {{ name }}{{ ', ' if not loop.last }}{% endfor %}
  from {{ ref('mart_revenue') }}
  group by 1, 2, 3, 4
),

hours as (
  select _account, practitioner_id, business_id, month_start, offered_hours, service_hours
  from {{ ref('mart_practitioner_month') }}
),

spine as (
  select _account, practitioner_id, business_id, month_start from hours
  union
  select _account, practitioner_id, business_id, month_start from money
)

select
  spine._account,
  spine.practitioner_id,
  practitioners.practitioner_name,
  spine.business_id,
  businesses.business_name,
  spine.month_start,
  {{ visits_known('coalesce(visits.completed, 0)') }} as completed,
  case when accounts.knows_visits and accounts.has_invoices then coalesce(visits.without_invoice, 0) end as completed_without_invoice,
  case when {{ priced }} then cast(coalesce(fees.visits, 0) as bigint) end as invoiced_visits,
  {{ money('case when ' ~ priced ~ ' then coalesce(fees.fees_net, 0) end') }} as fees_net,
  {{ mean('fees.fees_net', 'fees.visits') }} as average_fee,
  {{ money(invoiced('revenue_net')) }} as revenue_net,
  {{ money(invoiced('closed_net')) }} as closed_net,
  {{ money(invoiced('closed_gross')) }} as closed_gross,
  {{ money(invoiced('discounts')) }} as discounts,
  {{ money(invoiced('credited_net')) }} as credited_net,
  case when accounts.knows_hours then coalesce(hours.offered_hours, 0) end as offered_hours,
  {{ visits_known('coalesce(hours.service_hours, 0)') }} as service_hours,
  {{ ratio('(' ~ invoiced('revenue_net') ~ ')', 'hours.offered_hours') }} as revenue_per_offered_hour,
  {{ ratio('(' ~ invoiced('revenue_net') ~ ')', 'hours.service_hours') }} as revenue_per_service_hour,
  {{ visits_known('coalesce(visits.missed, 0)') }} as did_not_arrive,
  case when {{ priced }} then coalesce(visits.missed_unpriced, 0) end as did_not_arrive_unpriced,
  {{ money('case when ' ~ priced ~ ' then coalesce(visits.missed_cost, 0) end') }} as missed_cost_estimate
from spine
left join {{ ref('int_account_zones') }} as accounts on accounts._account = spine._account
{% for part in ['visits', 'fees', 'money', 'hours'] -%}
left join {{ part }} on {{ part }}._account = spine._account and {{ part }}.practitioner_id = spine.practitioner_id
  and {{ part }}.business_id = spine.business_id and {{ part }}.month_start = spine.month_start
{% endfor -%}
left join {{ ref('stg_practitioners') }} as practitioners
  on practitioners._account = spine._account and practitioners.practitioner_id = spine.practitioner_id
left join {{ ref('stg_businesses') }} as businesses
  on businesses._account = spine._account and businesses.business_id = spine.business_id
