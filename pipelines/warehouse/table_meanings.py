"""What the tables and their columns hold, in words; the views carry theirs in sql/."""

from pipelines.referral import DATE_FIELDS, TEXT_FIELDS

# Table -> what it holds and one row of it is, and the meaning of each column in its order.
TABLE_MEANINGS = {
    "partner_center.referrals": (
        "Every observed version of every referral, field by field as Partner Center gave it. No "
        "row is ever deleted.\nGrain: one row per id, valid_from",
        {column: f"`{field}` of the endpoint" for field, column in TEXT_FIELDS.items()}
        | {column: f"`{field}` of the endpoint, UTC" for field, column in DATE_FIELDS.items()}
        | {
            "last_activity_date": "the latest of the ten dates, UTC; null if none is set",
            "is_listed": "false once Partner Center no longer listed the referral",
            "content_hash": "hash of the sixteen fields and is_listed, which tells versions apart",
            "valid_from": "when the warehouse first saw this version, UTC",
            "valid_to": "when the next version took its place, UTC; null while current",
        },
    ),
    "partner_center.referral_rejects": (
        "Records that could not be read as a referral.\nGrain: one row per record, reason",
        {
            "record": "the record as it was received, JSON",
            "reason": "the field and value that could not be read",
            "rejected_at": "when it was first seen, UTC",
        },
    ),
    "partner_center.referral_totals": (
        "Partner Center's own counts at each load; after 400 days only the last ones of each "
        "month are kept.\nGrain: one row per counted_at, status, created_month",
        {
            "counted_at": "when the load that asked for them ended, UTC",
            "status": "the status as Partner Center spelt it",
            "created_month": "first day of the month of creation, UTC; null if undated",
            "referral_count": "referrals that Partner Center counted",
        },
    ),
    "partner_center.load_runs": (
        "Runs of `referrals load`, the failed ones too.\nGrain: one row per run_id",
        {
            "run_id": "identifier of the run",
            "started_at": "when the run began, UTC",
            "finished_at": "when it ended, UTC",
            "mode": "full: everything was listed; incremental: what changed lately; filtered: "
            "what `--filter` asked for",
            "succeeded": "true when its rows were merged and the views in place",
            "rows_received": "records that Partner Center sent, repeated ones too",
            "rows_new": "referrals seen for the first time",
            "rows_changed": "known referrals that had changed",
            "rows_unchanged": "known referrals that were as before",
            "rows_rejected": "records that could not be read",
            "rows_vanished": "referrals found to be no longer listed",
            "requests": "requests sent",
            "retries": "of these, the ones that were sent again",
            "server_total": "referrals that Partner Center counted; null if it did not",
            "warehouse_total": "what Partner Center should have counted: listed referrals, and "
            "rejects of the run; null if it did not come to that",
            "reconciled": "whether the counts agreed; null if not compared",
            "error": "why it failed, a sentence; null if it did not",
        },
    ),
    "settings.sla_rules": (
        "Rules for how soon a referral must be responded to: the shipped ones, or those of the "
        "file that `sla_rules` names in `[views]`.\nGrain: one row per rule, applies_from",
        {
            "rule": "name of the rule",
            "applies_from": "first creation moment that it covers, UTC; null: any",
            "applies_to": "first creation moment that it no longer covers, UTC; null: none",
            "limit_hours": "hours from creation within which to respond",
        },
    ),
}
