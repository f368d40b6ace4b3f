select _account, id as recall_type_id, name as recall_type, _gone_at is null as is_live
from {{ raw('recall_types') }} as raw_
