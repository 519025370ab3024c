"""A small Partner Center that changes from day to day, as the simulation's nights find it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest

from partner_center_sandbox import Sandbox
from partner_center_sandbox.behaviour import Behaviour, EngagementsBehaviour
from partner_center_sandbox.tokens import TokenUser
from support.records import NOW, referral

# What a narrower role does not see.
HIDDEN = ("r00",)
DATED = {"Accepted": "acceptedDate", "Won": "wonDate", "Lost": "lostDate"}

Row = tuple[Any, ...]


class Source:
    """The stand-in with records of all three resources, and what each should look like loaded."""

    def __init__(self, referral_count: int) -> None:
        records = [referral(f"r{number:02}") for number in range(referral_count)]
        self.sandbox = Sandbox(records, engagements=[], searches=[], now=NOW)

    def referral(self, referral_id: str) -> dict[str, Any] | None:
        """The referral as it is served now."""
        return next((each for each in self.sandbox.records() if each["id"] == referral_id), None)

    def deal(self, deal_id: str) -> dict[str, Any] | None:
        """The deal as it is served now."""
        deals = self.sandbox.engagements.records()
        return next((each for each in deals if each["id"] == deal_id), None)

    def behave(self, manners: "Manners") -> None:
        """Answer in this manner from now on."""
        manners.apply(self.sandbox.behaviour)

    def sign_in_as(self, user: str) -> None:
        """Issue tokens for this user from now on."""
        self.sandbox.behaviour.token_user = TokenUser(user_id=user)
        self.sandbox.revoke_access_tokens()

    @property
    def tokens(self) -> list[str]:
        """What opens the two APIs now."""
        return [self.sandbox.access_token, self.sandbox.engagements_access_token]

    def configure(
        self, patch: pytest.MonkeyPatch, resources: Sequence[str], page_size: int
    ) -> None:
        """Let loads in processes of their own come here."""
        access_token, engagements_access_token = self.tokens
        for name, value in {
            "BASE_URL": self.sandbox.base_url,
            "ENGAGEMENTS_BASE_URL": self.sandbox.base_url,
            "RESOURCES": json.dumps(resources),
            "PAGE_SIZE": str(page_size),
            "CREDENTIALS__ACCESS_TOKEN": access_token,
            "CREDENTIALS__ENGAGEMENTS_ACCESS_TOKEN": engagements_access_token,
        }.items():
            patch.setenv(f"SOURCES__PARTNER_CENTER__{name}", value)

    def hide(self) -> list[dict[str, Any]]:
        """Take away what a narrower role does not see, to be put back after the night."""
        hidden = [each for each in self.sandbox.records() if each["id"] in HIDDEN]
        for record in hidden:
            self.sandbox.delete(record["id"])
        return hidden

    def expected(self, resource: str) -> Any:
        """What a warehouse holds that is up to date: rows by id, for searches how many of each."""
        if resource == "referrals":
            readable = (each for each in self.sandbox.records() if not _is_odd(each))
            return {each["id"]: _referral_row(each) for each in readable}
        if resource == "engagements":
            return {each["id"]: _deal_row(each) for each in self.sandbox.engagements.records()}
        return Counter(_search_row(each) for each in self.sandbox.searches.records())

    def unreadable(self) -> Counter[str]:
        """How many referrals of each status no load can read."""
        return Counter(each["status"] for each in self.sandbox.records() if _is_odd(each))


def _is_odd(record: dict[str, Any]) -> bool:
    return str(record["id"]).startswith("odd")


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)


def _referral_row(record: dict[str, Any]) -> Row:
    dates = [_moment(record[name]) for name in ("createdDate", *DATED.values())]
    return (record["status"], record["customerName"], *dates)


def _deal_row(record: dict[str, Any]) -> Row:
    details = record["details"]
    kinds = sorted(each["id"] for each in details["requirements"]["industries"])
    value = Decimal(str(details["dealValue"]))
    return (record["substatus"], value, _moment(record["updatedDateTime"]), tuple(kinds))


def _search_row(record: dict[str, Any]) -> Row:
    moment = _moment(record["searchDate"])
    return (moment.date() if moment else None, record["keywordSearchText"])


@dataclass(frozen=True)
class ChangeReferral:
    """A referral comes or moves on; where `hours_ago` is None no date moves with it."""

    number: int
    status: str
    customer: str
    hours_ago: int | None
    created: str | None

    def apply(self, source: Source, now: datetime) -> None:
        """Make the change at the source."""
        name = f"r{self.number:02}"
        record = source.referral(name) or referral(name, createdDate=self.created)
        record |= {"status": self.status, "customerName": self.customer}
        if self.hours_ago is not None and self.status in DATED:
            moment = now - timedelta(hours=self.hours_ago)
            record[DATED[self.status]] = moment.isoformat()
        source.sandbox.put(record)


@dataclass(frozen=True)
class DeleteReferral:
    """A referral is gone."""

    number: int

    def apply(self, source: Source, now: datetime) -> None:
        """Make the change at the source."""
        name = f"r{self.number:02}"
        if source.referral(name):
            source.sandbox.delete(name)


@dataclass(frozen=True)
class SpoilReferral:
    """A record that cannot be read comes, or goes."""

    number: int
    comes: bool

    def apply(self, source: Source, now: datetime) -> None:
        """Make the change at the source."""
        name = f"odd{self.number}"
        if self.comes:
            source.sandbox.put(referral(name, wonDate="soon"))
        elif source.referral(name):
            source.sandbox.delete(name)


@dataclass(frozen=True)
class ChangeDeal:
    """A deal comes or moves on; where `hours_ago` is None its last change is not dated anew."""

    number: int
    substatus: str
    value: str
    industries: tuple[str, ...]
    hours_ago: int | None

    def apply(self, source: Source, now: datetime) -> None:
        """Make the change at the source."""
        deal_id = str(UUID(int=self.number + 1))
        known = source.deal(deal_id)
        updated = (now - timedelta(hours=self.hours_ago or 0)).isoformat()
        if known and self.hours_ago is None:
            updated = known["updatedDateTime"]
        source.sandbox.engagements.put(
            {
                "id": deal_id,
                "status": "Active",
                "substatus": self.substatus,
                "createdDateTime": known["createdDateTime"] if known else updated,
                "updatedDateTime": updated,
                "details": {
                    "dealValue": self.value,
                    "currency": "USD",
                    "requirements": {"industries": [{"id": name} for name in self.industries]},
                },
            }
        )


@dataclass(frozen=True)
class DeleteDeal:
    """A deal is gone."""

    number: int

    def apply(self, source: Source, now: datetime) -> None:
        """Make the change at the source."""
        deal_id = str(UUID(int=self.number + 1))
        if source.deal(deal_id):
            source.sandbox.engagements.delete(deal_id)


@dataclass(frozen=True)
class Search:
    """Customers searched, `days_ago` days ago."""

    days_ago: int
    text: str
    count: int

    def apply(self, source: Source, now: datetime) -> None:
        """Make the change at the source."""
        day = (now - timedelta(days=self.days_ago)).date()
        record = {"searchDate": f"{day}T00:00:00", "keywordSearchText": self.text}
        source.sandbox.searches.put(*[record] * self.count)


Move = ChangeReferral | DeleteReferral | SpoilReferral | ChangeDeal | DeleteDeal | Search


@dataclass(frozen=True)
class Manners:
    """How the server answers; the defaults are those of a good one."""

    envelope: Literal["Value", "items", "value", "array"] = "Value"
    has_total: bool = True
    total_offset: int = 0
    next_link: Literal["null", "none", "real"] = "null"
    short_pages: int | None = None
    ignores_skip: bool = False
    shuffle: bool = False
    refuses_filter: bool = False
    refuses_date_filter: bool = False
    refuses_groupby: bool = False
    grouped_limit: int | None = None
    deals: EngagementsBehaviour = field(default_factory=EngagementsBehaviour)

    def counts_right(self, resource: str) -> bool:
        """Whether the totals that it tells of a resource, if any, are those of its records."""
        if resource == "engagements":
            return not (self.deals.has_count and self.deals.count_offset)
        return not (self.has_total and self.total_offset)

    def apply(self, behaviour: Behaviour) -> None:
        """Let a stand-in behave so."""
        for each in fields(self):
            if each.name != "deals":
                setattr(behaviour, each.name, getattr(self, each.name))
        behaviour.engagements = self.deals
