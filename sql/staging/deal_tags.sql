-- What the current deals are about.
-- Grain: one row per deal_id, kind, tag
-- Answers: which solutions, industries and products does a deal concern?
-- Columns:
--   deal_id: Partner Center's identifier of this row of the deal
--   tag: the name or id that Partner Center gives

with engagement_tags as (

    select * from partner_center.engagement_tags

)

select
    id as deal_id,
    kind,
    value as tag
from engagement_tags
