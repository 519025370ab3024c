"""The made-up referrals are coherent, repeatable, and dirty in the stated proportions."""

import json
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from partner_center.schema.fields import DATE_FIELDS, FIELDS, TERMINAL_MILESTONES
from partner_center_sandbox import Sandbox
from partner_center_sandbox.generator import GeneratedReferrals, record_of
from partner_center_sandbox.lives import NEW_PROCESS_SINCE, Life, simulate_lives
from partner_referrals.errors import UsageError

NOW = datetime(2024, 1, 31, 12)
TODAY = NOW - timedelta(days=1)


def generated(count: int = 2_000, seed: int = 7) -> list[dict[str, Any]]:
    return list(GeneratedReferrals(count, seed, NOW, days=1).first_day())


@pytest.fixture(scope="module")
def lives() -> list[Life]:
    return list(simulate_lives(20_000, 7, TODAY, NOW))


@pytest.fixture(scope="module")
def many() -> list[dict[str, Any]]:
    return generated(20_000)


# Lives


def test_old_process_knows_acknowledging_and_its_windows(lives: list[Life]) -> None:
    """Until January 2019: missed after 72 hours of silence, expired 7 days after acknowledging."""
    old = [life.milestones for life in lives if life.milestones["created"] < NEW_PROCESS_SINCE]
    assert {"acknowledged", "missed", "skipped", "expired"} <= {name for one in old for name in one}
    for one in old:
        if "missed" in one:
            assert timedelta(hours=72) == one["missed"] - one["created"]
        if "expired" in one:
            assert timedelta(days=7) == one["expired"] - one["acknowledged"]


def test_new_process_expires_after_two_weeks(lives: list[Life]) -> None:
    """Since January 2019: nothing is acknowledged, missed or skipped; 14 days of silence expire."""
    new = [life.milestones for life in lives if life.milestones["created"] >= NEW_PROCESS_SINCE]
    assert not {"acknowledged", "missed", "skipped"} & {name for one in new for name in one}
    windows = {one["expired"] - one["created"] for one in new if "expired" in one}
    assert {timedelta(days=14)} == windows


def test_milestones_come_in_order_and_one_of_them_ends_it(lives: list[Life]) -> None:
    """A life goes forward in time and has at most one terminal milestone."""
    for life in lives:
        moments = list(life.milestones.values())
        assert sorted(moments) == moments
        assert len(life.milestones.keys() & set(TERMINAL_MILESTONES)) <= 1


def test_each_stage_loses_some(lives: list[Life]) -> None:
    """Of the old enough, fewer are accepted than created and fewer won than accepted."""
    old = [life.milestones for life in lives if life.milestones["created"] < datetime(2023, 1, 1)]
    accepted = sum("accepted" in one for one in old) / len(old)
    won = sum("won" in one for one in old) / len(old)
    assert 0.5 < accepted < 0.8
    assert 0.15 < won < 0.35


def test_some_deals_are_born_accepted(lives: list[Life]) -> None:
    """About one in eight of the new process is accepted within 20 seconds of its creation."""
    new = [life.milestones for life in lives if life.milestones["created"] >= NEW_PROCESS_SINCE]
    born = sum(
        "accepted" in one and one["accepted"] - one["created"] < timedelta(seconds=20)
        for one in new
    )
    assert 0.10 < born / len(new) < 0.15


def test_both_eras_and_recent_days_are_there(lives: list[Life]) -> None:
    """Some referrals are years old, more are recent, some are a few days old."""
    created = [life.milestones["created"] for life in lives]
    assert created[0] < datetime(2017, 3, 1)
    assert 0.05 < sum(moment < NEW_PROCESS_SINCE for moment in created) / len(created) < 0.25
    assert sum(moment > TODAY - timedelta(days=7) for moment in created) > 10


# Records


def test_records_have_the_fields_of_the_reference(many: list[dict[str, Any]]) -> None:
    """All sixteen, and no other."""
    assert set(FIELDS) == set(many[0])


def test_ids_are_unique(many: list[dict[str, Any]]) -> None:
    """The asked count of referrals, each with an id of its own."""
    assert 20_000 == len({str(record["id"]) for record in many})


def test_no_date_lies_in_the_future(many: list[dict[str, Any]]) -> None:
    """What happens after the day shown is not known yet, whatever form dates have."""
    texts = {record.get(name) or "" for record in many for name in DATE_FIELDS}
    assert max(text[:26] for text in texts if not text.startswith("31/")) < TODAY.isoformat()


def test_status_names_the_latest_milestone(lives: list[Life]) -> None:
    """Without a flaw, the status is what happened last."""
    for life in lives[:2_000]:
        life.fate = 1.0
        record = record_of(life, NOW)
        dates = {name: record[name] for name in DATE_FIELDS if record[name]}
        latest = max(reversed(dates), key=lambda name: dates[name]).removesuffix("Date")
        assert ("New" if latest == "created" else latest.capitalize()) == record["status"]


