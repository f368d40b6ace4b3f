{{ config(materialized='table', indexes=[{'columns': ['number'], 'unique': true}]) }}
{# 0, 1, 2, … 16383: as many days as 44 years have. Postgres joins ranges by the index; without
it, it looks at all numbers for each visit. #}
with bits as (select 0 as bit union all select 1)
select
  {% for power in range(14) %}b{{ power }}.bit * {{ 2 ** power }}{{ ' + ' if not loop.last }}{% endfor %} as number
from {% for power in range(14) %}bits as b{{ power }}{{ ' cross join ' if not loop.last }}{% endfor %}
