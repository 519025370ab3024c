"""Simulates the lives of made-up referrals, from creation to their end.

How they go: response times are log-normal (median 12 hours under the process until January 2019,
20 hours since). Who does not answer in time is missed (old process) or expired (new one). Of the
answers one in eight is a skip (old process only) and one in five a decline. One in eight new
referrals is a deal that its partner made itself, accepted within 20 seconds. Of the accepted, 25 to
50 % are won, by market, after a median of 35 days; one in twelve is never closed. One in ten closed
referrals is archived about two months later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp
from random import Random

from partner_center_sandbox.names import customer_name, pick

# When Microsoft took the step "acknowledged" out of the process.
NEW_PROCESS_SINCE = datetime(2019, 1, 17)
FIRST_DAY = datetime(2017, 2, 1)

# Market: per cent of the customers, share of accepted referrals that are won.
_MARKETS = {
    "US": (38, 0.42),
    "GB": (14, 0.38),
    "DE": (13, 0.35),
    "FR": (9, 0.33),
    "JP": (8, 0.50),
    "BR": (7, 0.25),
    "IN": (6, 0.28),
    "CA": (5, 0.45),
}
_CUSTOMER_MARKETS = tuple(name for name, (share, _) in _MARKETS.items() for _ in range(share))
_PARTNER_MARKETS = ("US", "US", "US", "GB", "DE")

# Partner Center has used two scales at once ("Partner Center referral resources").
_ORG_SIZES = (
    "1to9employees",
    "10to50employees",
    "10to50employees",
    "51to250employees",
    "51to250employees",
    "251to1000employees",
    "1001to5000employees",
    "5001to10000employees",
    "10001to20000employees",
    "Morethan20000employees",
    "1to50employees",
    "51to500employees",
    "Morethan500employees",
)


@dataclass(slots=True)
class Life:
    """All that ever happens to one referral; `milestones` in the order in which they come.

    `fate` is a number from 0 to 1 by which the rendering decides how dirty the record is.
    """

    texts: dict[str, str | None]
    milestones: dict[str, datetime]
    fate: float


def simulate_lives(count: int, seed: int, first: datetime, last: datetime) -> Iterator[Life]:
    """`count` lives that begin before `first`, then those that begin from there to `last`.

    In order of creation, more of them in later years. Whole seconds. On the first day after
    `first` at least as many move on as are born, if so many wait for somebody's decision.
    """
    random = Random(seed)  # noqa: S311 - made-up lives have to be repeatable
    start = min(FIRST_DAY, first - timedelta(days=365))
    seconds = int((first - start).total_seconds())
    births_per_day = max(5, round(1.5 * count / (seconds / 86_400)))
    number, hurried = 112_310, 0
    for index in range(count):
        # The 3/2 makes the density grow with the square root of time.
        share = ((index + random.random()) / count) ** (2 / 3)
        life = _life(number + index, start + timedelta(seconds=int(seconds * share)), random)
        if hurried < births_per_day and max(life.milestones.values()) >= first:
            hurried += _hurry(life.milestones, first)
        yield life
    days = (last - first).days
    for index in range(days * births_per_day):
        share = (index + random.random()) / (days * births_per_day)
        created = first + timedelta(seconds=int((last - first).total_seconds() * share))
        yield _life(number + count + index, created, random)


def _life(number: int, created: datetime, random: Random) -> Life:
    market = pick(random, _CUSTOMER_MARKETS)
    texts = {
        "id": str(number),
        "customerMarket": market,
        "customerName": customer_name(random),
        "customerOrgSize": pick(random, _ORG_SIZES),
        "partnerMarket": pick(random, _PARTNER_MARKETS),
    }
    milestones = {"created": created}
    if created < NEW_PROCESS_SINCE:
        _answer_under_the_old_process(milestones, random)
    else:
        _answer_under_the_new_process(milestones, random)
    if "accepted" in milestones:
        _close(milestones, _MARKETS[market][1], random)
    _archive(milestones, random)
    return Life(texts, milestones, random.random())


def _answer_under_the_old_process(milestones: dict[str, datetime], random: Random) -> None:
    """Skipped, missed after 72 hours, or acknowledged; then accepted, declined or expired."""
    created = milestones["created"]
    response = _some_time(random, median_hours=12, spread=1.3)
    if response > timedelta(hours=72):
        milestones["missed"] = created + timedelta(hours=72)
    elif random.random() < 0.125:
        milestones["skipped"] = created + response
    else:
        acknowledged = milestones["acknowledged"] = created + response
        _decide(milestones, acknowledged, timedelta(days=7), random)


def _answer_under_the_new_process(milestones: dict[str, datetime], random: Random) -> None:
    """Accepted, declined or expired after 14 days; deals of a partner's own are born accepted."""
    created = milestones["created"]
    if random.random() < 0.125:
        milestones["accepted"] = created + timedelta(seconds=random.randrange(20))
    else:
        _decide(milestones, created, timedelta(days=14), random)


def _decide(
    milestones: dict[str, datetime], since: datetime, patience: timedelta, random: Random
) -> None:
    decision = _some_time(random, median_hours=20, spread=1.8)
    if decision > patience:
        milestones["expired"] = since + patience
    else:
        milestones["declined" if random.random() < 0.2 else "accepted"] = since + decision


def _close(milestones: dict[str, datetime], win_rate: float, random: Random) -> None:
    """Won, lost, or left accepted for good."""
    accepted, draw = milestones["accepted"], random.random()
    if draw < win_rate:
        milestones["won"] = accepted + _some_time(random, median_hours=35 * 24, spread=0.9)
    elif draw < 1 - 1 / 12:
        milestones["lost"] = accepted + _some_time(random, median_hours=28 * 24, spread=1.1)


def _archive(milestones: dict[str, datetime], random: Random) -> None:
    # One in a hundred is filed away although nothing came of it.
    is_closed = not milestones.keys() <= {"created", "acknowledged", "accepted"}
    if random.random() < (0.1 if is_closed else 0.01):
        latest = max(milestones.values())
        milestones["archived"] = latest + _some_time(random, median_hours=60 * 24, spread=0.4)


def _hurry(milestones: dict[str, datetime], day: datetime) -> bool:
    """Bring what comes next into this day, whole days earlier, unless a clock decides on it."""
    coming = {name: moment for name, moment in milestones.items() if moment >= day}
    name = next(iter(coming))
    if name in ("missed", "expired", "archived"):
        return False
    shift = timedelta(days=(coming[name] - day).days)
    milestones.update({name: moment - shift for name, moment in coming.items()})
    return True


def _some_time(random: Random, median_hours: float, spread: float) -> timedelta:
    """A log-normal duration in whole seconds, at least one."""
    return timedelta(seconds=1 + int(median_hours * 3600 * exp(random.gauss(0, spread))))
