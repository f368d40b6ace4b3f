select _account, run_id, endpoint, state, account_count, warehouse_count, _read_at as read_at
from {{ raw('_reconciliation') }} as raw_
