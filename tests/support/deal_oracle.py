"""The figures of deals recomputed in plain Python, one deal after the other.

It shares nothing with the SQL; see `support.oracle`, which does the same for referrals.
"""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from support import oracle
from support.deal_rows import DealVersion, Rate
from support.oracle import Row, Warehouse, days, month_of, next_month, percentile, rate

CALENDAR_FROM = datetime(1990, 1, 1)
STAGE_NAMES = {"qualify": 20, "develop": 40, "propose": 60, "close": 80}
FIELDS = ("category", "direction", "deal_type", "customer_market", "currency")
TAG_SEGMENTS = ("solution_area", "industry")


def known(text: str | None) -> str | None:
    """A text; None for one that is empty or blank."""
    return (text or "").strip() or None


@dataclass(frozen=True)
class Deal:
    """One deal as of a moment."""

    history: list[DealVersion]
    as_of: datetime

    @property
    def version(self) -> DealVersion:
        return self.history[-1]

    def _by_then(self, moment: datetime | None) -> datetime | None:
        return moment if moment and moment <= self.as_of else None

    @property
    def created_at(self) -> datetime | None:
        return self.version.created_date_time

    @property
    def accepted_at(self) -> datetime | None:
        return self._by_then(self.version.accepted_date_time)

    @property
    def closed_at(self) -> datetime | None:
        return self._by_then(self.version.closed_date_time) if self.version.ending else None

    @property
    def undated_since(self) -> datetime | None:
        if not self.version.ending or self.version.closed_date_time:
            return None
        since = self.version.valid_from
        for version in reversed(self.history):
            if version.ending != self.version.ending:
                break
            since = version.valid_from
        return self._by_then(since)

    @property
    def outcome(self) -> str | None:
        ending = self.version.ending
        if ending == "error" or self.closed_at or self.undated_since:
            return ending
        return None

    @property
    def is_open(self) -> bool:
        return self.outcome is None

    @property
    def current_stage(self) -> str:
        return "accepted" if self.accepted_at else "created"

    @property
    def category(self) -> str | None:
        kind, inviter = (
            (self.version.type or "").lower(),
            known(self.version.invited_by_organization_id),
        )
        qualification = (self.version.qualification or "none").lower()
        is_microsoft = (inviter or "").lower() == "msft"
        if kind == "independent" and qualification == "direct" and (is_microsoft or not inviter):
            return "marketplace lead"
        if (
            kind == "independent"
            and qualification in ("salesqualified", "marketingqualified")
            and is_microsoft
        ):
            return "qualified lead"
        if (
            kind in ("independent", "shared")
            and qualification in ("salesqualified", "none")
            and inviter
            and not is_microsoft
        ):
            return "co-sell"
        return None

    @property
    def deal_type(self) -> str:
        if self.version.is_shared_with_microsoft is False:
            return "private"
        return "co-sell" if known(self.version.assistance_request_code) else "partner-led"

    @property
    def direction(self) -> str | None:
        owner = known(self.version.organization_id)
        if owner and owner == known(self.version.invited_by_organization_id):
            return "own"
        return (known(self.version.direction) or "").lower() or None

    @property
    def customer_market(self) -> str | None:
        market: str | None = self.version.customer_country
        return market

    @property
    def currency(self) -> str | None:
        return (known(self.version.currency) or "").upper() or None

    @property
    def sales_stage_percent(self) -> int | None:
        text = (self.version.sales_stage or "").strip().replace("%", "").lower()
        if text in STAGE_NAMES:
            return STAGE_NAMES[text]
        return int(text) if text in {str(number) for number in range(10, 101)} else None

    @property
    def expected_close_on(self) -> date | None:
        moment = self.version.closing_date_time
        return moment.date() if moment else None

    @property
    def is_overdue(self) -> bool:
        return bool(
            self.is_open and self.expected_close_on and self.expected_close_on < self.as_of.date()
        )

    @property
    def slips(self) -> int:
        expected = [version.closing_date_time for version in self.history]
        return sum(
            bool(one and other and other.date() > one.date())
            for one, other in itertools.pairwise(expected)
        )

    def value_in_usd(self, rates: list[Rate]) -> float | None:
        """The value at the newest rate that is not after the deal's month; None without one."""
        value: Decimal | None = self.version.deal_value
        if not value or value < 0 or not self.currency:
            return None
        if self.currency == "USD":
            return float(value)
        moment = self.as_of
        if not self.is_open:
            moment = self.closed_at or self.undated_since or self.as_of
        usable = [
            each
            for each in rates
            if each.currency_code == self.currency and each.month <= month_of(moment)
        ]
        newest = max(usable, key=lambda each: (each.month, each.origin == "file"), default=None)
        return float(value) * newest.usd_per_unit if newest else None


def deals_of(warehouse: Warehouse) -> list[Deal]:
    """Every deal that exists as of the moment asked about."""
    as_of = warehouse.as_of
    if as_of is None:
        return []
    found = [Deal(history, as_of) for history in warehouse.deals.known(warehouse.known_at)]
    return [each for each in found if not each.created_at or each.created_at <= as_of]


