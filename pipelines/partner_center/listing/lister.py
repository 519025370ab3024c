"""Everything that a filter selects, read page by page and counted against the server's total."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import duckdb

from partner_center.http.client import PartnerCenterClient
from partner_center.listing.memory_limit import bound_memory
from partner_center.listing.paging import Pages
from partner_center.listing.spool import Spool
from partner_center.records.page import Page
from partner_center.settings import PartnerCenterSettings

# Rows that move while they are paged are missed by one reading and met by another.
MAX_READINGS = 12
# After this many in a row without a new id, what is missing will not be met by reading again.
MAX_FRUITLESS_READINGS = 3

OnPage = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Listing:
    """What the server holds for one filter; `filter` None: all of the resource.

    `row_files`, `reject_files` and `tag_files` are Parquet files in the order received; where
    `may_repeat`, one id may stand in them more than once, and the last one received counts.
    `since` is set where only what changed since then was asked for.
    `counted` is what a complete listing has in common with the server's count: distinct ids,
    rejects without an id, and ids that stand twice in one page. `is_complete` is None where the
    answers tell no total. Rows without an id are complete where two readings met the same ones.
    `is_paged` where it is of several answers, between which rows may have moved.
    """

    filter: str | None
    row_files: tuple[Path, ...]
    reject_files: tuple[Path, ...]
    tag_files: tuple[Path, ...]
    may_repeat: bool
    rows_received: int
    counted: int
    total: int | None
    is_complete: bool | None
    unknown_fields: frozenset[str]
    absent_fields: frozenset[str]
    since: datetime | None = None
    is_paged: bool = True


@dataclass
class _Reading:
    """The counts of one pass over all pages."""

    spool: Spool
    totals: set[int | None] = field(default_factory=set)
    pages: int = 0
    rows: int = 0
    id_count: int = 0
    repeated_ids: int = 0
    anonymous_rejects: int = 0
    misses_end: bool = False
    is_part: bool = False
    unknown_fields: frozenset[str] = frozenset()
    absent_fields: frozenset[str] | None = None

    def take(self, page: Page) -> None:
        self.spool.append(page)
        self.pages += page.item_count > 0
        self.rows += page.item_count
        self.totals.add(page.envelope.total)
        self.unknown_fields |= page.unknown_fields
        if page.item_count:
            absent = page.absent_fields
            self.absent_fields = absent & (
                absent if self.absent_fields is None else self.absent_fields
            )
        ids = page.ids
        self.id_count += len(ids)
        self.repeated_ids += len(ids) - len(ids.unique())
        self.anonymous_rejects += page.item_count - len(ids)

    @property
    def steady_total(self) -> int | None:
        """The total that every page told; None where they differ or there is none."""
        return next(iter(self.totals)) if len(self.totals) == 1 else None


@dataclass
class _Pool:
    """Readings under a total that stands still, and how many ids they met together.

    Without ids (`has_ids`) the last reading alone counts.
    """

    connection: duckdb.DuckDBPyConnection
    has_ids: bool = True
    readings: list[_Reading] = field(default_factory=list)
    rows_received: int = 0
    id_count: int | None = None
    fruitless_readings: int = 0
    is_confirmed: bool = True

    def add(self, reading: _Reading) -> None:
        self.rows_received += reading.rows
        before = self.id_count
        if self.readings and self.readings[-1].totals != reading.totals:
            self.readings, before = [], None
        if not self.has_ids:
            # A count cannot tell which rows moved while they were paged.
            self.is_confirmed = reading.pages < 2 or self._repeats(reading)
            self.readings, self.rows_received = [], reading.rows
        self.readings.append(reading)
        self.id_count = self._count_ids() if self.has_ids else 0
        self.fruitless_readings = self.fruitless_readings + 1 if before == self.id_count else 0

    def _repeats(self, reading: _Reading) -> bool:
        """Whether a reading met the same rows as the one before."""
        if not self.readings or self.readings[-1].rows != reading.rows:
            return False
        other = self.connection.execute(
            "select exists(from read_parquet($before) except all from read_parquet($now))",
            {"before": str(self.readings[-1].spool.rows), "now": str(reading.spool.rows)},
        ).fetchall()[0][0]
        return not other

    def _count_ids(self) -> int:
        """Distinct ids of all readings."""
        found: int = self.connection.execute(
            "select count(distinct id) from (select id from read_parquet($rows) "
            "union all select id from read_parquet($rejects))",
            {
                "rows": [str(reading.spool.rows) for reading in self.readings],
                "rejects": [str(reading.spool.rejects) for reading in self.readings],
            },
        ).fetchall()[0][0]
        return found

    @property
    def counted(self) -> int:
        last = self.readings[-1]
        return (self.id_count or 0) + last.anonymous_rejects + last.repeated_ids

    @property
    def is_complete(self) -> bool | None:
        last = self.readings[-1]
        if last.is_part:
            # The total counts more than what was asked for.
            return None
        if not self.is_confirmed:
            return False
        if last.totals == {None}:
            return False if last.misses_end else None
        return self.counted == last.steady_total

    @property
    def is_settled(self) -> bool:
        """Whether another reading would find out nothing."""
        return (
            self.readings[-1].is_part
            or bool(self.is_complete)
            or (self.readings[-1].totals == {None} and self.is_confirmed)
            or self.fruitless_readings == MAX_FRUITLESS_READINGS
        )

    def listing(self, filter: str | None) -> Listing:
        last = self.readings[-1]
        return Listing(
            filter=filter,
            row_files=tuple(reading.spool.rows for reading in self.readings),
            reject_files=tuple(reading.spool.rejects for reading in self.readings),
            tag_files=tuple(
                reading.spool.tags for reading in self.readings if reading.spool.tags.exists()
            ),
            may_repeat=self.id_count != sum(reading.id_count for reading in self.readings),
            rows_received=self.rows_received,
            counted=self.counted,
            total=max((total for total in last.totals if total is not None), default=None),
            is_complete=self.is_complete,
            unknown_fields=frozenset().union(*(each.unknown_fields for each in self.readings)),
            absent_fields=last.absent_fields or frozenset(),
            is_paged=any(reading.pages > 1 for reading in self.readings),
        )


def _ignore(rows: int, total: int | None) -> None:
    """Nobody wants to know how far a reading is."""


@dataclass(frozen=True)
class Lister:
    """Reads listings, and calls `on_page(rows so far, total)` on the way.

    `seen_at` is what the files say as `valid_from`.
    """

    client: PartnerCenterClient
    settings: PartnerCenterSettings
    on_page: OnPage = _ignore
    seen_at: datetime | None = None

    def read(self, filter: str | None, directory: Path, since: datetime | None = None) -> Listing:
        """Read all records that `filter` selects into files in `directory`.

        Reads again while ids are missing against a total that stands still, and pools the ids of
        these readings; a total that moves starts anew. With `since`, what changed last comes first
        and the reading ends where all is older.
        """
        resource = self.client.resource
        with duckdb.connect() as connection:
            # It would stand in the middle of our own lines.
            connection.execute("set enable_progress_bar = false")
            bound_memory(connection, directory)
            pages = Pages(self.client, self.settings, filter, since)
            pool = _Pool(connection, resource.is_versioned)
            for number in range(MAX_READINGS):
                spool = Spool(connection, directory, f"{number:02}", self.seen_at, resource)
                pool.add(self._read_once(pages, spool))
                if pool.is_settled:
                    break
        if since is None:
            return pool.listing(filter)
        return replace(pool.listing(f"{resource.cursor} since {since}"), since=since)

    def read_changes(self, since: datetime, directory: Path) -> Listing:
        """Read what changed since a timestamp (naive UTC), in the way that the resource offers.

        Raises what a server that cannot filter or sort answers; NotSorted is one of it.
        """
        filter_of = self.client.resource.changes_since
        if filter_of is None:
            return self.read(None, directory, since)
        return replace(self.read(filter_of(since), directory), since=since)

    def _read_once(self, pages: Pages, spool: Spool) -> _Reading:
        reading = _Reading(spool)
        # Closed here, so that a Ctrl-C between two pages ends the requests under way.
        with spool, closing(iter(pages)) as each:
            for page in each:
                reading.take(page)
                self.on_page(reading.rows, page.envelope.total)
        reading.misses_end, reading.is_part = pages.misses_end, pages.is_part
        if pages.ignores_total:
            # What was told counts something else than all rows.
            reading.totals = {None}
        return reading
