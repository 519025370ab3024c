"""Everything that a filter selects, read page by page and counted against the server's total."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import duckdb

from pipelines.errors import ServerFailed
from pipelines.partner_center.client import PartnerCenterClient
from pipelines.partner_center.filters import created_in
from pipelines.partner_center.records import Page, read_page
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


@dataclass
class _Reading:
    """The counts of one pass over all pages."""

    spool: Spool
    totals: set[int | None]
    repeated_ids: int = 0
    rows: int = 0
    ignores_skip: bool = False
    unknown_fields: frozenset[str] = frozenset()

    def take(self, page: Page) -> None:
        self.spool.append(page)
        self.rows += page.item_count
        self.totals.add(page.envelope.total)
        self.unknown_fields |= page.unknown_fields
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
        reading = _read(_Pages(client, settings, filter), Spool(directory, f"{number:02}"), on_page)
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


def list_months(
    client: PartnerCenterClient,
    settings: PartnerCenterSettings,
    months: Sequence[date | None],
    directory: Path,
    on_page: OnPage,
) -> Listing:
    """Read the referrals created in each of `months` (their first days; None: without a date)."""
    listings = []
    for number, month in enumerate(months):
        place = directory / f"month-{number:04}"
        place.mkdir()
        listings.append(list_referrals(client, settings, created_in(month), place, on_page))
    return Listing(
        filter=" or ".join(f"({each.filter})" for each in listings),
        referral_files=tuple(file for each in listings for file in each.referral_files),
        reject_files=tuple(file for each in listings for file in each.reject_files),
        rows_received=sum(each.rows_received for each in listings),
        counted=sum(each.counted for each in listings),
        total=None,
        is_complete=None,
        unknown_fields=frozenset().union(*(each.unknown_fields for each in listings)),
    )


def _read(pages: "_Pages", spool: Spool, on_page: OnPage) -> _Reading:
    reading = _Reading(spool, set())
    with spool:
        for page in pages:
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
    )


class _Pages:
    """The pages of one reading, in order; several are asked for at once where that is safe."""

    def __init__(
        self, client: PartnerCenterClient, settings: PartnerCenterSettings, filter: str | None
    ) -> None:
        self._client = client
        self._settings = settings
        self._filter = {"filter": filter} if filter else {}
        self.ignores_skip = False

    def __iter__(self) -> Iterator[Page]:
        first = self._fetch(0, self._settings.page_size)
        yield first
        if first.envelope.total is None or first.envelope.next_link is not None:
            yield from self._one_by_one(first)
        else:
            yield from self._side_by_side(first.item_count, first.envelope.total)

    def _fetch(self, skip: int, top: int) -> Page:
        return self._client.get({**self._filter, "top": top, "skip": skip}, read_page)

    def _follow(self, link: str) -> Page:
        """The page behind a next link, which may not lead to another origin."""
        target = urljoin(self._client.url, link)
        if urlsplit(target)[:2] != urlsplit(self._client.url)[:2]:
            raise ServerFailed(
                f"Partner Center's next page would be at {urlsplit(target).netloc}, another host "
                f"than {self._client.url}; the token is not sent there. The warehouse is as it was."
            )
        return self._client.get(dict(parse_qsl(urlsplit(target).query)), read_page)

    def _one_by_one(self, page: Page) -> Iterator[Page]:
        """Page on to the end that the total, the links or an empty page tell."""
        received = page.item_count
        carried_link = False
        while page.item_count:
            total, link = page.envelope.total, page.envelope.next_link
            carried_link = carried_link or link is not None
            if received >= total if total is not None else carried_link and link is None:
                return
            following = (
                self._follow(link) if link else self._fetch(received, self._settings.page_size)
            )
            if following.item_count and following.referrals.equals(page.referrals):
                self.ignores_skip = True
                return
            page = following
            received += page.item_count
            yield page

    def _side_by_side(self, start: int, total: int) -> Iterator[Page]:
        """Page through a known total, with as many requests under way as configured."""
        size = self._settings.page_size
        ranges = deque((skip, min(size, total - skip)) for skip in range(start, total, size))
        under_way: deque[tuple[int, int, Future[Page]]] = deque()
        with ThreadPoolExecutor(self._settings.parallel_requests) as workers:
            try:
                while ranges or under_way:
                    while ranges and len(under_way) < self._settings.parallel_requests:
                        skip, count = ranges.popleft()
                        under_way.append((skip, count, workers.submit(self._fetch, skip, count)))
                    skip, count, future = under_way.popleft()
                    page = future.result()
                    if 0 < page.item_count < count:
                        # A short page is not the end: the rest of its range is still to come.
                        ranges.appendleft((skip + page.item_count, count - page.item_count))
                    yield page
            finally:
                workers.shutdown(wait=False, cancel_futures=True)
