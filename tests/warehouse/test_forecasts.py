"""The forecasts: of many years, honest about the past, silent where they know too little."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from partner_center_sandbox.lives import simulate_lives
from support import forecast_oracle
from support.deal_rows import Deals, DealVersion, Rate
from support.oracle import MILESTONES, Version, Warehouse
from support.views import assert_same, holding, make_warehouse, read, version, warehouse

NOW = datetime(2024, 6, 17, 15, 20)
COUNTS = ("open_count", "expected_won_count", "expected_won_count_low", "expected_won_count_high")


def years_of_referrals() -> Warehouse:
    """Four years of referrals at random, some won and then lost, some ending at month ends.

    Two in three were entered as deals too, most of them with a value.
    """
    chance = random.Random(5)
    versions, deals = [], []
    for number in range(450):
        created = NOW - timedelta(days=chance.random() * 1_450)
        accepted = created + timedelta(days=chance.expovariate(1 / 5))
        dates: dict[str, datetime] = {"created": created}
        if chance.random() < 0.7:
            dates["accepted"] = accepted
            for name, share in (("won", 0.5), ("lost", 0.4)):
                if chance.random() < share:
                    ended = accepted + timedelta(days=chance.expovariate(1 / 60))
                    if chance.random() < 0.1:
                        ended = ended.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
                    dates[name] = max(ended, created)
        elif chance.random() < 0.8:
            dates["declined"] = accepted
        status = chance.choice(["New", "Lost", "Won", "Accepted"])
        versions.append(version(f"R{number}", status, since=NOW, **dates))
        if number % 3:
            deals.append(deal_of(f"D{number}", dates, chance))
    # The euro moves from month to month; the yen is only known of late.
    rates = [
        Rate("EUR", date(2020 + number // 12, 1 + number % 12, 1), 1 + number / 50)
        for number in range(53)
    ]
    rates.append(Rate("JPY", date(2023, 5, 1), 0.007))
    return replace(warehouse(*versions, loads=[NOW]), deals=Deals(deals, rates=rates))


def deal_of(deal_id: str, dates: dict[str, datetime], chance: random.Random) -> DealVersion:
    """A deal with the dates of a referral."""
    ending = next((name for name in ("won", "lost", "declined") if name in dates), None)
    fields = {
        "substatus": ending or "Pending",
        "created_date_time": dates["created"],
        "accepted_date_time": dates.get("accepted"),
        "closed_date_time": dates[ending] if ending else None,
        "organization_id": "ours",
        "currency": chance.choice(["USD", "EUR", "JPY"]),
        "deal_value": chance.choice([None, *(Decimal(n) for n in (500, 2_000, 90_000))]),
    }
    return DealVersion(deal_id, fields, True, NOW, None)


YEARS = years_of_referrals()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = make_warehouse(tmp_path_factory.mktemp("forecasts") / "referrals.duckdb")
    with duckdb.connect(path) as connection:
        yield connection


@pytest.fixture(scope="module")
def backtest(tables: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The back-test of the four years."""
    with holding(tables, YEARS):
        return read(tables, "forecast_backtest")


def test_forecasts_agree_with_plain_python(tables):
    """Every figure of the forecasts, with a year of past errors behind each interval."""
    with holding(tables, YEARS):
        assert_same(forecast_oracle.forecast(YEARS), read(tables, "forecast"), "forecast")


@pytest.mark.slow
def test_backtest_agrees_with_plain_python(backtest):
    """Every figure of every month end of the past two years, each with its own past errors."""
    assert_same(forecast_oracle.forecast_backtest(YEARS), backtest, "forecast_backtest")


@pytest.mark.parametrize("months_back", [3, 15])
def test_backtest_is_the_forecast_of_that_day(tables, backtest, months_back):
    """What the back-test says of a month end is what the forecast says as of it."""
    made_at = sorted({row["made_at"] for row in backtest})[-months_back]
    with holding(tables, replace(YEARS, asked_as_of=made_at)):
        then = read(tables, "forecast")

    now = [{name: row[name] for name in then[0]} for row in backtest if row["made_at"] == made_at]
    assert 1 <= len(now)
    horizons = {row["horizon_days"] for row in now}
    assert_same([row for row in then if row["horizon_days"] in horizons], now, "forecast")


def test_later_events_change_no_past_forecast(tables):
    """With everything after a month end taken away, the forecast of that day stays as it was."""
    made_at = datetime(2023, 3, 1)

    def cut(each: Version) -> Version:
        kept = {name: day if day and day <= made_at else None for name, day in each.dates.items()}
        return replace(each, dates=kept)

    whole = [replace(each, texts=each.texts | {"status": "New"}) for each in YEARS.versions]
    past = [cut(each) for each in whole if each.dates["created"] <= made_at]
    with holding(tables, Warehouse(whole, YEARS.loads, asked_as_of=made_at)):
        expected = read(tables, "forecast")
    with holding(tables, Warehouse(past, YEARS.loads, asked_as_of=made_at)):
        actual = read(tables, "forecast")

    assert 0 < expected[0]["expected_won_count"]
    assert_same(expected, actual, "forecast")


@pytest.mark.parametrize(("closed", "is_made"), [(49, False), (50, True)])
def test_forecast_needs_fifty_closed_referrals(tables, closed, is_made):
    """With fewer than 50 closed referrals behind it, there is no forecast, but the open count."""
    created = NOW - timedelta(days=90)
    won = [version(f"W{n}", created=created, won=created + timedelta(n)) for n in range(closed)]
    waiting = version("open", created=created)
    with holding(tables, warehouse(*won, waiting, loads=[NOW])):
        rows = read(tables, "forecast")

    assert [1, 1, 1] == [row["open_count"] for row in rows]
    assert [is_made] * 3 == [row["expected_won_count"] is not None for row in rows]
    assert [is_made] * 3 == [row["method"] is not None for row in rows]


def test_value_follows_the_count(tables):
    """Where every item is worth 250 dollars, the forecast of dollars is 250 times that of wins."""
    with holding(tables, YEARS):
        tables.execute("create temp table items as from intermediate.lifecycles")
        tables.execute(
            "create or replace view intermediate.lifecycles as "
            "select * replace (250e0 as value_usd, 250e0 as deal_value, 'USD' as currency) "
            "from temp.items"
        )
        rows = read(tables, "forecast") + read(tables, "forecast_backtest")

    forecasts = [row for row in rows if row["method"]]
    assert {"referrals", "engagements"} == {row["source"] for row in forecasts}
    for row in forecasts:
        for name in COUNTS[1:]:
            value = row[name.replace("won_count", "won_value_usd")]
            assert pytest.approx(250 * row[name]) == value


@pytest.mark.slow
def test_intervals_hold_on_the_stand_in(tables):
    """On the demo's referrals between 70 % and 95 % of the actual counts lie in the interval."""
    versions = []
    for life in simulate_lives(12_000, 1, NOW, NOW):
        dates = dict.fromkeys(MILESTONES) | life.milestones
        texts = {"status": "New", "customer_name": None, "customer_market": None}
        texts |= {"customer_org_size": None, "partner_market": None}
        versions.append(Version(str(life.texts["id"]), texts, dates, True, NOW, None))
    with holding(tables, warehouse(*versions, loads=[NOW])):
        rows = read(tables, "forecast_backtest")

    for horizon in (30, 90, 180):
        within = [row["is_within"] for row in rows if row["horizon_days"] == horizon]
        assert 18 <= len(within)
        assert 0.7 <= sum(within) / len(within) <= 0.95
