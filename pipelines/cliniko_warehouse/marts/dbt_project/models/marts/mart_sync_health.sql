with reads as (
  select
    lines.*,
    coalesce(runs.finished_at, lines.read_at) as finished_at,
    row_number() over (
      partition by lines._account, lines.endpoint
      order by coalesce(runs.started_at, lines.read_at) desc, lines.run_id desc
    ) as place
  from {{ ref('stg_run_endpoints') }} as lines
  left join {{ ref('stg_runs') }} as runs on runs._account = lines._account and runs.run_id = lines.run_id
),

oks as (
  select _account, endpoint, max(finished_at) as last_ok_at from reads where status = 'ok' group by 1, 2
),

counted as (
  select _account, endpoint, account_count, warehouse_count
  from (
    select *, row_number() over (partition by _account, endpoint order by read_at desc, run_id desc) as place
    from {{ ref('stg_reconciliation') }}
    where state = 'all'
  ) as ordered
  where place = 1
)

select
  reads._account,
  reads.endpoint,
  case
    when reads.status = 'not_permitted' then 'not_permitted'
    when reads.status = 'failed' then 'failed'
    when oks.last_ok_at < clock.as_of - {{ var('stale_hours') }} * interval '1 hour' then 'stale'
    else 'fresh'
  end as state,
  reads.status as last_status,
  reads.run_id as last_run_id,
  reads.finished_at as last_read_at,
  oks.last_ok_at,
  cast(extract(epoch from (clock.as_of - oks.last_ok_at)) as double precision) / 3600 as hours_since_ok,
  reads.cursor,
  counted.account_count as account_rows,
  counted.warehouse_count as warehouse_rows,
  {{ difference('counted.account_count', 'counted.warehouse_count') }} as difference,
  tables.live_rows,
  tables.gone_rows,
  coalesce(tables.has_rows, false) as has_rows,
  coalesce(tables.has_rows, false) or oks.last_ok_at is not null as is_read,
  reads.rejected,
  nullif(reads.message, '') as message
from reads
cross join {{ ref('int_clock') }} as clock
left join oks on oks._account = reads._account and oks.endpoint = reads.endpoint
left join counted on counted._account = reads._account and counted.endpoint = reads.endpoint
left join {{ ref('int_table_counts') }} as tables on tables._account = reads._account and tables.endpoint = reads.endpoint
where reads.place = 1
