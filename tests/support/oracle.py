"""The contract's figures recomputed in plain Python, one referral after the other.

It shares nothing with the SQL: no set operations over rows, exact fractions where the views use
logarithms. It is written to be read beside the contract, not to be fast.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from statistics import NormalDist
from typing import Any

from support.deal_rows import Deals, DealVersion

Row = dict[str, Any]

MILESTONES = (
    "created", "acknowledged", "accepted", "won", "lost",
    "declined", "expired", "missed", "skipped", "archived",
)  # fmt: skip
TERMINALS = ("won", "lost", "declined", "expired", "missed", "skipped")
STATUSES = ("new", "acknowledged", "accepted", *TERMINALS, "archived", "error")
TEXTS = ("status", "customer_name", "customer_market", "customer_org_size", "partner_market")
SEGMENTS = ("customer_market", "customer_org_size", "partner_market")
STAGES = ("created", "responded", "accepted", "won")
ORG_SIZES = {
    f"{size}employees"
    for size in (
        "1to50", "51to500", "Morethan500", "1to9", "10to50", "51to250", "251to1000",
        "1001to5000", "5001to10000", "10001to20000", "Morethan20000",
    )
}  # fmt: skip
STEPS = (
    ("created", "acknowledged"), ("created", "responded"), ("created", "accepted"),
    ("acknowledged", "accepted"), ("accepted", "won"), ("accepted", "lost"),
    ("created", "won"), ("created", "declined"), ("created", "expired"), ("created", "closed"),
)  # fmt: skip
NOISE = timedelta(seconds=60)
NEW_PROCESS = datetime(2019, 1, 17)
# Earlier dates are mistakes; they start no calendar.
CALENDAR_FROM = datetime(1990, 1, 1)


@dataclass(frozen=True)
class Version:
    """One row of partner_center.referrals; `dates` has all ten milestones, null where not set."""

    id: str
    texts: dict[str, str | None]
    dates: dict[str, datetime | None]
    is_listed: bool
    valid_from: datetime
    valid_to: datetime | None

    @property
    def status_key(self) -> str:
        return (self.texts["status"] or "").lower()

    @property
    def named_terminal(self) -> str | None:
        return self.status_key if self.status_key in TERMINALS else None


@dataclass(frozen=True)
class Load:
    """One row of partner_center.load_runs, as far as views read it."""

    finished_at: datetime
    succeeded: bool
    server_total: int | None
    reconciled: bool | None
    mode: str = "full"
    resource: str | None = "referrals"


@dataclass(frozen=True)
class SlaRule:
    """One row of settings.sla_rules."""

    rule: str
    applies_from: datetime | None
    applies_to: datetime | None
    limit_hours: int


SHIPPED_RULES = (
    SlaRule("respond_72h", None, NEW_PROCESS, 72),
    SlaRule("respond_14d", NEW_PROCESS, None, 14 * 24),
    SlaRule("recommended_24h", None, None, 24),
)


@dataclass(frozen=True)
class Warehouse:
    """What the base tables hold, and the moments that are asked about."""

    versions: list[Version]
    loads: list[Load]
    rejected_at: list[datetime] = field(default_factory=list)
    asked_as_of: datetime | None = None
    known_at: datetime | None = None
    deals: Deals = field(default_factory=Deals)
    funnel: str | None = None

    @property
    def known_loads(self) -> list[Load]:
        """Those that had succeeded by known_at."""
        return [
            load
            for load in self.loads
            if load.succeeded and (self.known_at is None or load.finished_at <= self.known_at)
        ]

    @property
    def last_load(self) -> Load | None:
        return max(self.known_loads, key=lambda load: load.finished_at, default=None)

    @property
    def verifying_load(self) -> Load | None:
        """The newest that listed more than a filter's choice, of the funnel's source if any."""
        unfiltered = [load for load in self.known_loads if load.mode != "filtered"]
        of_source = [load for load in unfiltered if self.is_of_source(load)]
        return max(of_source or unfiltered, key=lambda load: load.finished_at, default=None)

    @property
    def source(self) -> str:
        """What the funnel counts."""
        has_referrals, has_deals = (
            any(self.known_at is None or each.valid_from <= self.known_at for each in versions)
            for versions in (self.versions, self.deals.versions)
        )
        is_of_deals = has_deals and not has_referrals
        return self.funnel or ("engagements" if is_of_deals else "referrals")

    def is_of_source(self, load: Load) -> bool:
        """Whether a load was of what the funnel counts."""
        return (load.resource or "referrals") == self.source

    @property
    def as_of(self) -> datetime | None:
        if self.asked_as_of:
            return self.asked_as_of
        return self.last_load.finished_at if self.last_load else None

    def histories(self) -> Iterator[list[Version]]:
        """The known versions of each referral or deal that the funnel counts, oldest first."""
        if self.source == "referrals":
            yield from self.histories_of(self.versions)
            return
        for history in self.deals.known(self.known_at):
            yield from self.histories_of(list(_as_referrals(history)))

    def histories_of(self, versions: list[Version]) -> Iterator[list[Version]]:
        """The known ones of these versions by referral, oldest first."""
        by_id: dict[str, list[Version]] = defaultdict(list)
        for version in sorted(versions, key=lambda each: each.valid_from):
            if self.known_at is None:
                by_id[version.id].append(version)
            elif version.valid_from <= self.known_at:
                hidden = version.valid_to and version.valid_to > self.known_at
                by_id[version.id].append(replace(version, valid_to=None) if hidden else version)
        yield from by_id.values()


def _as_referrals(history: list[DealVersion]) -> Iterator[Version]:
    """The versions of a deal in the words of referrals; equal ones in a row are one."""
    one = None
    for each in map(_as_referral, history):
        if one and replace(each, valid_from=one.valid_from, valid_to=one.valid_to) == one:
            one = replace(one, valid_to=each.valid_to)
            continue
        if one:
            yield one
        one = each
    if one:
        yield one


def _as_referral(deal: DealVersion) -> Version:
    """A version of a deal in the words of referrals."""
    status = deal.substatus or deal.status
    dates = dict.fromkeys(MILESTONES) | {
        "created": deal.created_date_time,
        "accepted": deal.accepted_date_time,
    }
    if deal.ending and deal.ending != "error":
        dates[deal.ending] = deal.closed_date_time
    texts = {
        "status": "New" if status in ("Pending", "Received") else status,
        "customer_name": deal.customer_name,
        "customer_market": deal.customer_country,
        "customer_org_size": deal.customer_size,
        "partner_market": None,
    }
    return Version(deal.id, texts, dates, deal.is_listed, deal.valid_from, deal.valid_to)


@dataclass(frozen=True)
class Referral:
    """One referral as of a moment: its milestones by then, and what follows from them."""

    version: Version
    history: list[Version]
    as_of: datetime
    at: dict[str, datetime | None]

    @property
    def created_at(self) -> datetime | None:
        return self.at["created"]

    @property
    def responded_at(self) -> datetime | None:
        names = ("acknowledged", "accepted", "declined", "skipped", "won", "lost")
        return min((moment for name in names if (moment := self.at[name])), default=None)

    @property
    def is_error(self) -> bool:
        """Whether it was closed as an error: it never was a referral."""
        return self.version.status_key == "error"

    @property
    def undated_outcome(self) -> str | None:
        """The ending that only the status tells, once the warehouse knew it."""
        named = self.version.named_terminal
        if named is None or self.version.dates[named] is not None:
            return None
        if any(self.at[terminal] for terminal in TERMINALS):
            return None
        since = self.version.valid_from
        for version in reversed(self.history):
            if version.status_key != named:
                break
            since = version.valid_from
        return named if since <= self.as_of else None

    @property
    def ending(self) -> tuple[str | None, datetime | None]:
        """Outcome and closed_at."""
        if self.is_error:
            return "error", None
        named = self.version.named_terminal
        if named and self.at[named]:
            return named, self.at[named]
        dated = [(moment, name) for name in TERMINALS if (moment := self.at[name])]
        if dated:
            closed_at = min(moment for moment, _ in dated)
            return next(name for moment, name in dated if moment == closed_at), closed_at
        if self.undated_outcome:
            return self.undated_outcome, None
        if self.at["archived"]:
            return "archived", self.at["archived"]
        return None, None

    @property
    def outcome(self) -> str | None:
        return self.ending[0]

    @property
    def is_open(self) -> bool:
        return self.outcome is None

    def moment(self, name: str) -> datetime | None:
        """When a stage of `STEPS` was met."""
        if name == "responded":
            return self.responded_at
        return self.ending[1] if name == "closed" else self.at[name]

    def has_reached(self, stage: str) -> bool:
        """Whether it counts for a stage of the funnel."""
        undated = self.undated_outcome
        if stage == "responded":
            by_status = undated in ("won", "lost", "declined", "skipped")
            return self.responded_at is not None or by_status
        if stage == "accepted":
            dated = any(self.at[name] for name in ("accepted", "won", "lost"))
            return dated or undated in ("won", "lost")
        if stage == "won":
            return self.outcome == "won"
        return True

    def is_strict(self, stage: str) -> bool:
        """Whether it reached a stage with every date in order."""
        chain = ("created", "responded", "accepted", "won")[: STAGES.index(stage) + 1]
        moments = [self.moment(name) for name in chain]
        in_order = None not in moments and all(
            later >= earlier - NOISE  # type: ignore[operator]
            for earlier, later in itertools.pairwise(moments)
        )
        return in_order and (stage != "won" or self.outcome == "won")

    @property
    def furthest_stage(self) -> str:
        return [stage for stage in STAGES if self.has_reached(stage)][-1]

    @property
    def is_accepted_at_creation(self) -> bool:
        accepted, created = self.at["accepted"], self.at["created"]
        return bool(accepted and created and abs(accepted - created) <= NOISE)

    @property
    def has_place_in_time(self) -> bool:
        """Whether it has a place in the flow."""
        return self.created_at is not None


def days(start: datetime | None, end: datetime | None) -> float | None:
    """The days between two moments; None if one lacks or they are reversed by more than noise."""
    if start is None or end is None or end < start - NOISE:
        return None
    return max(end - start, timedelta()) // timedelta(microseconds=1) / 86_400_000_000


def referrals_of(warehouse: Warehouse) -> list[Referral]:
    """Every referral that exists as of the moment asked about."""
    as_of = warehouse.as_of
    found = []
    for history in warehouse.histories():
        version = history[-1]
        created = version.dates["created"]
        if version.valid_to is None and as_of and (created is None or created <= as_of):
            at = {
                name: day if day and day <= as_of else None for name, day in version.dates.items()
            }
            found.append(Referral(version, history, as_of, at))
    return found


def counted(warehouse: Warehouse) -> list[Referral]:
    """Those that count: all but the ones closed as an error."""
    return [each for each in referrals_of(warehouse) if not each.is_error]


def field_changes(earlier: Version, later: Version) -> list[str]:
    """Columns of marts.referrals that differ between two versions."""
    texts = [name for name in TEXTS if earlier.texts[name] != later.texts[name]]
    return texts + [f"{name}_at" for name in MILESTONES if earlier.dates[name] != later.dates[name]]


def referrals(warehouse: Warehouse) -> list[Row]:
    """marts.referrals"""
    rows = []
    for each in referrals_of(warehouse):
        pairs = zip(each.history, each.history[1:], strict=False)
        changes = [later.valid_from for earlier, later in pairs if field_changes(earlier, later)]
        rows.append(
            {"referral_id": each.version.id}
            | each.version.texts
            | {f"{name}_at": each.at[name] for name in MILESTONES}
            | {
                "responded_at": each.responded_at,
                "closed_at": each.ending[1],
                "outcome": each.outcome,
                "furthest_stage": each.furthest_stage,
                "is_open": each.is_open,
                "is_counted": not each.is_error,
                "is_accepted_at_creation": each.is_accepted_at_creation,
                "days_to_respond": days(each.created_at, each.responded_at),
                "days_to_accept": days(each.created_at, each.at["accepted"]),
                "days_to_close": days(each.created_at, each.ending[1]),
                "first_seen_at": each.history[0].valid_from,
                "last_changed_at": max(changes, default=None),
                "vanished_at": None if each.version.is_listed else each.version.valid_from,
            }
        )
    return rows


def by_segment(
    found: Iterable[Referral], *, with_all: bool = True
) -> Iterator[tuple[Row, list[Referral]]]:
    """The referrals of each segment value; `all` also when there are none, if `with_all`."""
    groups: dict[tuple[str, str | None], list[Referral]] = defaultdict(list)
    if with_all:
        groups["all", "all"] = []
    for each in found:
        groups["all", "all"].append(each)
        for segment in SEGMENTS:
            groups[segment, each.version.texts[segment]].append(each)
    for (segment, value), members in groups.items():
        yield {"segment": segment, "segment_value": value}, members


def rate(part: int, whole: int) -> float | None:
    """A share; None of nothing."""
    return part / whole if whole else None


def funnel_stages(warehouse: Warehouse) -> list[Row]:
    """marts.funnel_stages"""
    rows = []
    for key, members in by_segment(counted(warehouse)):
        before = None
        for order, stage in enumerate(STAGES, 1):
            reached = sum(each.has_reached(stage) for each in members)
            rows.append(
                key
                | {
                    "stage": stage,
                    "stage_order": order,
                    "reached_count": reached,
                    "strict_count": sum(each.is_strict(stage) for each in members),
                    "step_conversion_rate": None if before is None else rate(reached, before),
                    "cumulative_conversion_rate": rate(reached, len(members)),
                }
            )
            before = reached
    return rows


def counts(members: list[Referral]) -> Row:
    """The five counts that cohorts and win rates share."""
    return {
        "created_count": len(members),
        "responded_count": sum(each.has_reached("responded") for each in members),
        "accepted_count": sum(each.has_reached("accepted") for each in members),
        "won_count": sum(each.has_reached("won") for each in members),
        "lost_count": sum(each.outcome == "lost" for each in members),
    }


def month_of(moment: datetime) -> date:
    """First day of its month."""
    return moment.date().replace(day=1)


def next_month(month: date) -> date:
    """First day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


