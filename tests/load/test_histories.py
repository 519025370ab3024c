"""Whatever the source does and whatever befalls the loads, the next quiet run is right."""

import json
import os
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from starlette.responses import PlainTextResponse

from partner_center_sandbox import Sandbox
from partner_referrals.errors import ReferralsError
from partner_referrals.load import LoadOptions, load
from support.crash import assert_right
from support.loads import KilledLoads
from support.records import NOW, referral

PAGE = 7
IDS = st.integers(0, 29).map(lambda number: f"r{number:02}")
STATUSES = st.sampled_from(["New", "Accepted", "Won", "Lost"])
# Old enough that only reconciling finds it, recent, missing, and mistaken.
CREATED = st.sampled_from(
    ["2019-02-03T00:00:00", "2025-12-31T23:59:59", "2026-03-30T00:00:00", None, "2099-01-01"]
)


class Histories(RuleBasedStateMachine):
    """A source of at most thirty referrals, and a warehouse that follows it."""

    killed: KilledLoads

    def __init__(self) -> None:
        super().__init__()
        self.hours = 0
        self.place = Path(tempfile.mkdtemp(prefix="history-"))
        self.warehouse = self.place / "warehouse.duckdb"
        self.backup = self.place / "backup.duckdb"

    @initialize(count=st.integers(0, 29))
    def serve(self, count: int) -> None:
        records = [referral(f"r{number:02}") for number in range(count)]
        self.source = Sandbox(records, now=NOW)
        self.source.__enter__()
        os.environ["SOURCES__PARTNER_CENTER__BASE_URL"] = self.source.base_url
        token = self.source.access_token
        os.environ["SOURCES__PARTNER_CENTER__CREDENTIALS__ACCESS_TOKEN"] = token
        os.environ["SOURCES__PARTNER_CENTER__PAGE_SIZE"] = str(PAGE)

    def teardown(self) -> None:
        if hasattr(self, "source"):
            self.check()
            self.source.__exit__(None, None, None)
        shutil.rmtree(self.place)

    @rule(referral_id=IDS, status=STATUSES, created=CREATED)
    def create_or_move(self, referral_id: str, status: str, created: str | None) -> None:
        won = "2026-03-30T12:00:00" if status == "Won" else None
        self.source.put(referral(referral_id, status=status, createdDate=created, wonDate=won))

    @rule(referral_id=IDS, name=st.sampled_from(["Right Ltd", "Wrong Ltd"]))
    def rename(self, referral_id: str, name: str) -> None:
        for record in self.source.records():
            if record["id"] == referral_id:
                self.source.put(record | {"customerName": name})

    @rule(referral_id=IDS)
    def delete(self, referral_id: str) -> None:
        if any(record["id"] == referral_id for record in self.source.records()):
            self.source.delete(referral_id)

    @rule(number=st.integers(0, 2), is_odd=st.booleans())
    def spoil_or_remove(self, number: int, is_odd: bool) -> None:
        """A record that cannot be read comes, or goes."""
        referral_id = f"odd{number}"
        if is_odd:
            self.source.put(referral(referral_id, wonDate="soon"))
        elif any(record["id"] == referral_id for record in self.source.records()):
            self.source.delete(referral_id)

    @rule(
        envelope=st.sampled_from(["Value", "items", "array"]),
        next_link=st.sampled_from(["null", "none", "real"]),
        shuffle=st.booleans(),
        short_pages=st.sampled_from([None, 3]),
        refuses_date_filter=st.booleans(),
        refuses_groupby=st.booleans(),
    )
    def change_manners(self, **manners: Any) -> None:
        for name, value in manners.items():
            setattr(self.source.behaviour, name, value)

    @rule(hours=st.sampled_from([1, 24, 24 * 8]), full=st.booleans())
    def load(self, hours: int, full: bool) -> None:
        self._load(hours, full=full)

    @rule(data=st.data())
    def load_while_the_source_moves(self, data: st.DataObject) -> None:
        """A referral comes, goes or changes between two requests."""
        moves = data.draw(st.lists(st.tuples(st.integers(1, 6), IDS, STATUSES), max_size=4))
        seen = 0

        def move(_: Any) -> None:
            nonlocal seen
            seen += 1
            for when, referral_id, status in moves:
                if when == seen and status == "Lost":
                    self.delete(referral_id)
                elif when == seen:
                    self.source.put(referral(referral_id, status=status))

        self.source.behaviour.on_request = move
        self._load(1)
        self.source.behaviour.on_request = None

    @rule(after=st.integers(0, 5))
    def load_from_a_server_that_fails(self, after: int) -> None:
        seen = 0

        def fail(_: Any) -> Any:
            nonlocal seen
            seen += 1
            return PlainTextResponse("", 500) if seen > after else None

        self.source.behaviour.on_request = fail
        self._load(1)
        self.source.behaviour.on_request = None

    @rule(point=st.integers(1, 110))
    def load_and_be_killed(self, point: int) -> None:
        self.hours += 1
        self.killed.load(self.warehouse, point, self.hours)

    @rule()
    def back_up(self) -> None:
        if self.warehouse.exists():
            shutil.copy(self.warehouse, self.backup)

    @rule()
    def restore(self) -> None:
        if self.backup.exists():
            shutil.copy(self.backup, self.warehouse)
            self.warehouse.with_name(f"{self.warehouse.name}.wal").unlink(missing_ok=True)

    @rule()
    def lose_the_warehouse(self) -> None:
        self.warehouse.unlink(missing_ok=True)
        self.warehouse.with_name(f"{self.warehouse.name}.wal").unlink(missing_ok=True)

    def _load(self, hours: int, **options: Any) -> None:
        self.hours += hours
        now = NOW + timedelta(hours=self.hours)
        try:
            load(self.warehouse, LoadOptions(allow_vanish=True, **options), clock=lambda: now)
        except ReferralsError as error:
            # A failing server is part of the history, and so is one without a readable record.
            if self.source.behaviour.on_request is None and (
                not self.source.records() or self._has_readable_records()
            ):
                raise AssertionError("a quiet run failed") from error

    def _has_readable_records(self) -> bool:
        return any(not record["id"].startswith("odd") for record in self.source.records())

    def check(self) -> None:
        """The invariant: after one quiet full run everything is as the source last showed it."""
        self.source.behaviour.__init__()
        self._load(1, full=True)
        if not self.source.records() or self._has_readable_records():
            assert_right(self.warehouse, self.source)
        ids = [json.dumps(record["id"]) for record in self.source.records()]
        assert len(ids) == len(set(ids))


@pytest.mark.sweep
@pytest.mark.timeout(0)
def test_every_history_ends_right(killed_loads, is_short, monkeypatch):
    """Two hundred histories (in full: a thousand) of a moving source and interrupted loads."""
    monkeypatch.setenv("SOURCES__PARTNER_CENTER__PAGE_SIZE", str(PAGE))
    Histories.killed = killed_loads

    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=200 if is_short else 1_000,
            stateful_step_count=8,
            deadline=None,
            # Continuous integration judges the change, not the luck of the day.
            derandomize=is_short,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
