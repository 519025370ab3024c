"""A load that dies at any moment is made good by one plain re-run."""

from pathlib import Path

import pytest

from support.crash import assert_right, change
from support.records import referral


@pytest.fixture
def source(serve):
    """Thirty referrals, of which one cannot be read."""
    return serve(*(referral(f"r{n:02}") for n in range(29)), referral("odd", wonDate="soon"))


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
