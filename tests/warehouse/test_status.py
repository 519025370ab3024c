"""The age of a warehouse is that of the newest load that proves it fresh."""

from datetime import datetime, timedelta

import duckdb

from partner_referrals.warehouse.status import read_status
from support.oracle import Load
from support.views import LOADED, holding, make_warehouse, warehouse


def test_neither_filtered_nor_future_loads_prove_freshness(tmp_path):
    """The age counts from the newest load without a filter that did not end after now."""
    path = make_warehouse(tmp_path / "referrals.duckdb")
    others = [
        Load(LOADED + timedelta(days=1), True, None, None, mode="filtered"),
        Load(datetime(2100, 1, 1), True, None, None),
    ]
    held = warehouse()
    held.loads.extend(others)
    with duckdb.connect(path) as connection, holding(connection, held):
        connection.execute("commit")
        connection.execute("begin")

    assert timedelta(days=3) == read_status(path, LOADED + timedelta(days=3)).age
    assert read_status(path, LOADED - timedelta(days=1)).age is None