def funnel_cohorts(warehouse: Warehouse) -> list[Row]:
    """marts.funnel_cohorts"""
    dated = [each for each in counted(warehouse) if each.created_at]
    rows = []
    for month in sorted({month_of(each.created_at) for each in dated if each.created_at}):
        cohort = [each for each in dated if each.created_at and month_of(each.created_at) == month]
        for key, members in by_segment(cohort):
            row = key | {"created_month": month} | counts(members)
            for ending in ("declined", "expired"):
                row[f"{ending}_count"] = sum(each.outcome == ending for each in members)
            row["open_count"] = sum(each.is_open for each in members)
            for window in (7, 14, 30, 60, 90):
                end = datetime.combine(next_month(month), datetime.min.time())
                taken = [
                    days(each.created_at, each.at["won"])
                    for each in members
                    if each.outcome == "won"
                ]
                won = sum(day is not None and day <= window for day in taken)
                is_mature = warehouse.as_of and end + timedelta(days=window) <= warehouse.as_of
                row[f"won_within_{window}_days_rate"] = won / len(members) if is_mature else None
            rows.append(row)
    return rows


def win_rates(warehouse: Warehouse) -> list[Row]:
    """marts.win_rates"""
    rows = []
    for key, members in by_segment(counted(warehouse)):
        row = counts(members)
        won, lost = row["won_count"], row["lost_count"]
        low, high = wilson(won, won + lost)
        del row["responded_count"]
        rows.append(
            key
            | row
            | {
                "win_rate": rate(won, won + lost),
                "win_rate_low": low,
                "win_rate_high": high,
                "accepted_win_rate": rate(won, row["accepted_count"]),
                "conversion_rate": rate(won, len(members)),
            }
        )
    return rows


