"""Warehouses made of rows, without a load, for comparing the marts with the oracle."""

# Hypothesis keeps functions of this module to the very end; without their annotations they do not
# keep DuckDB's types, which its binding would report as leaked.
from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import strategies as st

from partner_center.schema.tables import ENGAGEMENT_TAGS, ENGAGEMENTS, FX_RATES, SEARCH_DAYS
from partner_referrals.warehouse import tables
from partner_referrals.warehouse.tables import column_definitions
from partner_referrals.warehouse.views import make_tables_and_views
from support import oracle
from support.deal_rows import Deals
from support.deals import crowded_deals
from support.oracle import MILESTONES, Load, Version, Warehouse

# The columns that make a row of a mart unique.
GRAINS = {
    "referrals": ("referral_id",),
    "funnel_stages": ("segment", "segment_value", "stage"),
    "funnel_cohorts": ("segment", "segment_value", "created_month"),
    "conversion_curve": ("segment", "segment_value", "day"),
    "win_rates": ("segment", "segment_value"),
    "stage_durations": ("segment", "segment_value", "from_stage", "to_stage"),
    "outcomes": ("segment", "segment_value", "created_month", "outcome"),
    "response_sla": ("referral_id", "rule"),
    "response_sla_by_month": ("created_month", "rule"),
    "open_referrals": ("referral_id",),
    "flow_by_day": ("day",),
    "dates": ("date",),
    "trends": ("period", "period_start"),
    "forecast": ("source", "horizon_days"),
    "forecast_backtest": ("source", "horizon_days", "made_at"),
    "referral_history": ("referral_id", "valid_from"),
    "data_quality_issues": ("referral_id", "rule"),
    "freshness": (),
    "deals": ("deal_id",),
    "pipeline": ("segment", "segment_value", "current_stage"),
    "deal_win_rates": ("segment", "segment_value"),
    "deal_trends": ("month",),
    "loss_reasons": ("outcome", "status_reason"),
    "search_funnel": ("month", "partner_market"),
}

TABLES = {table.name: column_definitions(table) for table in tables.TABLES}

# Few enough moments that ties, month edges and reversed orders are common.
START = datetime(2018, 12, 27, 9, 30)
LOADS = [START + timedelta(days=30 * number, hours=3) for number in range(1, 5)]
# One of the days is before 1990, where no date can be right.
DAYS = (-11_000, 0, 0, 1, 3, 4, 7, 14, 20, 21, 22, 35, 36, 60, 95, 120, 125, 400)
SECONDS = (0, 0, 0, 30, 59, 61, 40_000, 52_200, 70_000)
MICROSECONDS = (0, 0, 0, 1, 999_999)
VALUES = {
    "status": [name.title() for name in oracle.STATUSES] + [None, "", "won", "LOST", "Paused"],
    "customer_name": ["Contoso"],
    "customer_market": ["US", "DE", None, "all", ""],
    "customer_org_size": ["1to9employees", "Morethan500employees", "42", None],
    "partner_market": ["US", None],
}
COMMON = ("created", "acknowledged", "accepted", "won")

MOMENTS = st.builds(
    lambda days, seconds, micros: START + timedelta(days, seconds, micros),
    st.sampled_from(DAYS),
    st.sampled_from(SECONDS),
    st.sampled_from(MICROSECONDS),
)
TEXTS = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()})
RARELY = st.one_of(st.none(), st.none(), st.none(), MOMENTS)
OFTEN = st.one_of(st.none(), MOMENTS, MOMENTS)
DATES = st.fixed_dictionaries(
    {name: OFTEN if name in COMMON else RARELY for name in oracle.MILESTONES}
)


