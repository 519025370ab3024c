-- Records that could not be read as a referral, each with its reason.
-- Grain: one row per record, reason
-- Answers: what did Partner Center send that we could not take?

with referral_rejects as (

    select * from partner_center.referral_rejects

)

select
    record,
    reason,
    rejected_at
from referral_rejects
