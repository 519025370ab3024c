"""Makes up the searches of customers in which the partner came up.

`count` of them in the two years before the first day shown, then as many a day. Of the searches
30 % lead to the partner's profile, of these 25 % to its contact button and of these 60 % to a
referral. One in eight has no search text, one in twenty a text with leading blanks, one in forty an
`mpnId` that is a text. One in thirty appears three days late. One in a hundred is there twice, as
two equal rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from partner_center_sandbox.names import pick

_COMPANY = "Sandbox Partner"
_MPN_ID = 1234567
_COUNTRIES = ("US", "US", "US", "GB", "DE", "FR", "JP", "BR", "IN", "CA")
_INDUSTRIES = ("Manufacturing", "Retail", "Healthcare", "Education", "Financial services")
_PRODUCTS = ("Azure", "Dynamics 365", "Microsoft 365", "Power BI", "Windows 365")
_TEXTS = ("erp migration", "crm", "cloud backup", "data warehouse", "security", "größe & maß")
_MARKETS = ("US", "US", "US", "GB", "DE")


@dataclass(slots=True)
class _Search:
    record: dict[str, Any]
    appears_at: datetime


class GeneratedSearches:
    """Searches as they stand `days` days before `now`, then day by day until `now`."""

    def __init__(self, count: int, seed: int, now: datetime, days: int) -> None:
        self._count = count
        self._seed = seed
        self._first = now - timedelta(days=days)
        self._last = now
        self._shown_until = self._first
        self._searches: list[_Search] = []

    def records(self) -> Iterator[dict[str, Any]]:
        """The searches of the day that is shown now."""
        self._searches = self._searches or list(self._simulate())
        for search in self._searches:
            if search.appears_at < self._shown_until:
                yield search.record

    def next_day(self) -> list[dict[str, Any]]:
        """Show one more day; the searches that appear with it, none where none were asked for."""
        yesterday, self._shown_until = self._shown_until, self._shown_until + timedelta(days=1)
        return [
            search.record
            for search in self._searches
            if yesterday <= search.appears_at < self._shown_until
        ]

    def _simulate(self) -> Iterator[_Search]:
        random = Random(f"searches {self._seed}")  # noqa: S311 - has to be repeatable
        start = self._first - timedelta(days=730)
        per_day = self._count / 730
        for index in range(self._count + round(per_day * (self._last - self._first).days)):
            at = start + timedelta(days=(index + random.random()) / max(per_day, 0.001))
            delay = 3 if random.random() < 1 / 30 else 0
            search = _Search(_record(at, random), at + timedelta(days=delay))
            yield search
            if random.random() < 0.01:
                yield search


def _record(at: datetime, random: Random) -> dict[str, Any]:
    is_viewed = random.random() < 0.3
    is_clicked = is_viewed and random.random() < 0.25
    text: str | None = pick(random, _TEXTS)
    draw = random.random()
    if draw < 0.125:
        text = None
    elif draw < 0.175:
        text = f"  {text}"
    return {
        "companyName": _COMPANY,
        "contactButtonClicked": is_clicked,
        "detailsViewed": is_viewed,
        "referralSubmitted": is_clicked and random.random() < 0.6,
        "keywordCountry": pick(random, _COUNTRIES),
        "keywordIndustryFocus": pick(random, _INDUSTRIES),
        "keywordProduct": pick(random, _PRODUCTS),
        "keywordSearchText": text,
        "mpnId": str(_MPN_ID) if random.random() < 1 / 40 else _MPN_ID,
        "partnerMarket": pick(random, _MARKETS),
        "searchDate": at.date().isoformat(),
    }
