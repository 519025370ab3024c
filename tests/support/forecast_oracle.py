"""The forecasts recomputed in plain Python, asking the other oracle what was so on each past day.

Nothing that came after a day can reach what is computed as of it: each day's referrals are read
from a warehouse that is asked as of that day.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, cached_property
from itertools import product
from statistics import NormalDist
from typing import NamedTuple

from support import deal_oracle
from support.deal_oracle import Deal
from support.oracle import TERMINALS, Referral, Row, Warehouse, counted

HORIZONS = (30, 90, 180)
BANDS = (365, 180, 90, 60, 30, 14, 7, 0)
State = tuple[str, int]


def months_before(moment: datetime, months: int) -> datetime:
    """The same day of an earlier month; the first 28 days only, as month ends need no other."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    return moment.replace(year=year, month=month + 1, day=min(moment.day, 28))


class Expected(NamedTuple):
    """What was to be expected, its variance, and the most that could come."""

    sum: float | None
    variance: float
    most: float


class Forecasts:
    """The forecasts of the referrals as of the moment that a warehouse is asked about."""

    source = "referrals"

    def __init__(self, warehouse: Warehouse, as_of: datetime) -> None:
        self.warehouse = warehouse
        self.as_of = as_of
        self._days: dict[datetime, dict[str, Referral | Deal]] = {}
        # Every forecast asks for those before it.
        self.expected = cache(self._expected)
        self.chances = cache(self._chances)
        self.weights = cache(self._weights)

    def items(self, warehouse: Warehouse) -> dict[str, Referral | Deal]:
        """Every item as of the moment that the warehouse is asked about."""
        return {each.version.id: each for each in counted(warehouse)}

    def values(self, day: datetime) -> dict[str, float]:
        """What items are worth in US dollars at the rates of a day, or of their closing before."""
        return {}

    def on(self, day: datetime) -> dict[str, Referral | Deal]:
        """Every item as it stood on a day."""
        if day not in self._days:
            self._days[day] = self.items(replace(self.warehouse, asked_as_of=day))
        return self._days[day]

    def open_on(self, day: datetime) -> dict[str, Referral | Deal]:
        return {name: each for name, each in self.on(day).items() if each.is_open}

    def _weights(self, measure: str, day: datetime) -> dict[str, float]:
        """What each item counts for on a day."""
        if measure == "won_count":
            return dict.fromkeys(self.on(day), 1.0)
        return self.values(day)

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
        """When each closed item stopped being open."""
        closed = []
        for each in self.on(self.as_of).values():
            if isinstance(each, Deal):
                moments = [each.closed_at or each.undated_since] if not each.is_open else []
            else:
                moments = [day for name in (*TERMINALS, "archived") if (day := each.at[name])]
                moments += self._undated(each)
            closed += [min(day for day in moments if day)] if moments else []
        return closed

    def _undated(self, each: Referral) -> list[datetime]:
        named = each.version.named_terminal
        if not named or each.version.dates[named] is not None:
            return []
        since = each.version.valid_from
        for version in reversed(each.history):
            if version.status_key != named:
                break
            since = version.valid_from
        return [since] if since <= self.as_of else []

    def _chances(self, made_at: datetime, horizon: int) -> dict[State, float] | None:
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

    def actual(self, made_at: datetime, horizon: int, measure: str) -> float | None:
        """What those open then brought within the horizon; None if none of them has a value."""
        settled_at = made_at + timedelta(days=horizon)
        later, weights = self.on(settled_at), self.weights(measure, settled_at)
        known = [name for name in self.open_on(made_at) if name in self.weights(measure, made_at)]
        if not known and measure == "won_value_usd":
            return None
        return math.fsum(weights[name] for name in known if later[name].outcome == "won")

    def _expected(self, made_at: datetime, horizon: int, measure: str) -> Expected | None:
        """What was to be expected; None where too little is behind it."""
        year_before = months_before(made_at, 12)
        closed = [day.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
                  for day in self.closed_at]  # fmt: skip
        behind = sum(year_before <= month < made_at for month in closed)
        chances = self.chances(made_at, horizon)
        then_open, weights = self.open_on(made_at), self.weights(measure, made_at)
        if behind < 50 or chances is None or not then_open:
            return None
        found = [(chances.get(state_of(each), 0.0), weights[name])
                 for name, each in then_open.items() if name in weights]  # fmt: skip
        if not found:
            return Expected(None, 0, 0)
        usual = math.fsum(weight**2 for _, weight in found) / len(found)
        return Expected(
            math.fsum(chance * weight for chance, weight in found),
            usual + math.fsum(weight**2 * chance * (1 - chance) for chance, weight in found),
            math.fsum(weight for _, weight in found),
        )

    def forecast(self, made_at: datetime, horizon: int) -> Row:
        """The columns that both marts share."""
        row: Row = {"source": self.source, "horizon_days": horizon}
        row["open_count"] = len(self.open_on(made_at))
        row |= self._limits(made_at, horizon, "won_count")
        row |= self._limits(made_at, horizon, "won_value_usd")
        row["method"] = None
        if row["expected_won_count"] is not None:
            errors = self.past_errors(made_at, horizon, "won_count")
            row["method"] = (
                "Wins by stage and days in it, in steps of 30 days after the last 3 month ends; "
                f"interval from {len(errors)} past errors; without what is created later"
            )
        return row

    def past_errors(self, made_at: datetime, horizon: int, measure: str) -> list[float]:
        """The squared errors of the last twelve forecasts whose outcome was known by then."""
        errors: list[float | None] = []
        for day in self.month_ends:
            is_known = day + timedelta(days=horizon) <= made_at and self.has_row(day)
            if is_known and (past := self.expected(day, horizon, measure)):
                actual, error = self.actual(day, horizon, measure), None
                if actual is not None and past.sum is not None:
                    error = (actual - past.sum) ** 2 / past.variance
                errors.append(error)
        return [error for error in errors[-12:] if error is not None]

    def _limits(self, made_at: datetime, horizon: int, measure: str) -> Row:
        names = (f"expected_{measure}", f"expected_{measure}_low", f"expected_{measure}_high")
        found = self.expected(made_at, horizon, measure)
        if found is None or found.sum is None:
            return dict.fromkeys(names)
        errors = self.past_errors(made_at, horizon, measure)
        spread = math.sqrt((2 * 3**2 + math.fsum(errors)) / (2 + len(errors)))
        half = NormalDist().inv_cdf(0.9) * spread * math.sqrt(found.variance)
        low, high = max(found.sum - half, 0.0), min(found.sum + half, found.most)
        return dict(zip(names, (found.sum, low, high), strict=True))

    def has_row(self, made_at: datetime) -> bool:
        """Whether anything had been created by then."""
        created = [day for each in self.on(self.as_of).values() if (day := each.created_at)]
        return bool(created) and min(created) < made_at


