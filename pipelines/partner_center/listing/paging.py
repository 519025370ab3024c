"""The pages of one reading of the endpoint, from the first to the last."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import parse_qsl, urljoin, urlsplit

import pyarrow.compute as pc

from partner_center.errors import ServerFailed
from partner_center.http.client import PartnerCenterClient
from partner_center.records.page import Page, read_page
from partner_center.settings import PartnerCenterSettings


class Pages:
    """The pages of one reading, in order; several are asked for at once where that is safe."""

    def __init__(
        self, client: PartnerCenterClient, settings: PartnerCenterSettings, filter: str | None
    ) -> None:
        self._client = client
        self._settings = settings
        self._filter = {"filter": filter} if filter else {}
        self.ignores_skip = False

    def __iter__(self) -> Generator[Page, None, None]:
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
        try:
            target = urljoin(self._client.url, link)
            is_here = _origin(target) == _origin(self._client.url)
        except ValueError:
            is_here = False
        if not is_here:
            raise ServerFailed(
                f"Partner Center's next page would be at {link[:200]!r}, another host than "
                f"{self._client.url}; the token is not sent there. The warehouse is as it was."
            )
        return self._client.get(dict(parse_qsl(urlsplit(target).query)), read_page)

    def _one_by_one(self, page: Page) -> Iterator[Page]:
        """Page on to the end that the total, the links or an empty page tell."""
        received = page.item_count
        carried_link = False
        followed: set[str] = set()
        while page.item_count:
            total, link = page.envelope.total, page.envelope.next_link
            carried_link = carried_link or link is not None
            if received >= total if total is not None else carried_link and link is None:
                return
            if link in followed:
                self.ignores_skip = True
                return
            followed |= {link} if link else set()
            following = (
                self._follow(link) if link else self._fetch(received, self._settings.page_size)
            )
            if following.item_count and _holds_nothing_new(following, page):
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
        workers = ThreadPoolExecutor(self._settings.parallel_requests)
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
            # Nobody waits for the others once one has failed, or the user has had enough.
            with self._client.cancelling():
                workers.shutdown(cancel_futures=True)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _holds_nothing_new(page: Page, before: Page) -> bool:
    """Whether a page repeats the one before it, in whatever order."""
    return bool(pc.all(pc.is_in(page.ids, value_set=before.ids.unique())).as_py())
