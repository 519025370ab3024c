"""Nights of loads of a source that changes: what befalls them is drawn, and each is checked.

A world is a list of nights, so that Hypothesis can shrink one that fails and print it.
"""

import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
import pytest
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse, Response

from partner_center.resources import RESOURCES
from partner_center.settings import PartnerCenterCredentials, PartnerCenterSettings
from partner_center_sandbox.behaviour import EngagementsBehaviour
from partner_center_sandbox.faults import Reset, throttled
from partner_referrals.errors import ReferralsError
from partner_referrals.load import LoadOptions, LoadRun, load_resources
from support import simulated_checks as checks
from support.loads import KilledLoads
from support.records import NOW
from support.simulated_source import (
    ChangeDeal,
    ChangeReferral,
    DeleteDeal,
    DeleteReferral,
    Manners,
    Move,
    Search,
    Source,
    SpoilReferral,
)

OLDER_WAREHOUSE = Path(__file__).parents[1] / "load" / "older_warehouse.tar.xz"
GOOD_MANNERS = Manners()
ALL = tuple(RESOURCES)


@dataclass(frozen=True)
class Killed:
    """The process of the load is ended by a signal, at its n-th statement or file operation."""

    point: int
    signal: Literal["SIGKILL", "SIGTERM"] = "SIGKILL"


@dataclass(frozen=True)
class Failing:
    """The server answers badly from its n-th request on, `times` times."""

    after: int
    answer: Literal["500", "html", "reset", "throttled", "forbidden"]
    times: int


@dataclass(frozen=True)
class Cramped:
    """No file may grow beyond this size."""

    file_bytes: int


@dataclass(frozen=True)
class TwoAtOnce:
    """Two loads run at the same time."""


Mishap = Killed | Failing | Cramped | TwoAtOnce


@dataclass(frozen=True)
class Night:
    """What changed since the night before, and the load that followed.

    `moves_during` are changes between two requests, `clock_error` hours by which the clock of the
    load is wrong.
    """

    hours: int = 24
    moves: tuple[Move, ...] = ()
    moves_during: tuple[tuple[int, Move], ...] = ()
    manners: Manners | None = None
    resources: tuple[str, ...] = ALL
    full: bool = False
    filter: str | None = None
    allow_vanish: bool = True
    clock_error: int = 0
    is_narrow: bool = False
    page_size: int = 7
    parallel_requests: int = 4
    mishap: Mishap | None = None
    before: Literal["back up", "restore", "lose", "drop load_runs"] | None = None


@dataclass(frozen=True)
class World:
    """Where the nights begin, and the nights."""

    referral_count: int
    has_older_warehouse: bool
    nights: tuple[Night, ...]


def _rarely(strategy: st.SearchStrategy[Any], otherwise: Any = None) -> st.SearchStrategy[Any]:
    """One in six times something of the strategy."""
    return st.integers(0, 5).flatmap(lambda chance: strategy if chance == 5 else st.just(otherwise))


