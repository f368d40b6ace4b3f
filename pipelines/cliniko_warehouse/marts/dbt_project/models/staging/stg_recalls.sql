select _account, id as recall_id, patient_id, recall_type_id, recall_at as recall_on, created_at, _gone_at is null as is_live
from {{ raw('recalls') }} as raw_