def wilson(hits: int, trials: int) -> tuple[float | None, float | None]:
    """The shares p whose distance from the observed one is 1.96 standard errors at p itself."""
    if not trials:
        return None, None
    z2 = NormalDist().inv_cdf(0.975) ** 2
    # (hits/trials - p)^2 = z2 * p * (1 - p) / trials, a quadratic equation in p.
    square, linear, constant = trials + z2, -(2 * hits + z2), hits**2 / trials
    root = math.sqrt(linear**2 - 4 * square * constant)
    return (-linear - root) / (2 * square), (-linear + root) / (2 * square)


def percentile(values: list[float], share: float) -> float | None:
    """Linear interpolation between the two nearest ranks."""
    if not values:
        return None
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def stage_durations(warehouse: Warehouse) -> list[Row]:
    """marts.stage_durations"""
    rows = []
    for key, members in by_segment(counted(warehouse)):
        for start, end in STEPS:
            taken = [days(each.moment(start), each.moment(end)) for each in members]
            values = [day for day in taken if day is not None]
            rows.append(
                key
                | {"from_stage": start, "to_stage": end, "referral_count": len(values)}
                | {"mean_days": math.fsum(values) / len(values) if values else None}
                | {
                    f"p{percent}_days": percentile(values, percent / 100)
                    for percent in (50, 75, 90, 95)
                }
            )
    return rows


