-- Every observed version of the account's own deals. Records that other
-- organizations have of the same deals are left out; records that name no
-- organization stay.
-- Grain: one row per deal_id, valid_from
-- Answers: what did Partner Center say about our own deals?
-- Columns:
--   organization_id: whose row of the deal this is

with versions as (

    select * from staging.deal_versions

), account as (

    select organization_id as account_id from intermediate.deal_account

)

select versions.*
from versions
cross join account
where
    coalesce(trim(versions.organization_id), '') = ''
    or versions.organization_id = account.account_id
    or account.account_id is null
