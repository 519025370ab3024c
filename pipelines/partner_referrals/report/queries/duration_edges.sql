-- Where one bar of a duration chart ends and the next begins, in hours. Every
-- limit that applies now is such an edge, so that no bar lies on both sides.
-- Grain: one row per edge_hours

with sla_rules as (

    select * from temp.shown_rules

)

select edge_hours
from (
    values
    (1), (4), (12), (24), (48), (72), (168), (336), (720)
) as edges (edge_hours)
union
select limit_hours as edge_hours
from sla_rules