def conversion_curve(warehouse: Warehouse) -> list[Row]:
    """marts.conversion_curve, in exact fractions."""
    as_of = warehouse.as_of
    eligible = []
    for each in counted(warehouse):
        end = as_of if each.is_open else each.ending[1]
        if each.created_at and end and end >= each.created_at - NOISE:
            eligible.append(each)
    rows = []
    for key, members in by_segment(eligible, with_all=False):
        ages = [
            (
                max((as_of if each.is_open else each.ending[1]) - each.created_at, timedelta()),  # type: ignore[operator]
                each.outcome,
            )
            for each in members
        ]
        rows += [key | row for row in _incidences(ages)]
    return rows


def _incidences(ages: list[tuple[timedelta, str | None]]) -> Iterator[Row]:
    """The textbook's sum over event times: S(t-) * events / at risk."""
    steps = []
    surviving = Fraction(1)
    for age in sorted({age for age, outcome in ages if outcome}):
        at_risk = sum(other >= age for other, _ in ages)
        won = sum(other == age and outcome == "won" for other, outcome in ages)
        closed = sum(other == age and outcome is not None for other, outcome in ages)
        steps.append((age, surviving * won / at_risk, surviving * closed / at_risk))
        surviving *= 1 - Fraction(closed, at_risk)
    for day in range(366):
        limit = timedelta(days=day)
        yield {
            "day": day,
            "at_risk_count": sum(age >= limit for age, _ in ages),
            "won_incidence": float(sum(won for age, won, _ in steps if age <= limit)),
            "closed_incidence": float(sum(closed for age, _, closed in steps if age <= limit)),
        }


