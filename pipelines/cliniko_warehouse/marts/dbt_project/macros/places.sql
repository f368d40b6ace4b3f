{# Where relations are: a layer's schema as it is named, and no database in any text.

A view keeps its text; with the database in it, it would not work in the published
copy of the DuckDB file, which has another name. #}

{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ custom_schema_name or target.schema }}
{%- endmacro %}

{% macro ref() -%}
  {% do return(builtins.ref(*varargs, **kwargs).include(database=false)) %}
{%- endmacro %}

{% macro source() -%}
  {% do return(builtins.source(*varargs, **kwargs).include(database=false)) %}
{%- endmacro %}