def counted(warehouse: Warehouse) -> list[Deal]:
    """Those that were not closed as an error."""
    return [each for each in deals_of(warehouse) if each.outcome != "error"]


def _links(warehouse: Warehouse) -> dict[str, str]:
    """Which deal is which referral for certain."""
    deals = [history[-1] for history in warehouse.deals.known(warehouse.known_at)]
    referrals = [history[-1] for history in warehouse.histories_of(warehouse.versions)]
    ids = {each.id for each in deals} & {each.id for each in referrals}
    links = {each: each for each in ids}

    def key(created: datetime | None, name: Any, market: Any) -> Any:
        second = created.replace(microsecond=0) if created else None
        return (second, known(name), known(market))

    deal_keys, referral_keys = defaultdict(list), defaultdict(list)
    for deal in deals:
        found = key(deal.created_date_time, deal.customer_name, deal.customer_country)
        deal_keys[found].append(deal.id)
    for each in referrals:
        found = key(
            each.dates["created"], each.texts["customer_name"], each.texts["customer_market"]
        )
        referral_keys[found].append(each.id)
    for found, members in deal_keys.items():
        others = referral_keys.get(found, [])
        is_certain = None not in found and len(members) == len(others) == 1
        if is_certain and not ids & {members[0], others[0]}:
            links[members[0]] = others[0]
    return links


def deals(warehouse: Warehouse) -> list[Row]:
    """marts.deals"""
    links = _links(warehouse)
    return [
        {
            "deal_id": each.version.id,
            "engagement_id": each.version.engagement_id,
            "referral_id": links.get(each.version.id),
            "deal_name": each.version.name,
            "category": each.category,
            "deal_type": each.deal_type,
            "direction": each.direction,
            "customer_name": each.version.customer_name,
            "customer_market": each.customer_market,
            "external_reference_id": each.version.external_reference_id,
            "outcome": each.outcome,
            "status_reason": each.version.status_reason,
            "is_open": each.is_open,
            "is_counted": each.outcome != "error",
            "sales_stage_percent": each.sales_stage_percent,
            "created_at": each.created_at,
            "accepted_at": each.accepted_at,
            "closed_at": each.closed_at,
            "expected_close_on": each.expected_close_on,
            "deal_value": each.version.deal_value,
            "currency": each.currency,
            "deal_value_usd": each.value_in_usd(warehouse.deals.rates),
            "is_overdue": each.is_overdue,
            "closing_slips": each.slips,
            "updated_at": each.version.updated_date_time,
            "is_accepted_by_microsoft": bool(known(each.version.microsoft_msx_id)),
        }
        for each in deals_of(warehouse)
    ]


def by_segment(warehouse: Warehouse) -> Iterator[tuple[Row, list[Deal]]]:
    """The counted deals of each value of each segment."""
    found: dict[tuple[str, str | None], list[Deal]] = defaultdict(list)
    for each in counted(warehouse):
        found["all", "all"].append(each)
        for segment in FIELDS:
            found[segment, getattr(each, segment)].append(each)
        for segment in TAG_SEGMENTS:
            tags = {
                value
                for deal_id, kind, value in warehouse.deals.tags
                if deal_id == each.version.id and kind == segment
            }
            for value in tags or {None}:
                found[segment, value].append(each)
    for (segment, value), members in found.items():
        yield {"segment": segment, "segment_value": value}, members


def _usd(warehouse: Warehouse, members: list[Deal]) -> list[float]:
    values = [each.value_in_usd(warehouse.deals.rates) for each in members]
    return [value for value in values if value is not None]


def total(warehouse: Warehouse, members: list[Deal]) -> float | None:
    """What deals are worth together: 0 where there are none, None where none can be converted."""
    values = _usd(warehouse, members)
    return sum(values) if values or not members else None


def pipeline(warehouse: Warehouse) -> list[Row]:
    """marts.pipeline"""
    rows = []
    for key, members in by_segment(warehouse):
        for stage in ("created", "accepted"):
            found = [each for each in members if each.is_open and each.current_stage == stage]
            overdue = [each for each in found if each.is_overdue]
            ages = [days(each.created_at, each.as_of) for each in found]
            if not found:
                continue
            rows.append(
                key
                | {
                    "current_stage": stage,
                    "deal_count": len(found),
                    "valued_count": sum((each.version.deal_value or 0) > 0 for each in found),
                    "value_usd": total(warehouse, found),
                    "overdue_count": len(overdue),
                    "overdue_value_usd": total(warehouse, overdue),
                    "median_age_days": percentile([age for age in ages if age is not None], 0.5),
                    "converted_count": len(_usd(warehouse, found)),
                }
            )
    return rows


