{{ config(materialized='table') }}
{# The moment that the build is for: what is past and what is to come is decided by it. #}
select cast('{{ env_var("CLINIKO_AS_OF", run_started_at | string) }}' as timestamp with time zone) as as_of
