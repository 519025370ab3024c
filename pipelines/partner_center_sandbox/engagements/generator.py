"""Shows simulated deals as the engagements API would on some day.

Stated shares: one value in ten is missing and one in twenty a text; one customer in four has no
size, the others one of two scales; one name in eight has HTML entities, one in eight a trailing
blank. Six currencies. One lost or declined deal in six has no
reason. Contacts, notes and addresses are
made up and recognisable (`sandbox-contact`), so that a test can look for them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from partner_center_sandbox.engagements.deals import LEADS, OWN, Deal, simulate_deals
from partner_center_sandbox.names import customer_name, pick

OUR_ORGANIZATION = "7d3c5b1e-2f64-4a8b-9c0d-1e5f6a7b8c90"
OTHER_ORGANIZATION = "3f0a9c2d-84b7-4d16-a5e3-6c7d8e9fa0b1"
_OWNERS = {
    "partner": (OUR_ORGANIZATION, "Sandbox Partner"),
    "msft": ("msft", "Microsoft"),
    "other": (OTHER_ORGANIZATION, "Other Partner"),
}
_COUNTRIES = ("US", "US", "US", "GB", "DE", "FR", "JP", "BR", "IN", "CA")
_CURRENCIES = ("USD", "USD", "USD", "EUR", "EUR", "GBP", "JPY", "BRL", "INR")
_SIZES = ("1to9employees", "10to50employees", "51to250employees", "1to50employees",
          "51to500employees", "Morethan500employees")  # fmt: skip
_STAGES = ("", "20", "40", "60", "80", "Qualify", "Develop", "Propose", "Close")
_SOLUTIONS = ("Azure", "Dynamics 365", "Microsoft 365", "Power BI")
_AREAS = ("Infrastructure", "Data and AI", "Modern work", "Security")
_INDUSTRIES = ("Manufacturing", "Retail", "Healthcare", "Education")
_REASONS = ("Price", "Lost to a competitor", "No budget", "Customer decided otherwise")


class GeneratedDeals:
    """Deals as they stand `days` days before `now`, then day by day until `now`.

    About `count` of them at first. The same arguments give the same records on every machine.
    """

    def __init__(self, count: int, seed: int, now: datetime, days: int) -> None:
        self._count, self._seed = count, seed
        self._last = now.replace(microsecond=0)
        self._first = self._shown_until = self._last - timedelta(days=days)
        self._deals: list[Deal] | None = None

    def records(self) -> Iterator[dict[str, Any]]:
        """The deals of the day that is shown now, in order of creation."""
        if self._deals is None:
            self._deals = simulate_deals(self._count, self._seed, self._first, self._last)
        for deal in self._deals:
            if deal.changes[0][0] < self._shown_until:
                yield record_of(deal, self._shown_until)

    def next_day(self) -> list[dict[str, Any]]:
        """Show one more day; the deals that are new or changed, none where none were asked for."""
        yesterday, self._shown_until = self._shown_until, self._shown_until + timedelta(days=1)
        return [
            record_of(deal, self._shown_until)
            for deal in self._deals or ()
            if any(yesterday <= at < self._shown_until for at, _ in deal.changes)
        ]


def record_of(deal: Deal, until: datetime) -> dict[str, Any]:
    """The deal as the API shows it just before `until`."""
    facts: dict[str, Any] = {"closing": deal.closing, "valueFactor": 1.0}
    updated = deal.created
    for at, changed in deal.changes:
        if at < until:
            facts |= changed
            updated = max(updated, at)
    # The same for all rows of the engagement, whatever day is shown.
    random = Random(f"deal {deal.seed}")  # noqa: S311 - has to be repeatable
    engagement_id = str(UUID(int=random.getrandbits(128), version=4))
    customer, details = _customer(random), _details(random, facts)
    organization_id, organization_name = _OWNERS[deal.owner]
    record_id = Random(f"deal {deal.seed} {deal.owner}").getrandbits(128)  # noqa: S311
    return {
        "id": str(UUID(int=record_id, version=4)),
        "engagementId": engagement_id,
        "name": _deal_name(random, customer["name"]),
        "organizationId": organization_id,
        "organizationName": organization_name,
        "createdDateTime": wire_date(deal.created),
        "updatedDateTime": wire_date(updated),
        "expirationDateTime": wire_date(deal.created + timedelta(days=14)),
        "acceptedDateTime": wire_date(facts.get("acceptedDateTime")),
        "closedDateTime": wire_date(facts.get("closedDateTime")),
        "status": facts["status"],
        "substatus": facts["substatus"],
        "statusReason": _status_reason(random, facts["substatus"]),
        "direction": "Incoming",
        "salesStage": pick(random, _STAGES) or None,
        **_process(deal.kind, random),
        "customerProfile": customer,
        "details": details,
        "team": [{"email": f"sandbox-contact-{record_id % 1000}@partner.example"}],
    }


def wire_date(moment: datetime | None) -> str | None:
    """The date as the API writes it: fractions without trailing zeros, and `Z`."""
    if moment is None:
        return None
    text = moment.isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def _process(kind: str, random: Random) -> dict[str, Any]:
    """What tells the category and the type of the deal, and who made it."""
    inviter = OUR_ORGANIZATION if kind in OWN else "msft" if kind in LEADS else OTHER_ORGANIZATION
    name = next(name for known, name in _OWNERS.values() if known == inviter)
    accepted_by_microsoft = kind == "co-sell" and random.random() < 0.6
    return {
        "type": "Independent" if kind in LEADS or kind == "private" else "Shared",
        "qualification": "Direct" if kind == "marketplace" else "SalesQualified",
        "consent": {"consentToShareReferralWithMicrosoftSellers": kind != "private"},
        "inviteContext": {
            "assistanceRequestCode": "Workload" if kind == "co-sell" else None,
            "invitedBy": {"organizationId": inviter, "organizationName": name},
        },
        "trackingInfo": {"microsoftMsxId": "7-SANDBOX" if accepted_by_microsoft else None},
    }


def _customer(random: Random) -> dict[str, Any]:
    return {
        "name": customer_name(random),
        "size": pick(random, _SIZES) if random.random() < 0.75 else "",
        "address": {
            "country": pick(random, _COUNTRIES),
            "addressLine1": "1 sandbox-contact Street",
        },
        "team": [{"firstName": "sandbox-contact", "email": "sandbox-contact@customer.example"}],
    }


def _details(random: Random, facts: dict[str, Any]) -> dict[str, Any]:
    value = round(20_000 * _size_factor(random) * float(facts["valueFactor"]), 2)
    draw = random.random()
    solution = pick(random, _SOLUTIONS)
    area = {"type": "SolutionArea", "id": pick(random, _AREAS)}
    return {
        "notes": "Ask sandbox-contact on the phone.",
        "dealValue": None if draw < 0.1 else str(value) if draw < 0.15 else value,
        "currency": pick(random, _CURRENCIES),
        "closingDateTime": wire_date(facts["closing"]),
        "requirements": {
            "industries": [{"id": pick(random, _INDUSTRIES)}],
            "products": [],
            "services": [],
            "solutions": [{"id": solution, "name": solution, "type": "Name"}],
            "additionalRequirements": {"attributes": [area]},
        },
    }


def _size_factor(random: Random) -> float:
    """A log-normal factor: most deals are small, a few very large."""
    return random.lognormvariate(0, 1.2)


def _deal_name(random: Random, customer: str | None) -> str:
    draw = random.random()
    joint = "&amp;" if draw < 0.125 else "and"
    return f"Cloud {joint} data for {customer or 'a customer'}{' ' if draw > 0.875 else ''}"


def _status_reason(random: Random, substatus: str) -> str | None:
    reason, is_given = pick(random, _REASONS), random.random() > 1 / 6
    match substatus:
        case "Lost" | "Declined" if is_given:
            return reason
        case "Error":
            return "Duplicate"
    return None
