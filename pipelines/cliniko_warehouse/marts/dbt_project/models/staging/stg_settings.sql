{# The private settings tell the zone as well; a key may be refused them. One row an
account, whatever shape the sections have: a value that is no text is none. #}
with sections as (
  {% for list in ['settings', 'settings_public'] -%}
  select
    _account, {{ loop.index }} as place, account ->> 'time_zone_identifier' as zone, account ->> 'time_zone' as label, account ->> 'currency_symbol' as currency
  from {{ raw(list) }} as raw_
  {{ 'union all' if not loop.last }}
  {% endfor -%}
),

texts as (
  select
    _account,
    place,
    case when left(zone, 1) not in ('', '{', '[') then zone end as zone,
    case when left(label, 1) not in ('', '{', '[') then label end as label,
    case when left(currency, 1) not in ('', '{', '[') then currency end as currency
  from sections
)

select
  _account,
  coalesce(max(case when place = 1 then zone end), max(case when place = 2 then zone end)) as time_zone_identifier,
  coalesce(max(case when place = 1 then label end), max(case when place = 2 then label end)) as time_zone_label,
  coalesce(max(case when place = 1 then currency end), max(case when place = 2 then currency end)) as currency_symbol
from texts
group by 1
