"""A load that dies at any moment is made good by one plain re-run."""

from pathlib import Path

import pytest

from partner_center.resources import RESOURCES
from support import simulated_checks as checks
from support.records import NOW
from support.simulated_source import (
    ChangeDeal,
    ChangeReferral,
    DeleteDeal,
    DeleteReferral,
    Search,
    Source,
    SpoilReferral,
)

CREATED = "2026-03-01T08:00:00"
FIRST = (
    SpoilReferral(0, comes=True),
    *(ChangeDeal(number, "Accepted", "10", ("Retail",), 20) for number in range(5)),
    Search(1, "crm", 2),
    Search(20, "erp", 1),
)
LATER = (
    ChangeReferral(30, "New", "New Ltd", 5, CREATED),
    ChangeReferral(1, "Won", "Right Ltd", 5, CREATED),
    ChangeReferral(2, "New", "Moved no date", None, CREATED),
    SpoilReferral(1, comes=True),
    DeleteReferral(3),
    ChangeDeal(9, "Accepted", "20.5", ("Health",), 0),
    ChangeDeal(1, "Won", "20.5", ("Retail", "Health"), 0),
    DeleteDeal(3),
    Search(0, "crm", 1),
)


@pytest.fixture
def source(monkeypatch):
    """Twenty referrals, one of which cannot be read, five deals and three searches."""
    world = Source(19)
    with world.sandbox:
        for move in FIRST:
            move.apply(world, NOW)
        world.configure(monkeypatch, list(RESOURCES), page_size=7)
        yield world


def sweep(killed_loads, tmp_path, source, kill_at_every, *, loaded_before):
    """Kill a load at every `kill_at_every`-th of its points; the number of points tried."""
    template = tmp_path / "template.duckdb"
    if loaded_before:
        assert 0 == killed_loads.load(template)["code"]
        for move in LATER:
            move.apply(source, NOW)
    points = 1 + _count_points(killed_loads, _copy(template, tmp_path / "whole.duckdb"))
    tried = range(1, points, kill_at_every)
    for point in tried:
        warehouse = _copy(template, tmp_path / f"at-{point}.duckdb")
        ended = killed_loads.load(warehouse, kill_at=point, hours=1)
        # How often dlt looks at its files varies a little, so the last points may not come.
        assert ended["code"] == -9 or len(ended["points"]) < point, point
        # A week later, as what an incremental load of deals shows as gone is left to a full one.
        assert 0 == killed_loads.load(warehouse, hours=8 * 24)["code"], point
        _require_right(warehouse, source)
        warehouse.unlink()
    return len(tried)


def _require_right(warehouse, source):
    with checks.reading(warehouse) as connection:
        checks.require_unbroken(connection)
        for resource in RESOURCES:
            assert source.expected(resource) == checks.listed(connection, resource)
        checks.require_figures(connection)
    assert not warehouse.with_name(f"{warehouse.name}.work").exists()


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
        killed_loads, tmp_path, source, 29 if is_short else 1, loaded_before=loaded_before
    )

    assert tried > 2

    print(f"{tried} points, {tried} right after one re-run")
