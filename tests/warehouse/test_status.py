"""The age of a warehouse is that of the newest load that proves it fresh."""

from datetime import datetime, timedelta

import duckdb
import pytest

from partner_referrals.warehouse.status import read_status
from support.oracle import Load
from support.views import LOADED, holding, make_warehouse, warehouse


def loaded(tmp_path, *further):
    """The path of a warehouse with a load at LOADED and further ones."""
    path = make_warehouse(tmp_path / "referrals.duckdb")
    held = warehouse()
    held.loads.extend(further)
    with duckdb.connect(path) as connection, holding(connection, held):
        connection.execute("commit")
        connection.execute("begin")
    return path


def test_neither_filtered_nor_future_loads_prove_freshness(tmp_path):
    """The age counts from the newest load without a filter that did not end after now."""
    path = loaded(
        tmp_path,
        Load(LOADED + timedelta(days=1), True, None, None, mode="filtered"),
        Load(datetime(2100, 1, 1), True, None, None),
    )

    assert timedelta(days=3) == read_status(path, LOADED + timedelta(days=3)).age
    assert read_status(path, LOADED - timedelta(days=1)).age is None


def test_each_resource_tells_how_it_stands(tmp_path):
    """What failed after the last load that proves something is counted, resource by resource."""
    hour = timedelta(hours=1)
    path = loaded(
        tmp_path,
        Load(LOADED + hour, True, 7, True, resource="engagements"),
        Load(LOADED + 2 * hour, False, None, None, resource="engagements"),
        Load(LOADED + 3 * hour, True, 9, None, mode="filtered", resource="engagements"),
        Load(LOADED + hour, False, None, None, resource="search"),
    )

    told = {row["resource"]: row for row in read_status(path, LOADED + 4 * hour).resources}

    assert ["engagements", "referrals", "search"] == list(told)
    assert (LOADED + hour, 7, True, 1) == (
        told["engagements"]["last_load_at"],
        told["engagements"]["server_total"],
        told["engagements"]["is_reconciled"],
        told["engagements"]["failed_since"],
    )
    assert (None, 1) == (told["search"]["last_load_at"], told["search"]["failed_since"])
    assert LOADED + 2 * hour == told["engagements"]["last_tried_at"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hours", "failing"),
    [
        # Loaded 3 hours ago, tried 2 hours ago; search was never loaded, and tried 3 hours ago.
        (1, []),
        (2, ["engagements"]),
        (3, ["search"]),
        (10_000_000, ["search"]),
    ],
)
def test_resource_that_fails_again_and_again_is_stale(tmp_path, hours, failing):
    """One resource that is tried and not loaded is told, however fresh the others are."""
    hour = timedelta(hours=1)
    path = loaded(
        tmp_path,
        Load(LOADED + hour, True, 7, True, resource="engagements"),
        Load(LOADED + 2 * hour, False, None, None, resource="engagements"),
        Load(LOADED + hour, False, None, None, resource="search"),
        Load(LOADED + 4 * hour, True, 7, True),
    )
    now = LOADED + 4 * hour

    assert failing == read_status(path, now).failing_for(hours * hour, now)