def response_sla(warehouse: Warehouse, rules: Iterable[SlaRule] = SHIPPED_RULES) -> list[Row]:
    """marts.response_sla"""
    rows = []
    for each in counted(warehouse):
        created, responded = each.created_at, each.responded_at
        if (
            not created
            or each.is_accepted_at_creation
            or (responded and responded < created - NOISE)
        ):
            continue
        for rule in rules:
            if rule.applies_from and created < rule.applies_from:
                continue
            if rule.applies_to and created >= rule.applies_to:
                continue
            due_at = created + timedelta(hours=rule.limit_hours)
            if responded:
                state = "met" if responded <= due_at else "breached"
            else:
                state = "breached" if not each.is_open or each.as_of > due_at else "pending"
            rows.append(
                {
                    "referral_id": each.version.id,
                    "rule": rule.rule,
                    "due_at": due_at,
                    "responded_at": responded,
                    "state": state,
                }
            )
    return rows


def response_sla_by_month(warehouse: Warehouse) -> list[Row]:
    """marts.response_sla_by_month"""
    created = {each.version.id: each.created_at for each in counted(warehouse)}
    states: dict[tuple[date, str], list[str]] = defaultdict(list)
    for row in response_sla(warehouse):
        moment = created[row["referral_id"]]
        assert moment
        states[month_of(moment), row["rule"]].append(row["state"])
    return [
        {
            "created_month": month,
            "rule": rule,
            "met_count": found.count("met"),
            "breached_count": found.count("breached"),
            "pending_count": found.count("pending"),
            "compliance_rate": rate(
                found.count("met"), found.count("met") + found.count("breached")
            )
            if _is_ripe(warehouse, month, found)
            else None,
            "is_ripe": _is_ripe(warehouse, month, found),
        }
        for (month, rule), found in states.items()
    ]


