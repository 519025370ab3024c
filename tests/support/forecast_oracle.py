"""The forecasts recomputed in plain Python, asking the other oracle what was so on each past day.

Nothing that came after a day can reach what is computed as of it: each day's referrals are read
from a warehouse that is asked as of that day.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from statistics import NormalDist

from support.oracle import TERMINALS, Referral, Row, Warehouse, counted

HORIZONS = (30, 90, 180)
BANDS = (365, 180, 90, 60, 30, 14, 7, 0)
State = tuple[str, int]


def months_before(moment: datetime, months: int) -> datetime:
    """The same day of an earlier month; the first 28 days only, as month ends need no other."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, 28))


class Forecasts:
    """The forecasts as of the moment that a warehouse is asked about."""

    def __init__(self, warehouse: Warehouse, as_of: datetime) -> None:
        self.warehouse = warehouse
        self.as_of = as_of
        self._days: dict[datetime, dict[str, Referral]] = {}

    def on(self, day: datetime) -> dict[str, Referral]:
        """Every referral as it stood on a day."""
        if day not in self._days:
            found = counted(replace(self.warehouse, asked_as_of=day))
            self._days[day] = {each.version.id: each for each in found}
        return self._days[day]

    def open_on(self, day: datetime) -> dict[str, Referral]:
        return {name: each for name, each in self.on(day).items() if each.is_open}

    @cached_property
    def month_ends(self) -> list[datetime]:
        """The ends of the past 48 months."""
        month, found = self.as_of.replace(day=1, hour=0, minute=0, second=0, microsecond=0), []
        while month > months_before(self.as_of, 48):
            found.append(month)
            month = months_before(month, 1)
        return found[::-1]

    @cached_property
    def closed_at(self) -> list[datetime]:
        """When each closed referral stopped being open."""
        closed = []
        for each in self.on(self.as_of).values():
            moments = [day for name in (*TERMINALS, "archived") if (day := each.at[name])]
            named = each.version.named_terminal
            if named and each.version.dates[named] is None:
                since = each.version.valid_from
                for version in reversed(each.history):
                    if version.status_key != named:
                        break
                    since = version.valid_from
                moments += [since] if since <= self.as_of else []
            closed += [min(moments)] if moments else []
        return closed

    def chances(self, made_at: datetime, horizon: int) -> dict[State, float] | None:
        """How likely each state is won within the horizon; None without experience."""
        month = timedelta(days=30)
        origins = [day for day in self.month_ends if day + month <= made_at][-3:]
        moves: dict[State, Counter[State]] = {}
        for day in origins:
            for name, each in self.open_on(day).items():
                later = self.on(day + month)[name]
                moves.setdefault(state_of(each), Counter())[state_of(later)] += 1
        if not moves:
            return None
        chances: dict[State, float] = {("won", 0): 1.0}
        for _ in range(horizon // 30):
            chances = {("won", 0): 1.0} | {
                state: math.fsum(n * chances.get(next_state, 0.0) for next_state, n in to.items())
                / to.total()
                for state, to in moves.items()
            }
        return chances

    def actual(self, made_at: datetime, horizon: int) -> int:
        """How many of those open then were won within the horizon."""
        later = self.on(made_at + timedelta(days=horizon))
        return sum(later[name].outcome == "won" for name in self.open_on(made_at))

    def expected(self, made_at: datetime, horizon: int) -> tuple[float, float] | None:
        """The expected count and its variance; None where too little is behind them."""
        year_before = months_before(made_at, 12)
        closed = [day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
                  for day in self.closed_at]  # fmt: skip
        behind = sum(year_before <= month < made_at for month in closed)
        chances = self.chances(made_at, horizon)
        then_open = self.open_on(made_at)
        if behind < 50 or chances is None or not then_open:
            return None
        found = [chances.get(state_of(each), 0.0) for each in then_open.values()]
        return math.fsum(found), 1 + math.fsum(p * (1 - p) for p in found)

    def forecast(self, made_at: datetime, horizon: int) -> Row:
        """The columns that both marts share."""
        open_count = len(self.open_on(made_at))
        row: Row = {"source": "referrals", "horizon_days": horizon, "open_count": open_count}
        names = ("expected_won_count", "expected_won_count_low", "expected_won_count_high")
        values = ("expected_won_value_usd", "expected_won_value_usd_low",
                  "expected_won_value_usd_high")  # fmt: skip
        row |= dict.fromkeys((*names, *values, "method"))
        if (found := self.expected(made_at, horizon)) is None:
            return row
        expected, variance = found
        errors = []
        for day in self.month_ends:
            is_known = day + timedelta(days=horizon) <= made_at and self.has_row(day)
            if is_known and (past := self.expected(day, horizon)):
                errors.append((self.actual(day, horizon) - past[0]) ** 2 / past[1])
        errors = errors[-12:]
        spread = math.sqrt((2 * 3**2 + math.fsum(errors)) / (2 + len(errors)))
        half = NormalDist().inv_cdf(0.9) * spread * math.sqrt(variance)
        limits = (expected, max(expected - half, 0.0), min(expected + half, float(open_count)))
        row |= dict(zip(names, limits, strict=True))
        row["method"] = (
            "Wins by stage and days in it, in steps of 30 days after the last 3 month ends; "
            f"interval from {len(errors)} past errors; without what is created later"
        )
        return row

    def has_row(self, made_at: datetime) -> bool:
        """Whether anything had been created by then."""
        created = [day for each in self.on(self.as_of).values() if (day := each.created_at)]
        return bool(created) and min(created) < made_at


def state_of(referral: Referral) -> State:
    """Won, closed, or the stage and the days in it, rounded down to a band."""
    if not referral.is_open:
        return ("won", 0) if referral.outcome == "won" else ("closed", 0)
    accepted, created = referral.at["accepted"], referral.created_at
    entered = accepted or created
    age = referral.as_of - entered if entered else timedelta.max
    band = next(days for days in BANDS if age >= timedelta(days=days))
    return ("accepted" if accepted else "created"), band


def forecast(warehouse: Warehouse) -> list[Row]:
    """marts.forecast"""
    as_of = warehouse.as_of
    if as_of is None or not counted(warehouse):
        return []
    forecasts = Forecasts(warehouse, as_of)
    return [forecasts.forecast(as_of, horizon) for horizon in HORIZONS]


def forecast_backtest(warehouse: Warehouse) -> list[Row]:
    """marts.forecast_backtest"""
    as_of = warehouse.as_of
    if as_of is None or not counted(warehouse):
        return []
    forecasts, rows = Forecasts(warehouse, as_of), []
    for made_at in forecasts.month_ends:
        for horizon in HORIZONS:
            is_settled = made_at + timedelta(days=horizon) <= as_of
            if not (is_settled and made_at > months_before(as_of, 24)):
                continue
            if not forecasts.has_row(made_at):
                continue
            row = forecasts.forecast(made_at, horizon)
            actual = forecasts.actual(made_at, horizon)
            low, high = row["expected_won_count_low"], row["expected_won_count_high"]
            rows.append(
                row
                | {"made_at": made_at, "actual_won_count": actual, "actual_won_value_usd": None}
                | {"is_within": None if low is None else low <= actual <= high}
            )
    return rows
