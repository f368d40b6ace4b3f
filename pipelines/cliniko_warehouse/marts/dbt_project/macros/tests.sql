{# Tests of what our SQL must keep, which dbt does not know. They hold a build back; what
people enter is counted in mart_data_warnings. #}

{# No two rows have the same key, and none of its columns is null. #}
{% test key(model, columns) %}
  select {{ columns | join(', ') }}, count(*) as rows_
  from {{ model }}
  group by {{ columns | join(', ') }}
  having count(*) > 1 {% for column in columns %} or {{ column }} is null {% endfor %}
{% endtest %}