HOURS_AGO = st.sampled_from([0, 5, 20, 100, 24 * 9, None])
MOVES: st.SearchStrategy[Move] = st.one_of(
    st.builds(
        ChangeReferral,
        st.integers(0, 19),
        st.sampled_from(["New", "Accepted", "Won", "Lost"]),
        st.sampled_from(["Right Ltd", "Wrong Ltd"]),
        HOURS_AGO,
        st.sampled_from(
            [
                "2019-02-03",
                "2025-12-31T23:59:59",
                "2026-03-30",
                None,
                "2099-01-01",
            ]
        ),
    ),
    st.builds(DeleteReferral, st.integers(0, 19)),
    st.builds(SpoilReferral, st.integers(0, 2), st.booleans()),
    st.builds(
        ChangeDeal,
        st.integers(0, 9),
        st.sampled_from(["Accepted", "Won", "Lost"]),
        st.sampled_from(["10", "20.5"]),
        st.sampled_from([(), ("Retail",), ("Retail", "Health")]),
        HOURS_AGO,
    ),
    st.builds(DeleteDeal, st.integers(0, 9)),
    st.builds(
        Search, st.sampled_from([0, 1, 3, 20]), st.sampled_from(["crm", "erp"]), st.integers(1, 2)
    ),
)
MANNERS = st.builds(
    Manners,
    envelope=st.sampled_from(["Value", "items", "value", "array"]),
    has_total=st.booleans(),
    total_offset=st.sampled_from([0, 0, 0, 1, -1]),
    next_link=st.sampled_from(["null", "none", "real"]),
    short_pages=st.sampled_from([None, 3]),
    ignores_skip=st.sampled_from([False, False, True]),
    shuffle=st.booleans(),
    refuses_filter=st.sampled_from([False, False, True]),
    refuses_date_filter=st.booleans(),
    refuses_groupby=st.booleans(),
    grouped_limit=st.sampled_from([None, None, 1]),
    deals=st.builds(
        EngagementsBehaviour,
        next_link=st.sampled_from(["documented", "own_path"]),
        page_drift=st.sampled_from([0, 0, 1, -1]),
        has_count=st.sampled_from([True, True, False]),
        count_offset=st.sampled_from([0, 0, 1]),
        short_pages=st.sampled_from([None, 3]),
        refuses_orderby=st.booleans(),
        ignores_orderby=st.booleans(),
        refuses_exchange_rates=st.booleans(),
    ),
)
MISHAPS: st.SearchStrategy[Mishap] = st.one_of(
    st.builds(Killed, st.integers(1, 150), st.sampled_from(["SIGKILL", "SIGTERM"])),
    st.builds(
        Failing,
        st.integers(0, 6),
        st.sampled_from(["500", "html", "reset", "throttled", "forbidden"]),
        st.sampled_from([1, 3, 100]),
    ),
    st.builds(Cramped, st.sampled_from([1_000, 300_000])),
    st.builds(TwoAtOnce),
)
NIGHTS = st.builds(
    Night,
    hours=st.sampled_from([24, 24, 24, 1, 24 * 8, 24 * 400]),
    moves=st.lists(MOVES, max_size=6).map(tuple),
    moves_during=_rarely(
        st.lists(st.tuples(st.integers(1, 6), MOVES), min_size=1, max_size=3).map(tuple), ()
    ),
    manners=_rarely(st.one_of(MANNERS, st.just(GOOD_MANNERS))),
    resources=st.sampled_from([ALL, ALL, ("referrals",), ("engagements", "search")]),
    full=_rarely(st.just(True), otherwise=False),
    filter=_rarely(st.just("status eq 'Won'")),
    allow_vanish=st.sampled_from([True, True, False]),
    clock_error=_rarely(st.sampled_from([-2, -24 * 30, 3, 24 * 30]), 0),
    is_narrow=_rarely(st.just(True), otherwise=False),
    page_size=st.sampled_from([7, 7, 5, 100]),
    parallel_requests=st.sampled_from([4, 1]),
    mishap=_rarely(MISHAPS),
    before=_rarely(st.sampled_from(["back up", "restore", "lose", "drop load_runs"])),
)
WORLDS = st.builds(
    World,
    referral_count=st.integers(0, 19),
    has_older_warehouse=_rarely(st.just(True), otherwise=False),
    nights=st.lists(NIGHTS, min_size=1, max_size=25).map(tuple),
)


@dataclass
class _Played:
    """What is known of a world while its nights are played."""

    source: Source
    place: Path
    killed_loads: KilledLoads
    now: datetime = NOW
    manners: Manners = GOOD_MANNERS
    snapshots: list[checks.Snapshot] = field(default_factory=list)
    snapshots_of_backup: list[checks.Snapshot] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    @property
    def warehouse(self) -> Path:
        """The file into which every night loads."""
        return self.place / "warehouse.duckdb"

    @property
    def backup(self) -> Path:
        """Where `back up` puts a copy."""
        return self.place / "backup.duckdb"


def play(world: World, killed_loads: KilledLoads) -> int:
    """Play the nights of a world, then a quiet one; how many nights that were.

    Raises AssertionError where a night leaves the warehouse otherwise than it must be.
    """
    source = Source(world.referral_count)
    with source.sandbox, tempfile.TemporaryDirectory(prefix="nights-") as place:
        played = _Played(source, Path(place), killed_loads)
        if world.has_older_warehouse:
            _put_older_warehouse(played.warehouse)
        # Quiet ones last, as a first load of three resources would be the only thing that is seen.
        quiet = Night(full=True, manners=GOOD_MANNERS)
        for night in (*world.nights, Night(manners=GOOD_MANNERS), quiet):
            _play_night(played, night)
        with checks.reading(played.warehouse) as connection:
            checks.require_figures(connection)
        checks.require_no_secret(played.place, played.secrets)
        left = {file.name for file in played.place.iterdir()}
        assert left <= {"warehouse.duckdb", "warehouse.duckdb.lock", "backup.duckdb"}, left
    return len(world.nights) + 2