def crowded_warehouse(**asked: datetime) -> Warehouse:
    """Three hundred referrals and deals at random: so many that every tie and odd order occurs."""
    chance = random.Random(11)
    versions = []
    for number in range(300):
        since = sorted(chance.sample(LOADS, chance.choice([1, 1, 2, 3])))
        texts = {name: chance.choice(values) for name, values in VALUES.items()}
        dates: dict[str, datetime | None] = dict.fromkeys(oracle.MILESTONES)
        for valid_from, valid_to in zip(since, [*since[1:], None], strict=True):
            texts = texts | {"status": chance.choice(VALUES["status"])}
            dates = dates | {
                name: START
                + timedelta(
                    chance.choice(DAYS), chance.choice(SECONDS), chance.choice(MICROSECONDS)
                )
                for name in oracle.MILESTONES
                if chance.random() < (0.5 if name in COMMON else 0.1)
            }
            is_listed = valid_to is not None or chance.random() < 0.8
            versions.append(Version(f"R{number}", texts, dates, is_listed, valid_from, valid_to))
    deals = crowded_deals(versions)
    loads = [Load(moment, True, 300, None) for moment in LOADS]
    return Warehouse(versions, loads, deals=deals, **asked)


# What a partner has who loads engagements alone.
ONLY_DEALS = replace(crowded_warehouse(), versions=[], deals=crowded_deals([]))

CROWDED = {
    "now": crowded_warehouse(),
    "known at": crowded_warehouse(known_at=LOADS[1]),
    "as of": crowded_warehouse(asked_as_of=START + timedelta(days=36), known_at=LOADS[2]),
}


@st.composite
def histories(draw: st.DrawFn, referral_id: str) -> list[Version]:
    """The versions of one referral, each differing from the one before."""
    since = draw(st.lists(st.sampled_from(LOADS), min_size=1, max_size=3, unique=True).map(sorted))
    texts, dates, is_listed = draw(TEXTS), draw(DATES), True
    versions: list[Version] = []
    for valid_from, valid_to in zip(since, [*since[1:], None], strict=True):
        if versions:
            change = draw(st.sampled_from(["status", "texts", "date", "dates", "listing"]))
            if change == "status":
                texts = texts | {"status": draw(TEXTS)["status"]}
            elif change == "texts":
                texts = draw(TEXTS) | {"status": texts["status"]}
            elif change == "date":
                dates = dates | {draw(st.sampled_from(oracle.MILESTONES)): draw(OFTEN)}
            elif change == "dates":
                dates = draw(DATES)
            is_listed = not is_listed if change == "listing" else True
        versions.append(Version(referral_id, texts, dates, is_listed, valid_from, valid_to))
    return versions


@st.composite
def warehouses(draw: st.DrawFn) -> Warehouse:
    """A warehouse of up to seven referrals, empty and without a load now and then."""
    count = draw(st.integers(0, 7))
    versions = [version for number in range(count) for version in draw(histories(f"R{number}"))]
    loads = [
        Load(
            moment + timedelta(minutes=number),
            draw(st.sampled_from([True, True, True, False])),
            draw(st.sampled_from([None, 3])),
            draw(st.sampled_from([None, True, False])),
            draw(st.sampled_from(["full", "incremental", "filtered"])),
            draw(st.sampled_from([None, "referrals", "engagements"])),
        )
        for number, moment in enumerate(draw(st.sampled_from([LOADS, LOADS[:2], []])))
    ]
    asked = st.one_of(st.none(), st.none(), MOMENTS, st.sampled_from(LOADS))
    return Warehouse(versions, loads, draw(st.lists(MOMENTS, max_size=2)), draw(asked), draw(asked))


def make_warehouse(path: Path) -> Path:
    """A warehouse with the base tables, empty, and every view."""
    with duckdb.connect(path) as connection:
        make_tables_and_views(connection)
    return path


