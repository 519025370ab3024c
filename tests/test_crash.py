"""A load that dies at any moment is made good by one plain re-run."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import referral


@pytest.fixture
def source(serve):
    """Thirty referrals, of which one cannot be read."""
    return serve(*(referral(f"r{n:02}") for n in range(29)), referral("odd", wonDate="soon"))


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


def sweep(killed_loads, tmp_path, source, kill_at_every, *, loaded_before):
    """Kill a load at every `kill_at_every`-th of its points; the number of points tried."""
    template = tmp_path / "template.duckdb"
    if loaded_before:
        assert 0 == killed_loads.load(template)["code"]
        change(source)
    points = 1 + _count_points(killed_loads, _copy(template, tmp_path / "whole.duckdb"))
    tried = range(1, points, kill_at_every)
    for point in tried:
        warehouse = _copy(template, tmp_path / f"at-{point}.duckdb")
        ended = killed_loads.load(warehouse, kill_at=point, hours=1)
        # How often dlt looks at its files varies a little, so the last points may not come.
        assert ended["code"] == -9 or len(ended["points"]) < point, point
        assert 0 == killed_loads.load(warehouse, hours=2)["code"], point
        assert_right(warehouse, source)
        warehouse.unlink()
    return len(tried)


def _count_points(killed_loads, warehouse):
    return len(killed_loads.load(warehouse, kill_at=0, hours=1)["points"])


def _copy(template: Path, warehouse: Path) -> Path:
    if template.exists():
        warehouse.write_bytes(template.read_bytes())
    return warehouse


@pytest.mark.sweep
@pytest.mark.timeout(0)
@pytest.mark.parametrize("loaded_before", [False, True], ids=["first load", "later load"])
def test_load_killed_at_every_point_is_made_good(
    killed_loads, tmp_path, source, is_short, loaded_before
):
    """SIGKILL at every statement and every file operation of a run, one plain re-run after each."""
    tried = sweep(
        killed_loads, tmp_path, source, 13 if is_short else 1, loaded_before=loaded_before
    )

    assert tried > 2

    print(f"{tried} points, {tried} right after one re-run")