def _is_ripe(warehouse: Warehouse, month: date, states: list[str]) -> bool:
    end = datetime.combine(next_month(month), datetime.min.time())
    return bool(warehouse.as_of and end <= warehouse.as_of and "pending" not in states)


def outcomes(warehouse: Warehouse) -> list[Row]:
    """marts.outcomes"""
    rows = []
    for key, members in by_segment(counted(warehouse), with_all=False):
        months: dict[date | None, list[str]] = defaultdict(list)
        for each in members:
            month = month_of(each.created_at) if each.created_at else None
            months[month].append(each.outcome or "open")
        for month, endings in months.items():
            rows += [
                key
                | {
                    "created_month": month,
                    "outcome": ending,
                    "referral_count": endings.count(ending),
                    "share": endings.count(ending) / len(endings),
                }
                for ending in set(endings)
            ]
    return rows


def open_referrals(warehouse: Warehouse) -> list[Row]:
    """marts.open_referrals"""
    found = counted(warehouse)
    all_closed = [
        (day, each.has_reached("accepted"))
        for each in found
        if not each.is_open and (day := days(each.created_at, each.ending[1])) is not None
    ]
    due: dict[str, datetime] = {}
    for row in response_sla(warehouse):
        if row["state"] == "pending":
            found_at = due.get(row["referral_id"], row["due_at"])
            due[row["referral_id"]] = min(found_at, row["due_at"])
    rows = []
    for each in found:
        if not each.is_open:
            continue
        entered_at = each.moment(each.furthest_stage)
        age = days(each.created_at, each.as_of)
        is_accepted = each.furthest_stage == "accepted"
        closed = [day for day, was_accepted in all_closed if was_accepted or not is_accepted]
        sooner = None if age is None else rate(sum(day < age for day in closed), len(closed))
        rows.append(
            {
                "referral_id": each.version.id,
                "current_stage": each.furthest_stage,
                "stage_entered_at": entered_at,
                "days_open": age,
                "days_in_stage": days(entered_at, each.as_of),
                "expires_at": _expires_at(each),
                "age_percentile": sooner,
                "answer_due_at": due.get(each.version.id),
            }
        )
    return rows


def _expires_at(each: Referral) -> datetime | None:
    if each.at["accepted"] or each.created_at is None:
        return None
    if each.created_at >= NEW_PROCESS:
        return each.created_at + timedelta(days=14)
    if acknowledged_at := each.at["acknowledged"]:
        return acknowledged_at + timedelta(days=7)
    return each.created_at + timedelta(hours=72)


FLOW = ("created", "responded", "accepted", "won", "lost", "closed")


def _first_milestone(warehouse: Warehouse) -> datetime | None:
    """The earliest milestone that the flow may begin with."""
    moments = [
        moment
        for each in counted(warehouse)
        if each.has_place_in_time
        for moment in each.at.values()
        if moment and moment >= CALENDAR_FROM
    ]
    return min(moments, default=None)


def flow_by_day(warehouse: Warehouse) -> list[Row]:
    """marts.flow_by_day"""
    placed = [each for each in counted(warehouse) if each.has_place_in_time]
    first = _first_milestone(warehouse)
    if first is None or warehouse.as_of is None:
        return []
    day, last = first.date(), warehouse.as_of.date()
    rows = []
    while day <= last:
        row: Row = {"day": day}
        for event in FLOW:
            row[f"{event}_count"] = sum(_event_day(each, event) == day for each in placed)
        row["open_at_start_count"] = sum(
            each.created_at.date() < day
            and not ((closed := _event_day(each, "closed")) and closed < day)
            for each in placed
            if each.created_at
        )
        rows.append(row)
        day += timedelta(days=1)
    return rows


