{# The rows of several models whose key is null or double, in one statement: a test of each
would be a statement of its own. `checks` has pairs of a relation and its columns. #}
{% macro broken_keys(checks) -%}
  {%- for relation, columns in checks %}
select '{{ relation.identifier }}' as model, count(*) as rows_
from {{ relation }}
group by {{ columns | join(', ') }}
having count(*) > 1 {% for column in columns %} or {{ column }} is null {% endfor %}
  {{ 'union all' if not loop.last }}
  {%- endfor -%}
{%- endmacro %}
