"""The passes of a load: each lists something, merges what changed, and compares the counts."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from partner_center.errors import ReferralsError, optional_request
from partner_center.http.client import PartnerCenterClient
from partner_center.listing.counts import NoCounts, ServerCounts, fetch_counts
from partner_center.listing.lister import Lister, Listing
from partner_center.listing.memory_limit import bound_memory
from partner_center.listing.windows import list_everything, list_months
from partner_center.resources import Resource
from partner_center.settings import PartnerCenterSettings
from partner_center.sign_in.identity import Identity
from partner_referrals.load.changes import Changes, find_changes
from partner_referrals.load.counts import Comparison, compare
from partner_referrals.load.days import replace_days
from partner_referrals.load.merge import Merge, check_merged, merge_changes
from partner_referrals.load.options import LoadOptions
from partner_referrals.load.progress import Progress, report_changes, report_listing
from partner_referrals.load.state import WarehouseState, next_boundary
from partner_referrals.load.tags import replace_tags
from partner_referrals.warehouse.account import Account, write_account
from partner_referrals.warehouse.connection import open_warehouse, transaction
from partner_referrals.warehouse.tables import create_tables
from partner_referrals.warehouse.views import refresh_views

# Renames move no date, so that only a full listing finds them.
FULL_LISTING_EVERY = timedelta(days=7)


@dataclass(frozen=True)
class Job:
    """What the load of one resource works with; `started_at` is naive UTC.

    `account` is whose records these are.
    """

    run_id: str
    started_at: datetime
    warehouse: Path
    options: LoadOptions
    settings: PartnerCenterSettings
    client: PartnerCenterClient
    progress: Progress
    identity: Identity
    account: Account
    may_judge_vanished: bool = True

    @property
    def resource(self) -> Resource:
        """What is loaded."""
        return self.client.resource

    @property
    def lister(self) -> Lister:
        """Reads listings, and reports how far they are."""
        return Lister(self.client, self.settings, self.progress.page, self.started_at)


@dataclass(frozen=True)
class Pass:
    """One listing that was merged into the warehouse and compared with the server's counts.

    `listings` are those of this run whose rejected records still count, this one included.
    """

    mode: str
    listings: tuple[Listing, ...]
    counts: ServerCounts | NoCounts
    changes: Changes
    comparison: Comparison

    @property
    def listing(self) -> Listing:
        """The listing of this pass."""
        return self.listings[-1]

    @property
    def is_unreconciled(self) -> bool:
        """Whether the counts were compared and differ."""
        return self.comparison.reconciliation.is_reconciled is False


def choose_mode(state: WarehouseState, options: LoadOptions, now: datetime) -> str:
    """What has to be listed: `full`, `incremental` or `filtered`."""
    if options.filter:
        return "filtered"
    is_verified = state.verified_at is not None and now - state.verified_at < FULL_LISTING_EVERY
    if options.full or state.newest_activity is None or not is_verified:
        return "full"
    return "incremental"


def run_passes(job: Job, state: WarehouseState, mode: str, directory: Path) -> Iterator[Pass]:
    """List as little as will do; what does not reconcile is listed again, then everything."""
    last = _run_pass(job, mode, directory / "0", lambda place: _list(job, state, mode, place))
    yield last
    months = last.comparison.reconciliation.months
    if last.is_unreconciled and _are_worth_listing(months, last):
        job.progress.say("Listing the months again in which the counts differ.")
        place, listing = directory / "1", None
        # A server that cannot filter by date cannot list single months.
        with optional_request():
            listing = _read(job, place, lambda place: list_months(job.lister, months, place))
        if listing:
            last = _take(job, last.mode, place, listing, last.listings)
            yield last
    if last.mode == "incremental" and last.is_unreconciled:
        job.progress.say(
            "Listing everything: the counts differ, or the list of changes was incomplete."
        )
        yield _run_pass(
            job, "full", directory / "2", lambda place: list_everything(job.lister, place)
        )


def _are_worth_listing(months: tuple[date | None, ...], last: Pass) -> bool:
    """Whether listing only the months that differ is possible and spares half of the rows."""
    if not months or isinstance(last.counts, NoCounts) or last.counts.cells is None:
        return False
    cells = last.counts.cells
    rows = sum(count for (_, month), count in cells.items() if month in months)
    return last.mode == "full" or 2 * rows <= cells.total()


def _list(job: Job, state: WarehouseState, mode: str, place: Path) -> Listing:
    """What the mode asks for; everything if that filter is refused or fails."""
    if mode == "filtered":
        return job.lister.read(job.options.filter, place)
    if mode == "incremental" and state.newest_activity is not None:
        since = state.newest_activity - timedelta(days=job.settings.lookback_days)
        with optional_request():
            return job.lister.read_changes(since, place)
    with _making_tables_and_views(job) if state.is_new else nullcontext():
        return list_everything(job.lister, place)


@contextmanager
def _making_tables_and_views(job: Job) -> Iterator[None]:
    """Make them while answers are awaited: it takes half a second, and nobody reads them yet.

    They are kept only where the block ends well: views without a load would answer with zeros.
    """

    def make() -> None:
        create_tables(connection)
        refresh_views(connection, job.options.views)

    with (
        open_warehouse(job.warehouse) as connection,
        transaction(connection),
        ThreadPoolExecutor(max_workers=1) as beside,
    ):
        made = beside.submit(make)
        yield
        made.result()


def _run_pass(
    job: Job,
    mode: str,
    place: Path,
    list_records: Callable[[Path], Listing],
) -> Pass:
    """List, merge what changed, and compare; the warehouse is held only after the requests.

    Where records are missing that may only have moved meanwhile, it is listed once more.
    """
    listing = _read(job, place, list_records)
    try:
        return _take(job, mode, place, listing)
    except _RecordsMissing:
        job.progress.say(
            "Records are missing from the listing. It is read once more, in case they moved from "
            "one page to another while it was read."
        )
    again = place / "again"
    try:
        second = _read(job, again, list_records)
    except ReferralsError as error:
        job.progress.warn(
            f"It could not be read once more: {error.seen} What came is loaded; no record is "
            "marked as no longer listed."
        )
        return _take(replace(job, may_judge_vanished=False), mode, place, listing)
    return _take(job, mode, again, second, before=listing)


class _RecordsMissing(Exception):
    """A listing of several pages lacks records that the warehouse has as listed."""


def _read(job: Job, place: Path, list_records: Callable[[Path], Listing]) -> Listing:
    place.mkdir()
    started = time.perf_counter()
    listing = list_records(place)
    seconds = time.perf_counter() - started
    report_listing(job.progress, job.resource, listing, job.client.request_count, seconds)
    return listing


def _take(
    job: Job,
    mode: str,
    place: Path,
    listing: Listing,
    earlier: tuple[Listing, ...] = (),
    before: Listing | None = None,
) -> Pass:
    """Merge what a listing changes, and compare the counts.

    What vanished is missing in the reading `before` too. Raises _RecordsMissing, and nothing is
    merged, where something is missing and there was none.
    """
    if listing.filter is None:
        # Everything was listed: what earlier listings rejected may be readable by now.
        mode, earlier = "full", ()
    counts = _count(job, mode, listing)
    listings = (*earlier, listing)
    with open_warehouse(job.warehouse) as connection:
        bound_memory(connection, place, listing.row_files)
        with transaction(connection):
            create_tables(connection)
            write_account(connection, job.account)
        started = time.perf_counter()
        merge = _merge if job.resource.is_versioned else _merge_days
        changes = merge(job, connection, listing, counts, place, before)
        report_changes(job.progress, job.resource, changes, time.perf_counter() - started)
        comparison = compare(
            connection, job.resource, listings, counts, job.progress, mode != "filtered"
        )
    return Pass(mode, listings, counts, changes, comparison)


def _count(job: Job, mode: str, listing: Listing) -> ServerCounts | NoCounts:
    """The server's own counts of all records, as far as it tells them."""
    if mode == "filtered":
        return NoCounts("a filter leaves records out")
    # Of a listing by a filter the total counts what that selects.
    is_of_all = listing.filter is None or job.resource.changes_since is None
    is_steady = listing.is_complete is not False
    counts = fetch_counts(job.client, listing.total if is_of_all and is_steady else None)
    if isinstance(counts, ServerCounts) and counts.cells is None and listing.total is None:
        return NoCounts("its answers tell no total, or one that counts something else")
    return counts


