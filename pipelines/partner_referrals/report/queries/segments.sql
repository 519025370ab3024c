-- The segment values that can be chosen, with the share that is won of each.
-- Grain: one row per segment_id

with segments as (

    select * from temp.shown_segments

)

select * from segments
order by segment_id