def test_dirt_comes_in_the_stated_proportions(many: list[dict[str, Any]]) -> None:
    """A flaw that the docstring counts per 10,000 occurs about twice as often in 20,000."""
    found = Counter[str]()
    for record in many:
        dates = [record[name] for name in DATE_FIELDS if record.get(name)]
        found["no size"] += record["customerOrgSize"] is None
        found["no market"] += record["customerMarket"] is None
        found["numeric id"] += isinstance(record["id"], int)
        found["no created date"] += record.get("createdDate", "") is None
        found["unknown status"] += record["status"] == "InReview"
        found["unreadable"] += any(text.startswith("31/") for text in dates)
        found["Z"] += any(text.endswith("Z") for text in dates)
        found["seven digits"] += any(text.endswith(".1234567") for text in dates)
        found["offset"] += any(text.endswith("+00:00") for text in dates)
        found["sentinel"] += any(text.startswith("0001-") for text in dates)
        found["absent"] += len(record) < len(FIELDS)
        won = record.get("wonDate") or "0001-"
        created = record["createdDate"] or ""
        found["won before created"] += not won.startswith("0001-") and won < created
    expected = {
        "no size": 800,
        "no market": 200,
        "numeric id": 10,
        "no created date": 20,
        "unknown status": 20,
        "unreadable": 6,
        "Z": 400,
        "seven digits": 400,
        "offset": 200,
        "sentinel": 400,
        "absent": 200,
        "won before created": 20 * 0.25,
    }
    assert expected == pytest.approx(found, rel=0.3, abs=8)


def test_names_are_hard_to_handle(many: list[dict[str, Any]]) -> None:
    """Quotes, markup, formulas, other scripts, and no name at all."""
    names = {record["customerName"] for record in many}
    assert None in names
    for part in ("O'Brien", "<script>", "=HYPERLINK(", "Ünïcode", '"', "\n", "ش"):
        assert any(part in name for name in names if name)


# Determinism


@pytest.mark.slow
def test_same_arguments_give_the_same_records_in_another_process() -> None:
    """Neither the process nor its hash seed shows in the records."""
    program = (
        "import json, sys; from datetime import datetime; from hashlib import sha256\n"
        "from partner_center_sandbox.generator import GeneratedReferrals\n"
        "referrals = GeneratedReferrals(300, 7, datetime(2024, 1, 31, 12), 1)\n"
        "everything = [*referrals.first_day(), *referrals.next_day()]\n"
        "sys.stdout.write(sha256(json.dumps(everything).encode()).hexdigest())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    referrals = GeneratedReferrals(300, 7, NOW, 1)
    everything = [*referrals.first_day(), *referrals.next_day()]
    assert sha256(json.dumps(everything).encode()).hexdigest() == elsewhere


def test_another_seed_gives_other_records() -> None:
    """The seed counts."""
    assert generated(10, seed=7) != generated(10, seed=8)


# Days


def test_next_day_adds_and_moves_referrals() -> None:
    """Some are new, some moved on, most stay as they were; none goes."""
    with Sandbox(now=NOW) as sandbox:
        before = {str(record["id"]): record for record in sandbox.records()}
        sandbox.next_day()
        after = {str(record["id"]): record for record in sandbox.records()}
    assert before.keys() < after.keys()
    moved = [key for key in before if before[key] != after[key]]
    assert 5 <= len(moved) < 100
    created = [after[key]["createdDate"] for key in after.keys() - before.keys()]
    assert all(TODAY.isoformat() <= date < NOW.isoformat() for date in created if date)


def test_days_lead_to_what_the_last_day_shows_at_once() -> None:
    """Three days one after the other come to the same records as none at the end."""
    with Sandbox(now=NOW, days=3, count=500) as sandbox:
        for _ in range(3):
            sandbox.next_day()
        expected = sorted(json.dumps(record) for record in sandbox.records())
    lives = simulate_lives(500, 7, NOW - timedelta(days=3), NOW)
    assert expected == sorted(json.dumps(record_of(life, NOW)) for life in lives)


def test_deleted_referral_stays_away() -> None:
    """The next day moves what is left, and brings nothing back."""
    with Sandbox(now=NOW) as sandbox:
        ids = [str(record["id"]) for record in sandbox.records()]
        for referral_id in ids:
            sandbox.delete(referral_id)
        sandbox.next_day()
        assert not set(ids) & {str(record["id"]) for record in sandbox.records()}


def test_there_is_no_day_after_the_last() -> None:
    """Dates never pass the sandbox's own now."""
    with Sandbox(now=NOW, count=10) as sandbox:
        sandbox.next_day()
        with pytest.raises(UsageError, match="last day"):
            sandbox.next_day()


def test_given_records_have_no_next_day() -> None:
    """Only made-up referrals have a future."""
    with Sandbox(records=[]) as sandbox, pytest.raises(UsageError, match="generated"):
        sandbox.next_day()
