"""Shows a simulated life as the endpoint would on some day, now and then with a flaw.

Flaws per 10,000 referrals, each only where it applies: 10 won 90 seconds before creation, 10 with a
status that contradicts the dates, 10 with a terminal status but not its date, 10 both lost and won,
10 accepted before acknowledged, 10 without created date, 10 of unknown status, 20 of unknown
organisation size, 400 without organisation size, 100 without market, 5 with a numeric id, 3 with a
date that nobody can read. In form: 200 write their dates with a `Z`, 200 with seven digits of
seconds, 100 with an offset; 200 write `0001-01-01T00:00:00` for a date that is not set, 100 leave
it out. No record has two of these.
"""

from bisect import bisect
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from partner_center.errors import UsageError
from partner_center.schema.fields import DATE_FIELDS, TERMINAL_MILESTONES
from partner_center_sandbox.lives import Life, simulate_lives

Record = dict[str, Any]


class GeneratedReferrals:
    """Referrals of a partner as they stand `days` days before `now`, then day by day until `now`.

    `count` of them at first. The same arguments give the same records on every machine; no date
    lies after the day that is shown.
    """

    def __init__(self, count: int, seed: int, now: datetime, days: int) -> None:
        self._last = now.replace(microsecond=0)
        self._shown_until = self._last - timedelta(days=days)
        self._lives = simulate_lives(count, seed, self._shown_until, self._last)
        # Lives that go on after the first day; a million others need not be kept.
        self._unfinished: list[Life] = []

    def first_day(self) -> Iterator[Record]:
        """The records of the first day, in order of creation. To be read to its end, once."""
        for life in self._lives:
            if max(life.milestones.values()) >= self._shown_until:
                self._unfinished.append(life)
            if life.milestones["created"] < self._shown_until:
                yield record_of(life, self._shown_until)

    def next_day(self) -> list[Record]:
        """The records that are new or other than the day before."""
        if self._shown_until == self._last:
            raise UsageError("The sandbox has come to its last day; start it again.")
        yesterday, self._shown_until = self._shown_until, self._shown_until + timedelta(days=1)
        return [
            record_of(life, self._shown_until)
            for life in self._unfinished
            if any(yesterday <= moment < self._shown_until for moment in life.milestones.values())
        ]


def record_of(life: Life, until: datetime) -> Record:
    """The life as the endpoint shows it just before `until`, with its flaw if it has one."""
    dates: dict[str, str | None] = dict.fromkeys(DATE_FIELDS)
    status = ""
    for milestone, moment in life.milestones.items():
        if moment < until:
            status = milestone
            dates[f"{milestone}Date"] = moment.isoformat()
    record = {
        "id": life.texts["id"],
        "status": "New" if status == "created" else status.capitalize(),
        **life.texts,
        **dates,
    }
    flaw = bisect(_UP_TO, life.fate * 10_000)
    if flaw < len(_FLAWS):
        _FLAWS[flaw][1](record)
    return record


def _won_before_creation(record: Record) -> None:
    if record["wonDate"]:
        created = datetime.fromisoformat(record["createdDate"])
        record["wonDate"] = (created - timedelta(seconds=90)).isoformat()


def _status_contradicts_dates(record: Record) -> None:
    if record["status"] in ("Won", "Lost"):
        record["status"] = "Accepted"


def _terminal_without_date(record: Record) -> None:
    if record["status"].lower() in TERMINAL_MILESTONES:
        record[f"{record['status'].lower()}Date"] = None


def _lost_and_won(record: Record) -> None:
    if record["wonDate"]:
        record["lostDate"] = record["wonDate"]


def _accepted_before_acknowledged(record: Record) -> None:
    if record["acknowledgedDate"] and record["acceptedDate"]:
        earlier, later = record["acknowledgedDate"], record["acceptedDate"]
        record["acknowledgedDate"], record["acceptedDate"] = later, earlier


def _numeric_id(record: Record) -> None:
    record["id"] = int(record["id"])


def _with(field: str, value: str | None) -> Callable[[Record], None]:
    return lambda record: record.update({field: value})


def _dates_ending_in(suffix: str) -> Callable[[Record], None]:
    def spell(record: Record) -> None:
        record.update({name: record[name] + suffix for name in DATE_FIELDS if record[name]})

    return spell


def _sentinel_dates(record: Record) -> None:
    record.update({name: "0001-01-01T00:00:00" for name in DATE_FIELDS if not record[name]})


def _absent_dates(record: Record) -> None:
    for name in DATE_FIELDS:
        if record[name] is None:
            del record[name]


# How many of 10,000 lives have the flaw.
_FLAWS: tuple[tuple[int, Callable[[Record], None]], ...] = (
    (10, _won_before_creation),
    (10, _status_contradicts_dates),
    (10, _terminal_without_date),
    (10, _lost_and_won),
    (10, _accepted_before_acknowledged),
    (10, _with("createdDate", None)),
    (10, _with("status", "InReview")),
    (20, _with("customerOrgSize", "Unknown")),
    (400, _with("customerOrgSize", None)),
    (100, _with("customerMarket", None)),
    (5, _numeric_id),
    (3, _with("createdDate", "31/02/2018 25:61")),
    (200, _dates_ending_in("Z")),
    (200, _dates_ending_in(".1234567")),
    (100, _dates_ending_in("+00:00")),
    (200, _sentinel_dates),
    (100, _absent_dates),
)
_UP_TO = tuple(accumulate(share for share, _ in _FLAWS))
