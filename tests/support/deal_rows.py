"""Rows of the tables that hold deals, as the tests write them."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

ENDINGS = ("won", "lost", "declined", "expired", "error")


@dataclass(frozen=True)
class DealVersion:
    """One row of partner_center.engagements; fields that are not given are null."""

    id: str
    fields: dict[str, Any]
    is_listed: bool
    valid_from: datetime
    valid_to: datetime | None

    def __getattr__(self, name: str) -> Any:
        return self.fields.get(name)

    @property
    def ending(self) -> str | None:
        named = (self.substatus or "").lower()
        return named if named in ENDINGS else None


def _owner(version: DealVersion) -> str | None:
    return (version.organization_id or "").strip() or None


@dataclass(frozen=True)
class Rate:
    """One row of partner_center.fx_rates."""

    currency_code: str
    month: date
    usd_per_unit: float
    origin: str = "partner_center"


@dataclass(frozen=True)
class Deals:
    """What the base tables of the second source hold: rows as dictionaries where not declared."""

    versions: list[DealVersion] = field(default_factory=list)
    tags: list[tuple[str, str, str]] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    searches: list[dict[str, Any]] = field(default_factory=list)

    def known(self, known_at: datetime | None) -> Iterator[list[DealVersion]]:
        """The versions of each deal of the account by known_at, oldest first."""
        by_id: dict[str, list[DealVersion]] = defaultdict(list)
        for version in sorted(self.versions, key=lambda each: each.valid_from):
            if known_at is None or version.valid_from <= known_at:
                by_id[version.id].append(version)
        owners = Counter(
            owner
            for history in by_id.values()
            if (owner := _owner(history[-1])) and owner.lower() != "msft"
        )
        account = min(owners, key=lambda owner: (-owners[owner], owner), default=None)
        for history in by_id.values():
            kept = [each for each in history if _owner(each) in (None, account)]
            if account is None:
                kept = history
            if kept:
                yield kept
