select _account, run_id, started_at, finished_at, status from {{ raw('_runs') }} as raw_
