select _account, id as referral_source_type_id, name as referral_source, coalesce(archived_at, _gone_at) is null as is_live
from {{ raw('referral_source_types') }} as raw_
