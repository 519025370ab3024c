"""Changes at the source, and what a warehouse must look like after a plain load."""

from pathlib import Path
from typing import Any

import duckdb

from support.records import referral


def change(source):
    """New, changed, deleted and newly rejected referrals."""
    source.put(referral("new", createdDate="2026-03-30T00:00:00"))
    source.put(referral("r01", status="Won", wonDate="2026-03-30T00:00:00"))
    source.put(referral("r02", customerName="moved no date"))
    source.put(referral("odd2", acceptedDate="soon"))
    if any(record["id"] == "r03" for record in source.records()):
        source.delete("r03")


def assert_right(warehouse: Path, source: Any) -> None:
    """Every readable referral once as the source shows it, history unbroken, nothing left over."""
    expected = sorted(
        (record["id"], record["status"], record["customerName"])
        for record in source.records()
        if not record["id"].startswith("odd")
    )
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        current = connection.execute(
            "select id, status, customer_name from partner_center.referrals "
            "where valid_to is null and is_listed order by id"
        ).fetchall()
        gaps = connection.execute(
            "select count(*) from ("
            "    select valid_to, lead(valid_from) over later as next"
            "    from partner_center.referrals"
            "    window later as (partition by id order by valid_from)"
            ") where valid_to is distinct from next"
        ).fetchall()
        repeated = connection.execute(
            "select id, valid_from from partner_center.referrals "
            "qualify content_hash = lag(content_hash) over (partition by id order by valid_from)"
        ).fetchall()
        last = connection.execute(
            "select succeeded, reconciled from partner_center.load_runs "
            "order by started_at desc limit 1"
        ).fetchall()
        shown = connection.execute("select referral_count from marts.freshness").fetchall()
        known = connection.execute(
            "select count(distinct id) from partner_center.referrals"
        ).fetchall()
    assert expected == current
    assert [(0,)] == gaps
    assert [] == repeated
    assert [(True, True)] == last
    assert known == shown
    assert not warehouse.with_name(f"{warehouse.name}.work").exists()
