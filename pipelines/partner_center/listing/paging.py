"""The pages of one reading of the endpoint, from the first to the last."""

import logging
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from urllib.parse import urljoin, urlsplit

from partner_center.errors import (
    NotSorted,
    ReferralsError,
    RequestRefused,
    ServerFailed,
    TryAgainLater,
    optional_request,
)
from partner_center.http.client import PartnerCenterClient
from partner_center.records.page import Page
from partner_center.resources.resource import Paging
from partner_center.settings import PartnerCenterSettings

# A reading ends after this many pages in a row without a new record.
_MAX_FRUITLESS_PAGES = 10
# More rows than anybody has; a 32-bit number, as a server may count in.
_FAR_BEHIND = 10**9

_log = logging.getLogger(__name__)


class Pages:
    """The pages of each reading, in order; several are asked for at once where that is safe.

    With `since`, records that changed last come first, and the reading ends where all are older.
    After a reading `misses_end` says that it was ended where nothing new came, `ignores_total` that
    the totals told count something else than all rows, and `is_part` that older records came after
    those of the reading.
    """

    def __init__(
        self,
        client: PartnerCenterClient,
        settings: PartnerCenterSettings,
        filter: str | None,
        since: datetime | None = None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._paging = client.resource.paging
        self._read = client.resource.reader.read_page
        self._filter = filter
        self._since = since
        self._follows_links = True
        self._is_plain = False
        self._ignores_skip: bool | None = None
        self.misses_end = self.ignores_total = self.is_part = False

    def __iter__(self) -> Generator[Page, None, None]:
        self.misses_end = self.ignores_total = self.is_part = False
        self._ignores_skip = None
        pages = self._all_pages()
        return pages if self._since is None else self._until_older(pages, self._since)

    def _all_pages(self) -> Generator[Page, None, None]:
        first = self._fetch_first()
        yield first
        total, link = first.envelope.total, first.envelope.next_link
        self.ignores_total = total is not None and total < first.item_count
        if total is None or self.ignores_total or link or not self._paging.is_skip_sure:
            yield from self._one_by_one(first)
        else:
            yield from self._side_by_side(first, total)

    def _until_older(
        self, pages: Generator[Page, None, None], since: datetime
    ) -> Generator[Page, None, None]:
        """Pages whose records changed ever longer ago, up to the first that is all before `since`.

        Raises NotSorted where the server does not sort them so.
        """
        last: datetime | None = None
        cursor = self._client.resource.cursor
        for page in pages:
            yield page
            changed = [each for each in page.rows[cursor].to_pylist() if each]
            changed = changed if last is None else [last, *changed]
            if changed != sorted(changed, reverse=True):
                raise NotSorted(
                    "Partner Center did not sort the records by their last change, so that "
                    "everything has to be listed."
                )
            last = changed[-1] if changed else last
            if last is not None and last < since:
                self.is_part = True
                return

    def _fetch_first(self) -> Page:
        """The first page, in the server's own order and size if it refuses ours."""
        try:
            return self._fetch(0, self._settings.page_size)
        except RequestRefused:
            if self._filter or not self._paging.order:
                raise
        self._is_plain = True
        return self._fetch(0, self._settings.page_size)

    def _fetch(self, skip: int, top: int) -> Page:
        if self._is_plain:
            return self._client.get({self._paging.skip: skip} if skip else {}, self._read)
        parameters = self._paging.parameters(self._filter, top, skip)
        return self._client.get({**parameters, **self._paging.order}, self._read)

    def _follow(self, link: str, total: int | None) -> Page:
        """The page behind a next link on our own host.

        `total` is that of the page before, for a page that tells none.
        """
        page = self._client.get(urlsplit(link).query, self._read)
        if page.envelope.total is not None:
            return page
        return replace(page, envelope=replace(page.envelope, total=total))

    def _require_here(self, link: str) -> None:
        """Raise ServerFailed if a next link leads to another host."""
        try:
            is_here = _leads_here(urljoin(self._client.url, link), self._client.url, self._paging)
        except ValueError:
            is_here = False
        if not is_here:
            raise ServerFailed(
                f"Partner Center's next page would be at {link[:200]!r}, another host than "
                f"{self._client.url}; the token is not sent there. What the warehouse holds is "
                "kept."
            )

    def _one_by_one(self, page: Page) -> Iterator[Page]:
        """The following pages, to the end that the links or an empty page show."""
        known = _KnownIds(page)
        received = page.item_count
        told: int | None = None
        carried_link = False
        empty_pages = 0
        while True:
            link = self._link_of(page)
            carried_link = carried_link or link is not None
            if link is None and (not page.item_count or (carried_link and self._follows_links)):
                return
            # The largest, as rows that go while they are read make totals smaller.
            told = max(
                (each for each in (told, page.envelope.total) if each is not None), default=None
            )
            is_behind = told is not None and known.count >= told
            following = self._next(page, known, received, is_behind=is_behind)
            if following is None:
                # Where a full page is the last that can be had, more may stand behind it.
                is_full = page.item_count >= min(self._settings.page_size, self._paging.max_size)
                self.misses_end = told is None and is_full
                return
            page = following
            empty_pages = 0 if page.item_count else empty_pages + 1
            is_known = not known.add(page)
            if self._is_repeated(page, is_known, link) or empty_pages == _MAX_FRUITLESS_PAGES:
                self.misses_end = True
                return
            self.ignores_total = self.ignores_total or (is_behind and page.item_count > 0)
            received += page.item_count
            yield page

    def _next(
        self, page: Page, known: "_KnownIds", received: int, *, is_behind: bool
    ) -> Page | None:
        """The page that follows; None where the server refuses one that is not sure to be there.

        Where a next link does not work, the rows received are skipped, from then on for good.
        """
        link = self._link_of(page)
        if link is not None:
            self._require_here(link)
        try:
            if link is not None:
                return self._follow(link, page.envelope.total)
            return self._fetch(received, self._settings.page_size)
        except TryAgainLater:
            raise
        except ReferralsError as error:
            failed = error
        if link is None:
            if self._paging.is_skip_sure and not is_behind:
                raise failed
            return None
        with optional_request():
            following = self._fetch(received, self._settings.page_size)
            if not following.item_count or known.lacks(following):
                self._follows_links = False
                _log.warning(
                    "Partner Center's link to the next page of %s does not work: %s The pages are "
                    "asked for by skip instead.",
                    self._client.resource.noun,
                    failed.seen,
                )
                return following
        raise failed

    def _link_of(self, page: Page) -> str | None:
        return page.envelope.next_link if self._follows_links else None

    def _side_by_side(self, first: Page, total: int) -> Iterator[Page]:
        """Page through a known total, with as many requests under way as configured."""
        size = self._settings.page_size
        starts = iter(range(first.item_count, total, size))
        rests: deque[tuple[int, int]] = deque()
        under_way: deque[tuple[int, int, Future[Page]]] = deque()
        repeats = _Repeats(first)
        page = first
        is_at_end = False
        with self._client.workers() as workers:
            while True:
                while not is_at_end and len(under_way) < self._client.worker_count:
                    if rests:
                        skip, count = rests.popleft()
                    elif (start := next(starts, None)) is not None:
                        skip, count = start, min(size, total - start)
                    else:
                        break
                    under_way.append((skip, count, workers.submit(self._fetch, skip, count)))
                if not under_way:
                    break
                skip, count, future = under_way.popleft()
                page = future.result()
                if 0 < page.item_count < count:
                    # A short page is not the end: the rest of its range is still to come.
                    rests.append((skip + page.item_count, count - page.item_count))
                # Nothing is behind an empty page, however large the total is.
                is_at_end = is_at_end or not page.item_count
                yield page
                fruitless = repeats.count(page)
                is_time = fruitless and not fruitless % _MAX_FRUITLESS_PAGES
                if is_time and self._is_repeated(page, is_known=True):
                    self.misses_end = True
                    return
        if not is_at_end:
            yield from self._behind(total, first, page)

    def _behind(self, total: int, first: Page, last: Page) -> Iterator[Page]:
        """The page behind the total is empty; where other rows come there, it was no total."""
        page = first
        with optional_request():
            page = self._fetch(total, self._settings.page_size)
        if page is first:
            # A server that refuses what is behind its end has nothing there.
            return
        # Some send their first or last rows once more.
        known = _KnownIds(first, last)
        received = total
        while page.item_count and not self._is_repeated(page, not known.add(page)):
            self.ignores_total = True
            yield page
            received += page.item_count
            page = self._fetch(received, self._settings.page_size)
        self.misses_end = bool(page.item_count)

    def _is_repeated(self, page: Page, is_known: bool, link: str | None = None) -> bool:
        """Whether a page holds rows of before: what the server sends for every `skip`.

        Rows without ids may be equal on two pages, or come in another order each time, so that
        neither what is known nor what is new proves anything. Then only a server that ignores
        `skip` has rows far behind all of them, too.
        """
        if page.has_ids or not page.item_count or (link and is_known):
            return bool(page.item_count) and is_known
        if self._ignores_skip is None:
            with optional_request():
                self._ignores_skip = self._fetch(_FAR_BEHIND, 1).item_count > 0
        return is_known if self._ignores_skip is None else self._ignores_skip


class _KnownIds:
    """The ids of some pages, to notice that a server sends the same rows again and again.

    `count` is how many records these are; where they have no ids, equal ones count each.
    """

    def __init__(self, *pages: Page) -> None:
        self._hashes: set[int] = set()
        self.count = 0
        for page in pages:
            self.add(page)

    def lacks(self, page: Page) -> bool:
        """Whether `add` would find something new in the page."""
        return not self._hashes.issuperset(page.identities)

    def add(self, page: Page) -> bool:
        """Whether the page holds an id, or a rejected record without one, that was not known."""
        before = len(self._hashes)
        self._hashes.update(page.identities)
        self.count = len(self._hashes) if page.has_ids else self.count + page.item_count
        return len(self._hashes) > before


class _Repeats:
    """Counts pages that bring nothing new, where a server sends the same rows without end.

    What is known grows only from where a page begins as an earlier one did, which is never where
    a server does as it should: the ids of a large table would need much memory.
    """

    def __init__(self, first: Page) -> None:
        self._beginnings = _KnownIds(first.beginning)
        self._known: _KnownIds | None = None
        self._fruitless = 0

    def count(self, page: Page) -> int:
        """How many pages in a row have brought nothing new, this one included."""
        if self._known is None and not self._beginnings.add(page.beginning):
            self._known = _KnownIds()
        is_new = self._known is None or self._known.add(page)
        self._fruitless = 0 if is_new else self._fruitless + 1
        return self._fruitless


def _leads_here(target: str, ours: str, paging: Paging) -> bool:
    """Whether a link leads to our own origin, or at least to our host where only that counts."""
    if not paging.trusts_host_only:
        return _origin(target) == _origin(ours)
    there, here = urlsplit(target), urlsplit(ours)
    is_same_port = there.port is None or _origin(ours)[2] == there.port
    return there.hostname == here.hostname and (
        is_same_port or (there.scheme, there.port) == ("http", 80)
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
