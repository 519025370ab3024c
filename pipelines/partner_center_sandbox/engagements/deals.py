"""Simulates the lives of made-up deals: each is a list of changes to its record.

Of 100 engagements 40 are leads (25 of the marketplace, 15 qualified by Microsoft) and 10 come from
another partner: accepted after a median of 20 hours, declined (one in five), or expired after 14
days. The other 50 are the partner's own (30 co-sell, 12 partner-led, 8 private): accepted up to 0.7
seconds before they are created. Of the accepted, 40 % are won and 35 % lost after a median of 50
days, the others stay open; one in 70 is closed as an error. The expected close moves later up to
four times, the value changes once in three deals. A closed deal is never opened again.

Co-sell deals have a twin of Microsoft in the same engagement, one in eight deals that is no lead
also a twin of another partner: rows of their own with the same life, written a moment later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp
from random import Random
from typing import Any

LEADS = ("marketplace", "qualified")
OWN = ("co-sell", "partner-led", "private")
_KINDS = (
    ("marketplace",) * 25 + ("qualified",) * 15 + ("invited",) * 10
    + ("co-sell",) * 30 + ("partner-led",) * 12 + ("private",) * 8
)  # fmt: skip
_LIFETIME = timedelta(days=14)

Change = tuple[datetime, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Deal:
    """One row of the listing; `changes` in order of time, the first of them its creation.

    `seed` decides what the simulation does not; rows of one engagement have the same.
    `owner` is "partner", "msft" or "other". `closing` is the first expected close.
    """

    owner: str
    kind: str
    seed: str
    created: datetime
    closing: datetime
    changes: list[Change]


def simulate_deals(count: int, seed: int, first: datetime, last: datetime) -> list[Deal]:
    """About `count` deals created in the two years before `first`, and as many a day to `last`.

    In order of creation.
    """
    random = Random(f"deals {seed}")  # noqa: S311 - has to be repeatable
    start = first - timedelta(days=730)
    # An engagement has 1.4 rows on average.
    per_day = max(count, 1) / 1.4 / 730
    deals: list[Deal] = []
    for index in range(round(per_day * (last - start).days) if count else 0):
        created = start + timedelta(days=(index + random.random()) / per_day)
        deals += _engagement(created, f"{seed}-{index}", random)
    return sorted(deals, key=lambda deal: deal.created)


def _engagement(created: datetime, seed: str, random: Random) -> Iterator[Deal]:
    kind = _KINDS[int(random.random() * len(_KINDS))]
    closing = created + timedelta(days=30 + int(random.random() * 150))
    ours = Deal("partner", kind, seed, created, closing, _changes(created, closing, kind, random))
    yield ours
    if kind == "co-sell":
        yield _twin(ours, "msft", timedelta(milliseconds=700))
    if kind not in LEADS and random.random() < 0.125:
        yield _twin(ours, "other", timedelta(seconds=40))


def _twin(deal: Deal, owner: str, delay: timedelta) -> Deal:
    changes = [(at + delay, _delayed(facts, delay)) for at, facts in deal.changes]
    return Deal(owner, deal.kind, deal.seed, deal.created + delay, deal.closing, changes)


def _delayed(facts: dict[str, Any], delay: timedelta) -> dict[str, Any]:
    dates = ("acceptedDateTime", "closedDateTime")
    return facts | {name: facts[name] + delay for name in dates if name in facts}


def _changes(created: datetime, closing: datetime, kind: str, random: Random) -> list[Change]:
    if kind in OWN:
        accepted = created - timedelta(microseconds=int(random.random() * 700_000))
        facts = {"status": "Active", "substatus": "Accepted", "acceptedDateTime": accepted}
        changes: list[Change] = [(created, facts)]
    else:
        changes = [(created, {"status": "New", "substatus": "Received"})]
        wait = timedelta(hours=20 * exp(random.gauss(0, 1.8)))
        if wait > _LIFETIME:
            return [*changes, _end(created + _LIFETIME, "Expired")]
        if random.random() < 0.2:
            return [*changes, _end(created + wait, "Declined")]
        accepted = created + wait
        facts = {"status": "Active", "substatus": "Accepted", "acceptedDateTime": accepted}
        changes.append((accepted, facts))
    return changes + _after_acceptance(accepted, closing, random)


def _after_acceptance(accepted: datetime, closing: datetime, random: Random) -> list[Change]:
    draw = random.random()
    changes: list[Change] = []
    end = accepted + timedelta(days=50 * exp(random.gauss(0, 0.9)))
    is_closed = draw < 0.75 + 1 / 70
    if random.random() < 1 / 3:
        at = accepted + timedelta(days=random.random() * 40)
        changes.append((at, {"valueFactor": 0.6 + random.random()}))
    for number in range(int(random.random() * 5)):
        closing += timedelta(days=14 + int(random.random() * 40))
        at = accepted + timedelta(days=10 + 25 * number + random.random() * 10)
        changes.append((at, {"closing": closing}))
    if is_closed:
        substatus = "Won" if draw < 0.4 else "Lost" if draw < 0.75 else "Error"
        changes = [change for change in changes if change[0] < end]
        changes.append(_end(end, substatus))
    return sorted(changes, key=lambda change: change[0])


def _end(at: datetime, substatus: str) -> Change:
    return at, {"status": "Closed", "substatus": substatus, "closedDateTime": at}
