"""Deals made up at random, the odd ones above all."""

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from support.deal_rows import Deals, DealVersion, Rate
from support.oracle import Version

START = datetime(2018, 12, 27, 9, 30)
LOADS = [START + timedelta(days=30 * number, hours=3) for number in range(1, 5)]
OURS, PARTNER = "0a-our-organization", "0b-a-partner"
DAYS = (0, 0, 1, 4, 5, 35, 36, 60, 63, 90, 95, 125, 400)
SECONDS = (0, 0, 30, 52_200)
CHOICES: dict[str, list[Any]] = {
    "engagement_id": ["E1", "E2", None],
    "name": ["Migration"],
    "external_reference_id": [None, "CRM-1"],
    "status": ["New", "Active", "Closed"],
    "substatus": [
        "Pending",
        "Accepted",
        "Won",
        "won",
        "Lost",
        "Declined",
        "Expired",
        "Error",
        None,
    ],
    "status_reason": ["Price", "Timing", "", None],
    "type": ["Shared", "Independent", "independent", None],
    "qualification": ["Direct", "MarketingQualified", "SalesQualified", "None", None],
    "direction": ["Incoming", "Outgoing", "", None],
    "sales_stage": ["60", "Qualify", "develop", "Propose", "Close", "5", "100", "110", "25%", None],
    "microsoft_msx_id": [None, "", " ", "7-ABC"],
    "invited_by_organization_id": ["msft", OURS, PARTNER, " ", None],
    "assistance_request_code": [None, "", " ", "Workload"],
    "is_shared_with_microsoft": [True, False, None],
    "customer_name": ["Contoso", "Fabrikam", ""],
    "customer_size": ["1to9employees", None],
    "customer_country": ["US", "DE", None, "all"],
    "deal_value": [
        Decimal("1000.50"),
        Decimal(0),
        None,
        Decimal("99999999.99"),
        Decimal(200),
        Decimal("-50000000"),
    ],
    "currency": ["USD", "EUR", "eur", "GBP", "JPY", "", None],
}
DATES = {
    "created_date_time": 0.95,
    "accepted_date_time": 0.6,
    "closed_date_time": 0.6,
    "closing_date_time": 0.8,
    "updated_date_time": 0.9,
}
RATES = [
    Rate("EUR", date(2018, 11, 1), 1.12),
    Rate("EUR", date(2019, 1, 1), 1.15),
    Rate("EUR", date(2019, 1, 1), 1.25, "file"),
    Rate("EUR", date(2019, 4, 1), 1.18),
    Rate("GBP", date(2019, 2, 1), 1.3),
    Rate("USD", date(2019, 2, 1), 1.0),
]


def crowded_deals(referrals: list[Version]) -> Deals:
    """A few hundred deals, some of which stand in `referrals` too."""
    chance = random.Random(12)
    versions: list[DealVersion] = []
    for number in range(250):
        deal_id = f"D{number}" if number > 20 else f"R{number}"
        owner = chance.choice([OURS, OURS, PARTNER, "msft", "", "", "", " ", None])
        since = sorted(chance.sample(LOADS, chance.choice([1, 1, 2, 3])))
        fields: dict[str, Any] = {}
        for valid_from, valid_to in zip(since, [*since[1:], None], strict=True):
            fields = {**_fields(chance), "organization_id": owner}
            if referrals and number % 4 == 0:
                fields |= _same_as(chance.choice(referrals))
            versions.append(DealVersion(deal_id, fields, True, valid_from, valid_to))
    return Deals(versions, _tags(chance), RATES, [_search(chance) for _ in range(200)])


def _moment(chance: random.Random) -> datetime:
    return START + timedelta(chance.choice(DAYS), chance.choice(SECONDS))


def _fields(chance: random.Random) -> dict[str, Any]:
    texts = {name: chance.choice(values) for name, values in CHOICES.items()}
    dates = {name: _moment(chance) for name, share in DATES.items() if chance.random() < share}
    return texts | dates


def _same_as(referral: Version) -> dict[str, Any]:
    """What a deal and a referral have in common where they are the same; the rest may differ."""
    return {
        "created_date_time": referral.dates["created"],
        "customer_name": referral.texts["customer_name"],
        "customer_country": referral.texts["customer_market"],
    }


def _tags(chance: random.Random) -> list[tuple[str, str, str]]:
    return sorted(
        {
            (f"D{number}", kind, chance.choice(["Azure", "Retail", "all"]))
            for number in range(250)
            for kind in ("solution_area", "industry", "product")
            for _ in range(chance.choice([0, 1, 2]))
        }
    )


def _search(chance: random.Random) -> dict[str, Any]:
    return {
        "search_date": _moment(chance).date(),
        "partner_market": chance.choice(["US", None]),
        "details_viewed": chance.choice([True, False, None]),
        "contact_button_clicked": chance.choice([True, False]),
        "referral_submitted": chance.choice([True, False]),
    }
