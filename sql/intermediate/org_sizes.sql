-- The customer sizes that Partner Center uses, on two scales that overlap.
-- Grain: one row per customer_org_size
-- Answers: in which order do the sizes come, and on which scale are they?
-- Columns:
--   customer_org_size: the value as Partner Center spells it
--   scale: legacy or detailed
--   sort_order: 1 for the smallest; by the fewest employees, then by the most

select
    customer_org_size,
    scale,
    sort_order
from (
    values
    ('1to9employees', 'detailed', 1),
    ('1to50employees', 'legacy', 2),
    ('10to50employees', 'detailed', 3),
    ('51to250employees', 'detailed', 4),
    ('51to500employees', 'legacy', 5),
    ('251to1000employees', 'detailed', 6),
    ('Morethan500employees', 'legacy', 7),
    ('1001to5000employees', 'detailed', 8),
    ('5001to10000employees', 'detailed', 9),
    ('10001to20000employees', 'detailed', 10),
    ('Morethan20000employees', 'detailed', 11)
) as org_sizes (customer_org_size, scale, sort_order)