def _event_day(each: Referral, event: str) -> date | None:
    moment = each.moment(event)
    if event == "closed" and not each.is_open and moment is None:
        # Closed at an unknown date: it departs on the day it came.
        moment = each.created_at
    if event == "closed" and moment and each.created_at:
        moment = max(moment, each.created_at)
    return moment.date() if moment else None


def trends(warehouse: Warehouse) -> list[Row]:
    """marts.trends"""
    starts: dict[str, Callable[[date], date]] = {
        "day": lambda day: day,
        "week": lambda day: day - timedelta(days=day.weekday()),
        "month": lambda day: day.replace(day=1),
    }
    ends: dict[str, Callable[[date], date]] = {
        "day": lambda start: start + timedelta(days=1),
        "week": lambda start: start + timedelta(days=7),
        "month": next_month,
    }
    flow, first = flow_by_day(warehouse), _first_milestone(warehouse)
    rows: list[Row] = []
    for period, start_of in starts.items():
        found: list[Row] = []
        for start in sorted({start_of(row["day"]) for row in flow}):
            members = [row for row in flow if start_of(row["day"]) == start]
            row = {"period": period, "period_start": start}
            row |= {
                f"{event}_count": sum(each[f"{event}_count"] for each in members) for event in FLOW
            }
            row["open_at_start_count"] = members[0]["open_at_start_count"]
            begins = datetime.combine(start, datetime.min.time())
            ends_at = datetime.combine(ends[period](start), datetime.min.time())
            assert first and warehouse.as_of
            row["is_complete"] = begins >= first and ends_at <= warehouse.as_of
            for event in ("created", "won"):
                row |= _comparisons(row, f"{event}_count", found, event)
            found.append(row)
        rows += found
    return rows


def _comparisons(row: Row, count: str, earlier: list[Row], prefix: str) -> Row:
    """A period's count beside those of the periods before it."""

    def change(before: Row | None) -> float | None:
        return row[count] / before[count] - 1 if before and before[count] else None

    start = _year_before(row["period"], row["period_start"])
    year_before = next((each for each in earlier if each["period_start"] == start), None)
    low, high = xmr_limits([each[count] for each in earlier if each["is_complete"]][-12:])
    return {
        f"{prefix}_change_rate": change(earlier[-1] if earlier else None),
        f"{prefix}_year_change_rate": change(year_before),
        f"{prefix}_expected_low": low,
        f"{prefix}_expected_high": high,
    }


def _year_before(period: str, start: date) -> date:
    if period == "week":
        return start - timedelta(weeks=52)
    day = 28 if (start.month, start.day) == (2, 29) else start.day
    return date(start.year - 1, start.month, day)


def xmr_limits(values: list[int]) -> tuple[float | None, float | None]:
    """Limits of an XmR chart; none of fewer than six values."""
    if len(values) < 6:
        return None, None
    mean = sum(values) / len(values)
    ranges = [abs(later - earlier) for earlier, later in itertools.pairwise(values)]
    margin = 2.66 * sum(ranges) / len(ranges)
    return max(mean - margin, 0.0), mean + margin


def referral_history(warehouse: Warehouse) -> list[Row]:
    """marts.referral_history"""
    rows = []
    for history in warehouse.histories():
        for earlier, later in zip([None, *history], history, strict=False):
            changed = field_changes(earlier, later) if earlier else []
            if earlier and earlier.is_listed != later.is_listed:
                changed.append("is_listed")
            rows.append(
                {
                    "referral_id": later.id,
                    "valid_from": later.valid_from,
                    "valid_to": later.valid_to,
                    "status": later.texts["status"],
                }
                | {f"{name}_at": later.dates[name] for name in MILESTONES}
                | {"changed_fields": ", ".join(changed) or None}
            )
    return rows


