"""Everything that a filter selects, read page by page and counted against the server's total."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
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
# So many in a row without a new id: what is missing is not to be met this way.
MAX_FRUITLESS_READINGS = 3

OnPage = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Listing:
    """What the server holds for one filter.

    `referral_files` (of SEEN_SCHEMA) and `reject_files` are Parquet files in the order received;
    where `may_repeat`, one id may stand in them more than once, and the last one received counts.
    `counted` is what a complete listing has in common with the server's count: distinct ids,
    rejects without an id, and ids that stand twice in one page. `is_complete` is None where the
    answers tell no total.
    """

    filter: str | None
    referral_files: tuple[Path, ...]
    reject_files: tuple[Path, ...]
    may_repeat: bool
    rows_received: int
    counted: int
    total: int | None
    is_complete: bool | None
    unknown_fields: frozenset[str]
    absent_fields: frozenset[str]


@dataclass
class _Reading:
    """The counts of one pass over all pages."""

    spool: Spool
    totals: set[int | None] = field(default_factory=set)
    rows: int = 0
    id_count: int = 0
    repeated_ids: int = 0
    anonymous_rejects: int = 0
    ignores_skip: bool = False
    unknown_fields: frozenset[str] = frozenset()
    absent_fields: frozenset[str] | None = None

    def take(self, page: Page) -> None:
        self.spool.append(page)
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
    """Readings under a total that stands still, and how many ids they met together."""

    connection: duckdb.DuckDBPyConnection
    readings: list[_Reading] = field(default_factory=list)
    rows_received: int = 0
    id_count: int | None = None
    fruitless_readings: int = 0

    def add(self, reading: _Reading) -> None:
        self.rows_received += reading.rows
        if self.readings and self.readings[-1].totals != reading.totals:
            self.readings, self.id_count = [], None
        self.readings.append(reading)
        before, self.id_count = self.id_count, self._count_ids()
        self.fruitless_readings = self.fruitless_readings + 1 if before == self.id_count else 0

    def _count_ids(self) -> int:
        """Distinct ids of all readings."""
        found: int = self.connection.execute(
            "select count(distinct id) from (select id from read_parquet($referrals) "
            "union all select id from read_parquet($rejects))",
            {
                "referrals": [str(reading.spool.referrals) for reading in self.readings],
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
        if last.totals == {None}:
            return False if last.ignores_skip else None
        return self.counted == last.steady_total

    @property
    def is_settled(self) -> bool:
        """Whether another reading would find out nothing."""
        return (
            bool(self.is_complete)
            or self.readings[-1].totals == {None}
            or self.fruitless_readings == MAX_FRUITLESS_READINGS
        )

    def listing(self, filter: str | None) -> Listing:
        last = self.readings[-1]
        return Listing(
            filter=filter,
            referral_files=tuple(reading.spool.referrals for reading in self.readings),
            reject_files=tuple(reading.spool.rejects for reading in self.readings),
            may_repeat=self.id_count != sum(reading.id_count for reading in self.readings),
            rows_received=self.rows_received,
            counted=self.counted,
            total=max((total for total in last.totals if total is not None), default=None),
            is_complete=self.is_complete,
            unknown_fields=frozenset().union(*(each.unknown_fields for each in self.readings)),
            absent_fields=last.absent_fields or frozenset(),
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

    def read(self, filter: str | None, directory: Path) -> Listing:
        """Read all referrals that `filter` selects into files in `directory`.

        Reads again while ids are missing against a total that stands still, and pools the ids of
        these readings; a total that moves starts anew.
        """
        with duckdb.connect() as connection:
            # It would stand in the middle of our own lines.
            connection.execute("set enable_progress_bar = false")
            bound_memory(connection, directory)
            pool = _Pool(connection)
            for number in range(MAX_READINGS):
                spool = Spool(connection, directory, f"{number:02}", self.seen_at)
                pool.add(self._read_once(filter, spool))
                if pool.is_settled:
                    break
        return pool.listing(filter)

    def _read_once(self, filter: str | None, spool: Spool) -> _Reading:
        pages = Pages(self.client, self.settings, filter)
        reading = _Reading(spool)
        # Closed here, so that a Ctrl-C between two pages ends the requests under way.
        with spool, closing(iter(pages)) as each:
            for page in each:
                reading.take(page)
                self.on_page(reading.rows, page.envelope.total)
        reading.ignores_skip = pages.ignores_skip
        if pages.ignores_total:
            # What was told counts something else than all rows.
            reading.totals = {None}
        return reading
