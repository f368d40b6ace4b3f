{# Rows of each list: those in use, those that the account no longer has, and whether there is any. #}
{% set lists = graph.sources.values() | selectattr('columns._gone_at', 'defined') | sort(attribute='name') | list if execute else [] -%}
{% for list in lists -%}
select
  _account,
  '{{ list.name }}' as endpoint,
  {{ times('coalesce(' ~ (['_gone_at', 'archived_at', 'deleted_at'] | select('in', list.columns) | join(', ')) ~ ', null) is null') }} as live_rows,
  {{ times('_gone_at is not null') }} as gone_rows,
  count(*) > 0 as has_rows
from {{ raw(list.name) }} as raw_
group by 1
{{ 'union all' if not loop.last }}
{% endfor -%}
{% if not lists %}select null as _account, null as endpoint, 0 as live_rows, 0 as gone_rows, false as has_rows{% endif %}
