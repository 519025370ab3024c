-- Records that could not be read as a referral, each with its reason.
-- Grain: one row per record, reason
-- Answers: what did Partner Center send that we could not take?
-- Columns:
--   record: the record as it was received, JSON
--   reason: the field and value that could not be read
--   rejected_at: when it was first seen, UTC

with referral_rejects as (

    select * from partner_center.referral_rejects

)

select
    record,
    reason,
    rejected_at
from referral_rejects
