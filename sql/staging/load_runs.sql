-- Runs of the load, the failed ones too.
-- Grain: one row per run_id
-- Answers: when did we last hear from Partner Center, and did the counts agree?
-- Columns:
--   finished_at: when the run ended, UTC
--   mode: full, incremental or filtered
--   is_succeeded: true when its rows were merged and the views in place
--   server_total: referrals that Partner Center counted; null if it did not
--   is_reconciled: whether its counts agreed with ours; null if not compared

with load_runs as (

    select * from partner_center.load_runs

)

select
    run_id,
    finished_at,
    mode,
    coalesce(resource, 'referrals') as resource,
    succeeded as is_succeeded,
    server_total,
    reconciled as is_reconciled,
    tenant_id
from load_runs
