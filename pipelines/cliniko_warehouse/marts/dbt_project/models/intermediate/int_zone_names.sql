{{ config(materialized='table') }}
{# The zone that a text names: an identifier, or the label that Cliniko shows for it. #}
select name as said, name as time_zone from pg_timezone_names()
union all
select labels.said, known.name
from (
  values
    {% for zone, labels in zone_labels().items() -%}
    {% set last = loop.last -%}
    {% for label in labels -%}
    ('{{ label | replace("'", "''") }}', '{{ zone }}'){{ "," if not (last and loop.last) }}
    {% endfor -%}
    {% endfor %}
) as labels (said, time_zone)
join pg_timezone_names() as known on known.name = labels.time_zone
where labels.said not in (select name from pg_timezone_names())
