"""One run of the load, top to bottom: plan, list, diff, merge, reconcile, refresh the views."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import duckdb

from partner_center.http.client import PartnerCenterClient, RequestRefused
from partner_center.listing.counts import ServerCounts, fetch_counts
from partner_center.listing.filters import active_since
from partner_center.listing.lister import Lister, Listing
from partner_center.listing.memory_limit import bound_memory
from partner_center.listing.windows import list_everything, list_months
from partner_center.settings import PartnerCenterSettings
from partner_referrals.errors import ReferralsError
from partner_referrals.load.changes import Changes, count_distinct, count_rows, find_changes
from partner_referrals.load.counts import count_listed, record_totals
from partner_referrals.load.merge import Merge, check_merged, merge_changes
from partner_referrals.load.progress import (
    Progress,
    tell_differences,
    tell_listed,
    tell_rejects,
    tell_withheld,
)
from partner_referrals.load.reconcile import Reconciliation, reconcile
from partner_referrals.load.state import Known, next_boundary, read_known
from partner_referrals.load.temporary_directory import told_failures, workplace
from partner_referrals.warehouse.connection import open_warehouse, transaction
from partner_referrals.warehouse.lock import run_lock
from partner_referrals.warehouse.tables import LoadRun, create_tables, has_table, record_run
from partner_referrals.warehouse.views import refresh_views

# Renames move no date, so that only a full listing finds them.
FULL_LISTING_EVERY = timedelta(days=7)

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Wishes:
    """What the user asked for: everything again, a filter, belief in what vanished."""

    full: bool = False
    filter: str | None = None
    allow_vanish: bool = False


@dataclass
class Load:
    """One run: brings the warehouse up to what Partner Center shows now.

    `clock` gives naive UTC; `sla_rules` replaces the rules that come with the views.
    """

    settings: PartnerCenterSettings
    client: PartnerCenterClient
    warehouse: Path
    wishes: Wishes
    clock: Clock
    progress: Progress
    sla_rules: Path | None = None
    _listings: list[Listing] = field(default_factory=list)
    _outcome: Reconciliation = field(default_factory=lambda: Reconciliation(None))

    def run(self) -> LoadRun:
        """Load, and return the run's row.

        A run that fails leaves the data as it was, writes its row where it can, and raises one of
        partner_referrals.errors.
        """
        now = self.clock()
        self._run = LoadRun(run_id=uuid4().hex, started_at=now)
        self._lister = Lister(self.client, self.settings, self.progress.page, now)
        with run_lock(self.warehouse), workplace(self.warehouse) as directory:
            try:
                with told_failures(self.warehouse):
                    self._perform(directory)
            except (ReferralsError, KeyboardInterrupt) as error:
                self._record_failure(str(error) or "The run was interrupted.")
                raise
        return self._run

    def _perform(self, directory: Path) -> None:
        """List as little as will do; what does not reconcile is listed again, then everything."""
        known = self._read_known()
        self._run.mode = _choose_mode(known, self.wishes, self._run.started_at)
        counts = self._bring_up(directory / "0", lambda place: self._list(known, place))
        if self._is_worth_listing_months(counts):
            # A server that compares no dates cannot be asked for months.
            with suppress(RequestRefused):
                months = self._outcome.months
                counts = self._bring_up(
                    directory / "1", lambda place: list_months(self._lister, months, place)
                )
        if self._run.mode == "incremental" and self._outcome.is_reconciled is False:
            self._run.mode = "full"
            counts = self._bring_up(
                directory / "2", lambda place: list_everything(self._lister, place)
            )
        with open_warehouse(self.warehouse) as connection:
            self._conclude(connection, counts)

    def _is_worth_listing_months(self, counts: ServerCounts) -> bool:
        """Whether the months that differ are fewer rows than everything, if that is an option."""
        if self._outcome.is_reconciled is not False or not self._outcome.months:
            return False
        months = set(self._outcome.months)
        assert counts.cells is not None, "months differ only where the server groups"  # noqa: S101
        rows = sum(count for (_, month), count in counts.cells.items() if month in months)
        return self._run.mode == "full" or 2 * rows <= counts.cells.total()

    def _read_known(self) -> Known:
        if not self.warehouse.exists():
            # Made now, so that an unusable path is found before anything is fetched.
            with open_warehouse(self.warehouse):
                return Known()
        with open_warehouse(self.warehouse, read_only=True) as connection:
            return read_known(connection, self._run.started_at)

    def _bring_up(self, place: Path, list_some: Callable[[Path], Listing]) -> ServerCounts:
        """List, merge what changed, and compare; the warehouse is held only after the network."""
        place.mkdir()
        started = time.perf_counter()
        listing = list_some(place)
        if listing.filter is None:
            # Everything anew: what earlier listings of this run rejected may be readable by now.
            self._listings.clear()
        self._listings.append(listing)
        self._run.rows_received += listing.rows_received
        requests = self.client.request_count
        tell_listed(self.progress, listing, requests, time.perf_counter() - started)
        counts = ServerCounts(None, None)
        if self._run.mode != "filtered":
            counts = fetch_counts(self.client)
        with open_warehouse(self.warehouse) as connection:
            bound_memory(connection, place, listing.referral_files)
            self._merge(connection, listing, counts, place)
            self._reconcile(connection, counts)
        return counts

    def _list(self, known: Known, place: Path) -> Listing:
        """What the mode asks for; everything where the server compares no dates."""
        if self._run.mode == "incremental" and known.newest_activity is not None:
            since = known.newest_activity - timedelta(days=self.settings.lookback_days)
            try:
                return self._lister.read(active_since(since), place)
            except RequestRefused:
                self._run.mode = "full"
        if self.wishes.filter:
            return self._lister.read(self.wishes.filter, place)
        return list_everything(self._lister, place)

    def _merge(
        self,
        connection: duckdb.DuckDBPyConnection,
        listing: Listing,
        counts: ServerCounts,
        place: Path,
    ) -> None:
        started = time.perf_counter()
        create_tables(connection)
        changes = find_changes(
            connection,
            listing.referral_files,
            listing.reject_files,
            may_repeat=listing.may_repeat,
            judge_vanished=self._is_everything(listing, counts),
            allow_vanish=self.wishes.allow_vanish,
            now=self._run.started_at,
            directory=place,
        )
        boundary = next_boundary(connection, self._run.started_at)
        merge = Merge(changes.versions, changes.rejects, None if changes.is_first else boundary)
        if changes.has_rows or not has_table(connection, "referral_rejects"):
            merge_changes(connection, merge, place / "dlt")
        check_merged(connection, merge)
        self._count(changes)
        self.progress.step(
            "load",
            "referrals",
            f"{changes.new_count:,} new, {changes.changed_count:,} changed",
            time.perf_counter() - started,
        )

    def _is_everything(self, listing: Listing, counts: ServerCounts) -> bool:
        """Whether all that the server has was listed, so that what is missing has vanished."""
        if listing.filter is not None:
            return False
        if listing.is_complete is None:
            # Without a total in the answers, the sum of the grouped counts takes its place.
            return counts.total is not None and listing.counted == counts.total
        return listing.is_complete

    def _count(self, changes: Changes) -> None:
        self._run.rows_new += changes.new_count
        self._run.rows_changed += changes.changed_count
        self._run.rows_vanished += changes.vanished_count
        tell_withheld(self.progress, changes.withheld_count)

    def _reconcile(self, connection: duckdb.DuckDBPyConnection, counts: ServerCounts) -> None:
        """Compare the server's counts with ours; a filtered load has nothing to compare."""
        started = time.perf_counter()
        reject_files = [file for listing in self._listings for file in listing.reject_files]
        referral_files = [file for listing in self._listings for file in listing.referral_files]
        ours = count_listed(connection, reject_files)
        self._run.rows_rejected = count_distinct(connection, reject_files, "record, reason")
        is_plain = len(self._listings) == 1 and not self._listings[0].may_repeat
        seen = (
            count_rows(connection, referral_files)
            if is_plain
            else count_distinct(connection, referral_files, "id")
        )
        self._run.rows_unchanged = max(0, seen - self._run.rows_new - self._run.rows_changed)
        if self._run.mode == "filtered":
            return
        self._outcome = reconcile(counts, ours)
        self._run.reconciled = self._outcome.is_reconciled
        self._run.server_total = counts.total
        self._run.warehouse_total = ours.total
        if counts.total is None:
            return
        sign = "=" if self._outcome.is_reconciled else "differs from"
        self.progress.step(
            "reconcile",
            "total" if counts.cells is None else "status x month",
            f"{counts.total:,} {sign} {ours.total:,}",
            time.perf_counter() - started,
        )

    def _conclude(self, connection: duckdb.DuckDBPyConnection, counts: ServerCounts) -> None:
        """Make the new state visible: the run's row and the views, in one transaction."""
        started = time.perf_counter()
        tell_rejects(self.progress, self._run.rows_rejected)
        tell_differences(self.progress, self._outcome)
        self._finish(succeeded=True)
        with transaction(connection):
            record_run(connection, self._run)
            record_totals(connection, self._run.finished_at or self.clock(), counts)
            view_count = refresh_views(connection, self.sla_rules)
        connection.execute("checkpoint")
        self.progress.step("views", "marts", f"{view_count} views", time.perf_counter() - started)

    def _finish(self, *, succeeded: bool) -> None:
        self._run.finished_at = self.clock()
        self._run.succeeded = succeeded
        self._run.requests = self.client.request_count
        self._run.retries = self.client.retry_count

    def _record_failure(self, error: str) -> None:
        """Write the row of a run that failed, where the warehouse can be written."""
        self._finish(succeeded=False)
        self._run.reconciled = None
        self._run.error = error
        try:
            with open_warehouse(self.warehouse, wait_seconds=0) as connection:
                create_tables(connection)
                record_run(connection, self._run)
        except (ReferralsError, duckdb.Error):
            self.progress.warn("The failed run could not be recorded in load_runs either.")


def _choose_mode(known: Known, wishes: Wishes, now: datetime) -> str:
    if wishes.filter:
        return "filtered"
    is_verified = known.verified_at is not None and now - known.verified_at < FULL_LISTING_EVERY
    if wishes.full or known.newest_activity is None or not is_verified:
        return "full"
    return "incremental"