@contextmanager
def holding(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse's rows in the tables and its moments in the session, for a while."""
    connection.execute("begin")
    if warehouse.versions:
        rows = pa.Table.from_pylist([_as_row(version) for version in warehouse.versions])
        connection.execute(
            f"insert into partner_center.referrals by name select {_casts(rows)} from rows"
        )
    insert_deals(connection, warehouse.deals)
    for load in warehouse.loads:
        connection.execute(
            "insert into partner_center.load_runs by name select $1 as run_id, $2 as finished_at, "
            "$3 as succeeded, $4 as server_total, $5 as reconciled, $6 as mode, $7 as resource",
            [
                load.finished_at.isoformat(),
                load.finished_at,
                load.succeeded,
                load.server_total,
                load.reconciled,
                load.mode,
                load.resource,
            ],
        )
    for moment in warehouse.rejected_at:
        connection.execute(
            "insert into partner_center.referral_rejects by name "
            "select '' as record, '' as reason, $1 as rejected_at",
            [moment],
        )
    connection.execute("update settings.funnel set source = $1", [warehouse.funnel])
    connection.execute("set variable as_of = $1", [warehouse.asked_as_of])
    connection.execute("set variable known_at = $1", [warehouse.known_at])
    yield connection
    connection.execute("rollback")


def insert_deals(connection: duckdb.DuckDBPyConnection, deals: Deals) -> None:
    """Add the rows of deals to their tables."""
    versions = [
        {"id": each.id, "is_listed": each.is_listed, "content_hash": 0}
        | {"valid_from": each.valid_from, "valid_to": each.valid_to}
        | each.fields
        for each in deals.versions
    ]
    tags = [dict(zip(ENGAGEMENT_TAGS.schema.names, tag, strict=True)) for tag in deals.tags]
    for table, found in (
        (ENGAGEMENTS, versions),
        (ENGAGEMENT_TAGS, tags),
        (FX_RATES, [asdict(each) for each in deals.rates]),
        (SEARCH_DAYS, deals.searches),
    ):
        rows = pa.Table.from_pylist(found, schema=table.schema)
        if len(rows):
            connection.execute(f"insert into partner_center.{table.name} by name from rows")


def _as_row(version: Version) -> dict[str, Any]:
    return (
        {"id": version.id, "is_listed": version.is_listed, "content_hash": 0}
        | {"valid_from": version.valid_from, "valid_to": version.valid_to}
        | version.texts
        | {f"{name}_date": moment for name, moment in version.dates.items()}
    )


def _casts(rows: pa.Table) -> str:
    # A column of nulls has no type of its own in Arrow.
    return ", ".join(
        f"{name}::timestamp as {name}" if name.endswith(("_date", "_from", "_to")) else name
        for name in rows.column_names
    )


def read(connection: duckdb.DuckDBPyConnection, mart: str) -> list[dict[str, Any]]:
    """The rows of a mart, by column name."""
    relation = connection.execute(f"select * from marts.{mart}")
    names = [column[0] for column in relation.description]
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def keyed(rows: list[dict[str, Any]], mart: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows by their grain, which must not occur twice."""
    found = {tuple(row[name] for name in GRAINS[mart]): row for row in rows}
    assert len(rows) == len(found), f"{mart} is not unique on {GRAINS[mart]}"
    return found


def is_same(expected: Any, actual: Any) -> bool:
    """Equal, floats to nine digits."""
    if isinstance(expected, float) and isinstance(actual, float):
        return math.isclose(expected, actual, rel_tol=1e-9, abs_tol=1e-9)
    return bool(expected == actual)


def assert_same(expected: list[dict[str, Any]], actual: list[dict[str, Any]], mart: str) -> None:
    """Both hold the same rows, with the same columns in the same order."""
    wanted, found = keyed(expected, mart), keyed(actual, mart)
    assert wanted.keys() == found.keys()
    for key, row in wanted.items():
        differing = {
            name: (value, found[key].get(name, "no such column"))
            for name, value in row.items()
            if not is_same(value, found[key].get(name, "no such column"))
        }
        assert {} == differing, f"{mart} {key}: expected and actual differ"


LOADED = datetime(2024, 6, 1, 12)


def version(referral_id, status="New", *, name="Contoso", since=LOADED, until=None, **dates):
    """A version of a referral; dates that are not given are null."""
    texts = dict.fromkeys(
        ("customer_name", "customer_market", "customer_org_size", "partner_market"), name
    )
    return Version(
        referral_id,
        texts | {"status": status, "customer_org_size": "1to9employees"},
        dict.fromkeys(MILESTONES) | dates,
        True,
        since,
        until,
    )


def warehouse(*versions, loads=(LOADED,), **asked):
    return Warehouse(list(versions), [Load(moment, True, None, None) for moment in loads], **asked)
