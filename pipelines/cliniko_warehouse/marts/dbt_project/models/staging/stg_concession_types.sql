select _account, id as concession_type_id, name as concession_type, coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('concession_types') }} as raw_
