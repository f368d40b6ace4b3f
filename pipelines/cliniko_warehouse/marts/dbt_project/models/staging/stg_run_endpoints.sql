select _account, run_id, endpoint, status, rows, rejected, gone, cursor, message, _read_at as read_at
from {{ raw('_run_endpoints') }} as raw_
