"""Every mart against the plain-Python oracle, on random referrals, the odd ones above all."""

# Hypothesis keeps functions of this module to the very end; without their annotations they do not
# keep DuckDB's types, which its binding would report as leaked.
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from support import deal_oracle, forecast_oracle, oracle
from support.oracle import Warehouse
from support.views import (
    CROWDED,
    GRAINS,
    LOADS,
    ONLY_DEALS,
    assert_same,
    holding,
    make_warehouse,
    read,
    warehouses,
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = make_warehouse(tmp_path_factory.mktemp("views") / "referrals.duckdb")
    with duckdb.connect(path) as connection:
        yield connection


EVERYDAY = settings(
    max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
SWEEP = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
ORACLES: dict[str, Callable[[Warehouse], list[dict[str, Any]]]] = {
    mart: next(
        getattr(module, mart)
        for module in (oracle, deal_oracle, forecast_oracle)
        if hasattr(module, mart)
    )
    for mart in GRAINS
}


@pytest.mark.parametrize("mart", ORACLES)
def test_empty_mart_agrees_with_plain_python(tables, mart):
    """Before the first load every mart answers, with nothing or with zeros."""
    empty = Warehouse([], [])
    with holding(tables, empty):
        assert_same(ORACLES[mart](empty), read(tables, mart), mart)


@pytest.mark.parametrize(
    "moment",
    [pytest.param(each, marks=[pytest.mark.slow] * (each != "now")) for each in CROWDED],
)
@pytest.mark.parametrize("mart", ORACLES)
def test_crowd_agrees_with_plain_python(tables, mart, moment):
    """Every figure of a mart is what the contract's words give, one referral after the other."""
    with holding(tables, CROWDED[moment]):
        assert_same(ORACLES[mart](CROWDED[moment]), read(tables, mart), mart)


@pytest.mark.parametrize("known_at", [None, pytest.param(LOADS[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize("mart", ORACLES)
def test_funnel_counts_deals_where_there_are_no_referrals(tables, mart, known_at):
    """A partner who has only engagements gets every mart from these."""
    warehouse = replace(ONLY_DEALS, known_at=known_at)
    with holding(tables, warehouse):
        assert_same(ORACLES[mart](warehouse), read(tables, mart), mart)


@pytest.mark.parametrize("mart", ["referrals", "funnel_stages", "deals"])
def test_funnel_counts_what_is_configured(tables, mart):
    """Where both resources are loaded, `[views] funnel` decides which one is counted."""
    warehouse = replace(CROWDED["now"], funnel="engagements")
    with holding(tables, warehouse):
        assert_same(ORACLES[mart](warehouse), read(tables, mart), mart)


@pytest.mark.parametrize("mart", ORACLES)
@EVERYDAY
@given(warehouse=warehouses())
def test_mart_agrees_with_plain_python(tables, mart, warehouse):
    """The same on small warehouses that hypothesis makes up, empty ones among them."""
    with holding(tables, warehouse):
        assert_same(ORACLES[mart](warehouse), read(tables, mart), mart)


@pytest.mark.sweep
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mart", ORACLES)
@SWEEP
@given(warehouse=warehouses())
def test_mart_agrees_with_plain_python_sweep(tables, mart, warehouse):
    """The same on many more warehouses."""
    with holding(tables, warehouse):
        assert_same(ORACLES[mart](warehouse), read(tables, mart), mart)