class DealForecasts(Forecasts):
    """The forecasts of the account's own deals."""

    source = "engagements"

    def items(self, warehouse: Warehouse) -> dict[str, Referral | Deal]:
        return {each.version.id: each for each in deal_oracle.counted(warehouse)}

    def values(self, day: datetime) -> dict[str, float]:
        rates = self.warehouse.deals.rates
        found = {
            each.version.id: each.value_in_usd(rates)
            for each in deal_oracle.counted(replace(self.warehouse, asked_as_of=day))
        }
        return {name: value for name, value in found.items() if value is not None}


def state_of(item: Referral | Deal) -> State:
    """Won, closed, or the stage and the days in it, rounded down to a band."""
    if not item.is_open:
        return ("won", 0) if item.outcome == "won" else ("closed", 0)
    accepted = item.accepted_at if isinstance(item, Deal) else item.at["accepted"]
    entered = accepted or item.created_at
    age = item.as_of - entered if entered else timedelta.max
    band = next(days for days in BANDS if age >= timedelta(days=days))
    return ("accepted" if accepted else "created"), band


def sources(warehouse: Warehouse) -> list[Forecasts]:
    """The forecasts of each source that has items as of the moment asked about."""
    if (as_of := warehouse.as_of) is None:
        return []
    # Where the funnel counts deals, they are forecast once.
    kinds = (Forecasts, DealForecasts) if warehouse.source == "referrals" else (DealForecasts,)
    found = [kind(warehouse, as_of) for kind in kinds]
    return [each for each in found if each.on(as_of)]


def forecast(warehouse: Warehouse) -> list[Row]:
    """marts.forecast"""
    return [
        forecasts.forecast(forecasts.as_of, horizon)
        for forecasts in sources(warehouse)
        for horizon in HORIZONS
    ]


def forecast_backtest(warehouse: Warehouse) -> list[Row]:
    """marts.forecast_backtest"""
    rows = []
    for forecasts in sources(warehouse):
        as_of = forecasts.as_of
        for made_at, horizon in product(forecasts.month_ends, HORIZONS):
            is_settled = made_at + timedelta(days=horizon) <= as_of
            if not (is_settled and made_at > months_before(as_of, 24)):
                continue
            if not forecasts.has_row(made_at):
                continue
            row = forecasts.forecast(made_at, horizon)
            actual = forecasts.actual(made_at, horizon, "won_count")
            low, high = row["expected_won_count_low"], row["expected_won_count_high"]
            rows.append(
                row
                | {"made_at": made_at, "actual_won_count": actual}
                | {"actual_won_value_usd": forecasts.actual(made_at, horizon, "won_value_usd")}
                | {"is_within": None if low is None else low <= actual <= high}
            )
    return rows