def _put_older_warehouse(warehouse: Path) -> None:
    with tarfile.open(OLDER_WAREHOUSE) as archive:
        archive.extract("referrals.duckdb", warehouse.parent, filter="data")
    (warehouse.parent / "referrals.duckdb").replace(warehouse)


def _play_night(played: _Played, night: Night) -> None:
    source = played.source
    played.now += timedelta(hours=night.hours)
    played.manners = night.manners or played.manners
    source.behave(played.manners)
    for move in night.moves:
        move.apply(source, played.now)
    _treat_files(played, night)
    source.sign_in_as("narrow" if night.is_narrow else "wide")
    hidden = source.hide() if night.is_narrow else []
    source.sandbox.behaviour.on_request = _befall(played, night)
    try:
        if isinstance(night.mishap, Killed | Cramped | TwoAtOnce):
            _load_elsewhere(played, night)
            with checks.reading(played.warehouse) as connection:
                checks.require_unbroken(connection)
        else:
            _load_here(played, night)
    finally:
        source.sandbox.behaviour.on_request = None
        for record in hidden:
            source.sandbox.put(record)


def _treat_files(played: _Played, night: Night) -> None:
    """What a person does to the files before the load."""
    log = played.warehouse.with_name(f"{played.warehouse.name}.wal")
    if night.before == "back up" and played.warehouse.exists() and not log.exists():
        shutil.copy(played.warehouse, played.backup)
        played.snapshots_of_backup = list(played.snapshots)
    elif night.before == "restore" and played.backup.exists():
        log.unlink(missing_ok=True)
        shutil.copy(played.backup, played.warehouse)
        played.snapshots = list(played.snapshots_of_backup)
    elif night.before == "lose":
        log.unlink(missing_ok=True)
        played.warehouse.unlink(missing_ok=True)
        played.snapshots = []
    elif night.before == "drop load_runs" and played.warehouse.exists():
        with duckdb.connect(str(played.warehouse)) as connection:
            connection.execute("drop table if exists partner_center.load_runs cascade")


def _befall(played: _Played, night: Night) -> Callable[[Any], Response | None]:
    """What happens at the source between the requests of a load."""
    seen = 0
    failing = night.mishap if isinstance(night.mishap, Failing) else None

    def on_request(_: Any) -> Response | None:
        nonlocal seen
        seen += 1
        for when, move in night.moves_during:
            if when == seen:
                move.apply(played.source, played.now)
        if failing and failing.after < seen <= failing.after + failing.times:
            return ANSWERS[failing.answer]()
        return None

    return on_request


def _settings(played: _Played, night: Night) -> PartnerCenterSettings:
    sandbox = played.source.sandbox
    played.secrets += played.source.tokens
    settings = PartnerCenterSettings(
        base_url=sandbox.base_url,
        engagements_base_url=sandbox.base_url,
        resources=list(night.resources),
        page_size=night.page_size,
        parallel_requests=night.parallel_requests,
        max_wait_seconds=1,
        credentials=PartnerCenterCredentials(
            access_token=sandbox.access_token,
            engagements_access_token=sandbox.engagements_access_token,
        ),
    )
    settings.complete()
    return settings


def _load_elsewhere(played: _Played, night: Night) -> None:
    """A load in a process of its own, whatever becomes of it."""
    hours = (played.now - NOW) / timedelta(hours=1)
    played.secrets += played.source.tokens
    with pytest.MonkeyPatch.context() as patch:
        played.source.configure(patch, night.resources, night.page_size)
        match night.mishap:
            case Killed(point, signal):
                played.killed_loads.load(played.warehouse, point, hours, signal=signal)
            case Cramped(file_bytes):
                played.killed_loads.load(played.warehouse, 0, hours, file_bytes=file_bytes)
            case TwoAtOnce():
                for ended in played.killed_loads.load_twice(played.warehouse, hours):
                    assert ended["code"] == 0 or "Not one of" in ended["said"], ended