def _merge(
    job: Job,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    counts: ServerCounts | NoCounts,
    place: Path,
    before: Listing | None,
) -> Changes:
    """Merge what a listing changes, and check that it arrived."""
    changes = find_changes(
        connection,
        job.resource,
        listing,
        judge_vanished=job.may_judge_vanished and _is_everything(listing, counts),
        allow_vanish=job.options.allow_vanish,
        before=before,
        now=job.started_at,
        directory=place,
    )
    if changes.vanished_count and listing.is_paged and before is None:
        raise _RecordsMissing
    boundary = None if changes.is_first else next_boundary(connection, job.started_at, job.resource)
    merge = Merge(job.resource, changes.versions, changes.rejects, boundary)
    if changes.has_rows:
        merge_changes(connection, merge, place / "dlt")
    check_merged(connection, merge)
    replace_tags(connection, listing)
    return changes


def _merge_days(
    job: Job,
    connection: duckdb.DuckDBPyConnection,
    listing: Listing,
    counts: ServerCounts | NoCounts,
    place: Path,
    before: Listing | None,
) -> Changes:
    """Replace the days that a listing covers; its rows have no identity, and were read twice."""
    is_whole = listing.since is not None and listing.is_complete is True
    return replace_days(
        connection,
        job.resource,
        listing,
        is_whole=job.may_judge_vanished and (is_whole or _is_everything(listing, counts)),
        allow_vanish=job.options.allow_vanish,
        now=job.started_at,
        directory=place,
    )


def _is_everything(listing: Listing, counts: ServerCounts | NoCounts) -> bool:
    """Whether all that the server has was listed, so that what is missing has vanished."""
    if listing.filter is not None or listing.is_complete is False:
        return False
    if isinstance(counts, NoCounts):
        return listing.is_complete is True
    # Groups may say that there is more than the answers' total does.
    return counts.is_consistent and counts.total == listing.counted
