{# What a mart rolls up is what the facts hold; a sum that is too large for its column is null. #}
with known as (select _account from {{ ref('int_account_zones') }} where knows_visits),

sums as (
  select
    (select count(*) from {{ ref('fct_appointments') }} join known using (_account) where local_date is not null) as places,
    (select sum(appointments) from {{ ref('mart_daily_clinic') }}) as daily_places,
    (select sum(appointments) from {{ ref('mart_practitioner_month') }}) as monthly_places,
    (select count(*) from {{ ref('fct_appointments') }} join known using (_account) where status = 'cancelled' and local_date is not null) as cancelled,
    (select sum(cancelled) from {{ ref('mart_cancellations') }}) as cancelled_by_reason,
    {% for name, grain in [('daily', 'issue_date'), ('monthly', or_none('practitioner_id') ~ ', month_start')] -%}
    (select sum(net_amount) from (
      select {{ money('coalesce(sum(net_amount), 0)') }} as net_amount
      from {{ ref('fct_invoices') }} where issue_date is not null
      group by _account, {{ or_none('business_id') }}, {{ grain }}) as sums) as {{ name }}_invoiced,
    {% endfor -%}
    (select sum(revenue_net) from {{ ref('mart_daily_clinic') }}) as daily_revenue,
    (select sum(revenue_net) from {{ ref('mart_practitioner_month') }}) as monthly_revenue,
    (select sum(offered_minutes) from {{ ref('fct_availability') }}) as offered,
    (select sum(offered_minutes) from {{ ref('mart_utilisation') }}) as hourly_offered,
    (select count(*) from {{ ref('fct_appointments') }} join known using (_account) where is_first_visit and local_date is not null) as firsts,
    (select sum(new_patients) from {{ ref('mart_referral_sources') }}) as referred,
    (select count(*) from {{ ref('fct_appointments') }} where is_first_visit) as all_firsts,
    (select count(*) from (
      select distinct _account, patient_id from {{ ref('fct_appointments') }} join known using (_account)
      where status = 'completed' and patient_id is not null) as seen) as seen
)

select * from sums
where coalesce(daily_places, 0) <> places
  or coalesce(monthly_places, 0) <> places
  or coalesce(cancelled_by_reason, 0) <> cancelled
  or coalesce(daily_revenue, 0) <> coalesce(daily_invoiced, 0)
  or coalesce(monthly_revenue, 0) <> coalesce(monthly_invoiced, 0)
  or coalesce(hourly_offered, 0) <> coalesce(offered, 0)
  or coalesce(referred, 0) <> firsts
  or seen <> all_firsts