def _load_here(played: _Played, night: Night) -> None:
    now = played.now + timedelta(hours=night.clock_error)
    with checks.reading(played.warehouse) as connection:
        before = {name: checks.Before(connection, name, now) for name in night.resources}
    options = LoadOptions(
        full=night.full and not night.filter,
        filter=night.filter if night.resources == ("referrals",) else None,
        allow_vanish=night.allow_vanish,
    )
    outcome = load_resources(
        played.warehouse, options, settings=_settings(played, night), clock=lambda: now
    )
    with checks.reading(played.warehouse) as connection:
        checks.require_unbroken(connection)
        for snapshot in played.snapshots[-6:]:
            snapshot.require_kept(connection)
        for run, error in zip(outcome.runs, outcome.errors, strict=True):
            if error is not None:
                _require_reason(played, night, run.resource, error)
            else:
                _require_right(played, night, run, before[run.resource], connection)
        for resource in checks.VERSIONED:
            if checks.has(connection, resource):
                snapshot = checks.take_snapshot(connection, resource)
                played.snapshots += [snapshot] if snapshot else []


def _require_reason(played: _Played, night: Night, resource: str, error: ReferralsError) -> None:
    """A load may fail only where something befell it, or where no record can be read."""
    if isinstance(night.mishap, Failing) or night.moves_during:
        return
    if night.filter and played.manners.refuses_filter:
        return
    if resource == "referrals" and "Not one of" in str(error):
        assert not played.source.expected(resource)
        return
    raise AssertionError(f"a quiet load of {resource} failed") from error


def _require_right(
    played: _Played,
    night: Night,
    run: LoadRun,
    before: "checks.Before",
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """What a load that succeeded must have left behind."""
    resource = run.resource
    expected, held = played.source.expected(resource), checks.listed(connection, resource)
    if resource in checks.VERSIONED:
        added = checks.count_versions(connection, resource) - before.version_count
        assert added == run.rows_new + run.rows_changed + run.rows_vanished
        assert before.ids <= checks.all_ids(connection, resource), "records were lost"
    age = None if before.verified_at is None else run.started_at - before.verified_at
    if age is None or age >= timedelta(days=7):
        assert run.mode in ("full", "filtered")
    # Where rows have no identity, nothing tells those of one page from those of another.
    is_shaky = played.manners.shuffle or played.manners.ignores_skip
    if night.moves_during or (resource == "search" and is_shaky):
        return
    gone = checks.share_gone(before.listed, expected)
    is_protected = night.is_narrow and before.verified_by == "wide" and not night.allow_vanish
    if is_protected or (not night.allow_vanish and gone > 0.2):
        assert run.rows_vanished == 0
        return
    is_good = played.manners == GOOD_MANNERS and not isinstance(night.mishap, Failing)
    may_judge = night.allow_vanish or before.verified_by in (None, _user(night))
    if is_good and may_judge and run.mode != "filtered":
        assert run.reconciled is not False, run
        if run.reconciled:
            # One that cannot be read may make up for one that is gone: both count alike.
            readable = checks.sizes(resource, expected)
            assert readable <= checks.sizes(resource, held) <= readable + played.source.unreadable()
    # A server that counts wrong may happen to count what the warehouse holds.
    counts_right = played.manners.counts_right(resource)
    vanished = checks.vanishings(connection, resource) - before.vanishings
    if counts_right:
        assert not {name for name, _ in vanished} & expected.keys(), "what is there has vanished"
    is_certain = run.reconciled and counts_right and not (is_shaky and played.source.unreadable())
    if run.mode == "full" and (is_certain or (is_good and may_judge)):
        assert expected == held, (resource, run)
    elif run.mode == "incremental" and before.newest:
        checks.require_fresh(expected, held, resource, before.newest - timedelta(days=7))


def _user(night: Night) -> str:
    return "narrow" if night.is_narrow else "wide"


ANSWERS: dict[str, Callable[[], Response]] = {
    "500": lambda: PlainTextResponse("", 500),
    "html": lambda: PlainTextResponse("<html>"),
    "reset": Reset,
    "throttled": lambda: throttled(0),
    "forbidden": lambda: PlainTextResponse("", 403),
}
