"""The made-up deals are repeatable, coherent, and as hard to read as stated."""

from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from partner_center_sandbox import Sandbox
from partner_center_sandbox.engagements.generator import OUR_ORGANIZATION, GeneratedDeals

NOW = datetime(2024, 1, 31, 12)


def generated() -> GeneratedDeals:
    return GeneratedDeals(3_000, 7, NOW, days=1)


@pytest.fixture(scope="module")
def deals() -> list[dict[str, Any]]:
    return list(generated().records())


def share(deals: list[dict[str, Any]], count: int) -> float:
    return count / len(deals)


def test_same_seed_gives_the_same_deals(deals: list[dict[str, Any]]) -> None:
    """Deals can be made again; their ids are unique, their number is about the one asked for."""
    assert deals == list(generated().records())
    assert len(deals) == len({deal["id"] for deal in deals})
    assert 3_000 == pytest.approx(len(deals), rel=0.05)


def test_dates_come_in_order(deals: list[dict[str, Any]]) -> None:
    """Own deals are accepted up to 0.7 s before creation, nothing lies after the day shown."""
    early = 0
    for deal in deals:
        created, updated = (
            datetime.fromisoformat(deal[name]) for name in ("createdDateTime", "updatedDateTime")
        )
        assert created <= updated < datetime.fromisoformat("2024-01-30T12:00:02Z")
        if deal["acceptedDateTime"]:
            lead = (created - datetime.fromisoformat(deal["acceptedDateTime"])).total_seconds()
            assert lead <= 0.7
            early += lead > 0
        assert (deal["status"] == "Closed") == (deal["closedDateTime"] is not None)
    assert early > len(deals) / 3


def test_all_endings_occur(deals: list[dict[str, Any]]) -> None:
    """Every substatus that ends a deal is among them, errors too."""
    endings = {deal["substatus"] for deal in deals if deal["status"] == "Closed"}
    assert {"Won", "Lost", "Declined", "Expired", "Error"} == endings


def test_twins_share_an_engagement_and_what_it_says(deals: list[dict[str, Any]]) -> None:
    """Rows of one engagement belong to different organisations and agree on the customer."""
    owners: dict[str, dict[str, Any]] = {}
    for deal in deals:
        owners.setdefault(deal["engagementId"], {})[deal["organizationId"]] = deal
    assert len(deals) == sum(len(rows) for rows in owners.values())
    twins = [rows for rows in owners.values() if "msft" in rows and OUR_ORGANIZATION in rows]
    assert twins
    for rows in twins:
        assert (
            rows["msft"]["customerProfile"]["name"]
            == (rows[OUR_ORGANIZATION]["customerProfile"]["name"])
        )


def test_values_and_names_are_hard_in_the_stated_shares(deals: list[dict[str, Any]]) -> None:
    """Values are missing or texts, sizes come in two scales or not at all, names have entities."""
    kinds = Counter(type(deal["details"]["dealValue"]).__name__ for deal in deals)
    assert 0.10 == pytest.approx(share(deals, kinds["NoneType"]), abs=0.03)
    assert 0.05 == pytest.approx(share(deals, kinds["str"]), abs=0.02)
    sizes = {deal["customerProfile"]["size"] for deal in deals}
    assert {"", "1to9employees", "1to50employees"} <= sizes
    entities = sum("&amp;" in deal["name"] for deal in deals)
    assert 0.125 == pytest.approx(share(deals, entities), abs=0.03)
    assert 6 == len({deal["details"]["currency"] for deal in deals})


def test_next_day_adds_and_changes_deals() -> None:
    """A day later there are new deals, others changed, some of them expect to close later."""
    made = generated()
    before = {deal["id"]: deal for deal in made.records()}
    after = {deal["id"]: deal for deal in made.next_day()}
    assert after.keys() - before.keys()
    changed = after.keys() & before.keys()
    assert changed and all(
        before[key]["updatedDateTime"] < after[key]["updatedDateTime"] for key in changed
    )
    slipped = [
        key
        for key in changed
        if before[key]["details"]["closingDateTime"] < after[key]["details"]["closingDateTime"]
    ]
    assert slipped


def test_sandbox_shows_the_next_day_of_deals() -> None:
    """`next_day` reaches the deals too; a deleted one stays away."""
    with Sandbox(count=2_000, now=NOW) as sandbox:
        before = sandbox.engagements.records()
        sandbox.engagements.delete(before[0]["id"])
        sandbox.next_day()
        after = sandbox.engagements.records()
    assert after != before[1:]
    assert before[0]["id"] not in {deal["id"] for deal in after}
