-- The customer sizes from small to large.
-- Grain: one row per customer_org_size

select customer_org_size
from intermediate.org_sizes
order by sort_order
