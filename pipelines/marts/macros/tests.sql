{# Tests over several columns, which dbt's own do not know. #}

{# No two rows have the same key, and none of its columns is null. #}
{% test key(model, columns) %}
  select {{ columns | join(', ') }}, count(*) as rows_
  from {{ model }}
  group by {{ columns | join(', ') }}
  having count(*) > 1 {% for column in columns %} or {{ column }} is null {% endfor %}
{% endtest %}

{# Each row's other row is there. #}
{% test belongs_to(model, columns, to, key) %}
  select {{ columns | join(', ') }}
  from {{ model }} as child
  where {% for column in columns %}{{ column }} is not null and {% endfor %}
    not exists (
      select 1 from {{ to }} as parent
      where {% for column in columns %}{{ 'and ' if not loop.first }}parent.{{ key[loop.index0] }} = child.{{ column }} {% endfor %}
    )
{% endtest %}
