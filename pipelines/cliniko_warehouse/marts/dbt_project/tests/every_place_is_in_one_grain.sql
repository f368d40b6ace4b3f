{# Individual appointments and the attendees of groups, each once: no place lost or doubled
by the rows that individual appointments have in attendees too. #}
with counts as (
  select
    (select count(*) from {{ ref('stg_individual_appointments') }})
    + (
      select count(*) from {{ ref('stg_attendees') }} as seats
      join {{ ref('stg_group_appointments') }} as groups
        on groups._account = seats._account and groups.appointment_id = seats.appointment_id
    ) as staged,
    (select count(*) from {{ ref('int_places') }}) as places,
    (select count(*) from {{ ref('int_places') }} where is_live) as live_places,
    (select count(*) from {{ ref('fct_appointments') }}) as facts
)

select * from counts where staged <> places or live_places <> facts