def deal_win_rates(warehouse: Warehouse) -> list[Row]:
    """marts.deal_win_rates"""
    rows = []
    for key, members in by_segment(warehouse):
        won = [each for each in members if each.outcome == "won"]
        lost = [each for each in members if each.outcome == "lost"]
        won_usd, lost_usd = total(warehouse, won), total(warehouse, lost)
        is_known = won_usd is not None and lost_usd is not None
        low, high = oracle.wilson(len(won), len(won) + len(lost))
        largest = max(_usd(warehouse, won), default=None)
        times = [days(each.created_at, each.closed_at) for each in won]
        rows.append(
            key
            | {
                "won_count": len(won),
                "lost_count": len(lost),
                "win_rate": rate(len(won), len(won) + len(lost)),
                "win_rate_low": low,
                "win_rate_high": high,
                "won_value_usd": won_usd,
                "lost_value_usd": lost_usd,
                "value_win_rate": won_usd / (won_usd + lost_usd)  # type: ignore[operator]
                if is_known and won_usd + lost_usd  # type: ignore[operator]
                else None,
                "largest_won_share": largest / won_usd if largest and won_usd else None,
                "median_won_value_usd": percentile(_usd(warehouse, won), 0.5),
                "median_days_to_win": percentile([each for each in times if each is not None], 0.5),
                "won_converted_count": len(_usd(warehouse, won)),
                "lost_converted_count": len(_usd(warehouse, lost)),
            }
        )
    return rows


def deal_trends(warehouse: Warehouse) -> list[Row]:
    """marts.deal_trends"""
    placed = [each for each in counted(warehouse) if each.created_at]
    moments = [
        moment
        for each in placed
        for moment in (each.created_at, each.accepted_at, each.closed_at)
        if moment and moment >= CALENDAR_FROM
    ]
    if not moments or warehouse.as_of is None:
        return []
    events: dict[str, Callable[[Deal], datetime | None]] = {
        "created": lambda each: each.created_at,
        "won": lambda each: each.closed_at if each.outcome == "won" else None,
        "lost": lambda each: each.closed_at if each.outcome == "lost" else None,
    }
    rows, month = [], month_of(min(moments))
    while month <= month_of(warehouse.as_of):
        found = {
            event: [each for each in placed if (at := moment(each)) and month_of(at) == month]
            for event, moment in events.items()
        }
        start, end = (
            datetime.combine(day, datetime.min.time()) for day in (month, next_month(month))
        )
        values = _usd(warehouse, found["won"])
        rows.append(
            {"month": month}
            | {f"{event}_count": len(members) for event, members in found.items()}
            | {f"{event}_value_usd": total(warehouse, each) for event, each in found.items()}
            | {"average_won_value_usd": sum(values) / len(values) if values else None}
            | {"is_complete": start >= min(moments) and end <= warehouse.as_of}
            | {f"{event}_converted_count": len(_usd(warehouse, x)) for event, x in found.items()}
        )
        month = next_month(month)
    return rows


def loss_reasons(warehouse: Warehouse) -> list[Row]:
    """marts.loss_reasons"""
    rows = []
    for outcome in ("lost", "declined", "expired"):
        ended = [each for each in counted(warehouse) if each.outcome == outcome]
        for reason in {each.version.status_reason for each in ended}:
            found = [each for each in ended if each.version.status_reason == reason]
            rows.append(
                {
                    "outcome": outcome,
                    "status_reason": reason,
                    "deal_count": len(found),
                    "value_usd": total(warehouse, found),
                    "share": len(found) / len(ended),
                    "converted_count": len(_usd(warehouse, found)),
                }
            )
    return rows


def search_funnel(warehouse: Warehouse) -> list[Row]:
    """marts.search_funnel"""
    as_of = warehouse.as_of
    found: dict[tuple[date, str | None], list[dict[str, Any]]] = defaultdict(list)
    for each in warehouse.deals.searches:
        if as_of and each["search_date"] <= as_of.date():
            found[each["search_date"].replace(day=1), each["partner_market"]].append(each)
    created = Counter(
        (month_of(each.created_at), each.version.texts["partner_market"])
        for each in oracle.counted(warehouse)
        if each.created_at
    )
    return [
        {
            "month": month,
            "partner_market": market,
            "page_views": len(searches),
            "profile_views": sum(bool(each["details_viewed"]) for each in searches),
            "contact_clicks": sum(bool(each["contact_button_clicked"]) for each in searches),
            "referrals_submitted": sum(bool(each["referral_submitted"]) for each in searches),
            "referrals_created": created[month, market],
        }
        for (month, market), searches in found.items()
    ]


def dates(warehouse: Warehouse) -> list[Row]:
    """marts.dates"""
    firsts = [
        *(row["day"] for row in oracle.flow_by_day(warehouse)[:1]),
        *(row["month"] for row in deal_trends(warehouse)[:1]),
    ]
    if not firsts or warehouse.as_of is None:
        return []
    today = warehouse.as_of.date()
    day, rows = date(min(firsts).year, 1, 1), []
    while day.year <= today.year + 1:
        rows.append(
            {
                "date": day,
                "year": day.year,
                "quarter": (day.month + 2) // 3,
                "month": day.month,
                "year_month": f"{day:%Y-%m}",
                "month_start": day.replace(day=1),
                "week_start": day - timedelta(days=day.weekday()),
                "day_of_week": day.isoweekday(),
                "is_weekend": day.isoweekday() in (6, 7),
                "is_past": day <= today,
            }
        )
        day += timedelta(days=1)
    return rows
