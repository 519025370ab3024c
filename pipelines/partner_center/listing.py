"""Everything that a filter selects, read page by page and counted against the server's total."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipelines.partner_center.client import PartnerCenterClient
from pipelines.partner_center.pages import Pages
from pipelines.partner_center.records import Page
from pipelines.partner_center.settings import PartnerCenterSettings
from pipelines.partner_center.spool import Spool

# Rows that move while they are paged are missed by one reading and met by another.
MAX_READINGS = 12
# So many in a row without a new id: what is missing is not to be met this way.
MAX_FRUITLESS_READINGS = 3

OnPage = Callable[[int, int | None], None]


@dataclass(frozen=True)
class Listing:
    """What the server holds for one filter.

    `referral_files` and `reject_files` are Parquet files in the order received; one id may stand
    in them more than once, and the last one received counts. `counted` is what a complete listing
    has in common with the server's count: distinct ids, rejects without an id, and ids that stand
    twice in one page. `is_complete` is None where the answers tell no total.
    """

    filter: str | None
    referral_files: tuple[Path, ...]
    reject_files: tuple[Path, ...]
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
    totals: set[int | None]
    repeated_ids: int = 0
    rows: int = 0
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
        self.repeated_ids += len(ids) - len(ids.unique())

    @property
    def steady_total(self) -> int | None:
        """The total that every page told; None where they differ or there is none."""
        return next(iter(self.totals)) if len(self.totals) == 1 else None


def list_referrals(
    client: PartnerCenterClient,
    settings: PartnerCenterSettings,
    filter: str | None,
    directory: Path,
    on_page: OnPage,
) -> Listing:
    """Read all referrals that `filter` selects into files in `directory`.

    Reads again while ids are missing against a total that stands still, and pools the ids of
    these readings; a total that moves starts anew. Calls `on_page(rows so far, total)`.
    """
    pool: list[_Reading] = []
    rows_received = counted = 0
    known_ids, fruitless = -1, 0
    for number in range(MAX_READINGS):
        reading = _read(Pages(client, settings, filter), Spool(directory, f"{number:02}"), on_page)
        rows_received += reading.rows
        if pool and pool[-1].totals != reading.totals:
            pool, known_ids = [], -1
        pool.append(reading)
        ids, anonymous = _count_ids(pool)
        counted = ids + anonymous + reading.repeated_ids
        if reading.totals == {None}:
            is_complete = False if reading.ignores_skip else None
            return _listing(filter, pool, rows_received, counted, is_complete)
        if counted == reading.steady_total:
            return _listing(filter, pool, rows_received, counted, is_complete=True)
        fruitless = fruitless + 1 if ids == known_ids else 0
        if fruitless == MAX_FRUITLESS_READINGS:
            break
        known_ids = ids
    return _listing(filter, pool, rows_received, counted, is_complete=False)


def _read(pages: Pages, spool: Spool, on_page: OnPage) -> _Reading:
    reading = _Reading(spool, set())
    # Closed here, so that a Ctrl-C between two pages ends the requests under way.
    with spool, closing(iter(pages)) as each:
        for page in each:
            reading.take(page)
            on_page(reading.rows, page.envelope.total)
    reading.ignores_skip = pages.ignores_skip
    return reading


def _count_ids(pool: list[_Reading]) -> tuple[int, int]:
    """Distinct ids of all readings, and the last reading's rejects that have no id."""
    referrals = [str(reading.spool.referrals) for reading in pool]
    rejects = [str(reading.spool.rejects) for reading in pool]
    with duckdb.connect() as connection:
        ids = connection.execute(
            "select count(distinct id) from (select id from read_parquet($referrals) "
            "union all select id from read_parquet($rejects))",
            {"referrals": referrals, "rejects": rejects},
        ).fetchall()[0][0]
        anonymous = connection.execute(
            "select count(*) from read_parquet($rejects) where id is null",
            {"rejects": rejects[-1:]},
        ).fetchall()[0][0]
    return ids, anonymous


def _listing(
    filter: str | None,
    pool: list[_Reading],
    rows_received: int,
    counted: int,
    is_complete: bool | None,
) -> Listing:
    totals = {total for total in pool[-1].totals if total is not None}
    return Listing(
        filter=filter,
        referral_files=tuple(reading.spool.referrals for reading in pool),
        reject_files=tuple(reading.spool.rejects for reading in pool),
        rows_received=rows_received,
        counted=counted,
        total=max(totals, default=None),
        is_complete=is_complete,
        unknown_fields=frozenset().union(*(reading.unknown_fields for reading in pool)),
        absent_fields=pool[-1].absent_fields or frozenset(),
    )