def data_quality_issues(warehouse: Warehouse) -> list[Row]:
    """marts.data_quality_issues, without severity and details."""
    issues = set()
    for each in referrals_of(warehouse):
        issues |= {(each.version.id, rule) for rule in _issues(each)}
    last_load = warehouse.last_load
    for history in warehouse.histories():
        dates = history[-1].dates.values()
        if last_load and any(day and day > last_load.finished_at + NOISE for day in dates):
            issues.add((history[-1].id, "date_in_the_future"))
    return [{"referral_id": referral_id, "rule": rule} for referral_id, rule in issues]


def _issues(each: Referral) -> Iterator[str]:
    at, dates = each.at, each.version.dates
    endings = [moment for name in TERMINALS if (moment := at[name])]
    if each.created_at is None:
        yield "missing_created_date"
    elif any(moment and moment < each.created_at - NOISE for moment in at.values()):
        yield "milestone_before_creation"
    if any(moment and moment < CALENDAR_FROM for moment in at.values()):
        yield "date_before_1990"
    if at["accepted"] and at["acknowledged"] and at["accepted"] < at["acknowledged"] - NOISE:
        yield "accepted_before_acknowledged"
    if at["accepted"] and any(moment < at["accepted"] - NOISE for moment in endings):
        yield "terminal_before_accepted"
    if len(endings) > 1:
        yield "several_terminal_dates"
    status, ended = each.version.status_key, any(dates[name] for name in TERMINALS)
    contradicts = {
        "new": ended or dates["acknowledged"] or dates["accepted"],
        "acknowledged": ended or dates["accepted"] or not dates["acknowledged"],
        "accepted": ended or not dates["accepted"],
        "archived": not dates["archived"],
    }
    if status in TERMINALS:
        contradicts[status] = ended and not dates[status]
    if contradicts.get(status):
        yield "status_contradicts_dates"
    if each.version.named_terminal and not dates[status] and _known_since(each) <= each.as_of:
        yield "terminal_without_date"
    if status not in STATUSES:
        yield "unknown_status"
    size = each.version.texts["customer_org_size"]
    if size is not None and size not in ORG_SIZES:
        yield "unknown_org_size"
    if any(_is_late_change(*pair) for pair in zip(each.history, each.history[1:], strict=False)):
        yield "changed_after_terminal"
    if each.is_error:
        yield "closed_as_error"
    if not each.version.is_listed:
        yield "vanished_from_source"


def _known_since(each: Referral) -> datetime:
    since = each.version.valid_from
    for version in reversed(each.history):
        if version.status_key != each.version.status_key:
            break
        since = version.valid_from
    return since


def _is_late_change(earlier: Version, later: Version) -> bool:
    was_ended = earlier.named_terminal or any(earlier.dates[name] for name in TERMINALS)
    changed = set(field_changes(earlier, later)) & {f"{name}_at" for name in MILESTONES[:-1]}
    has_new_status = earlier.texts["status"] != later.texts["status"]
    return bool(was_ended and (changed or (has_new_status and later.status_key != "archived")))


def freshness(warehouse: Warehouse) -> list[Row]:
    """marts.freshness"""
    last_load, verifying = warehouse.last_load, warehouse.verifying_load
    is_own = verifying and warehouse.is_of_source(verifying)
    known = [history[-1] for history in warehouse.histories() if history[-1].valid_to is None]
    moments = [day for version in known for day in version.dates.values() if day]
    known_at = warehouse.known_at
    return [
        {
            "last_load_at": verifying.finished_at if verifying else None,
            "last_activity_at": max(
                (day for day in moments if last_load and day <= last_load.finished_at),
                default=None,
            ),
            "referral_count": len(known),
            "rejected_count": sum(
                known_at is None or moment <= known_at for moment in warehouse.rejected_at
            ),
            "server_total": verifying.server_total if is_own else None,
            "is_reconciled": verifying.reconciled if is_own else None,
            "as_of": warehouse.as_of,
            "tenant_id": None,
        }
    ]
