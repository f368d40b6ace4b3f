{# A sum of amounts that are sums themselves: null where one of them was too large. #}
{% macro sum_of_sums(amount) -%}
  case when count(*) = count({{ amount }}) then sum({{ amount }}) end
{%- endmacro %}

{# A month's sum of mart_revenue, joined as `money`: 0 for a month without any invoice, null
where the account's invoices are not read (`accounts`) or the sum is too large. #}
{% macro invoiced(name) -%}
  case when money.month_start is not null then money.{{ name }} when accounts.has_invoices then 0 end
{%- endmacro %}
