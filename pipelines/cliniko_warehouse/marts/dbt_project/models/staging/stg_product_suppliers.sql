select _account, id as product_supplier_id, name as supplier, _gone_at is null as is_live
from {{ raw('product_suppliers') }} as raw_
