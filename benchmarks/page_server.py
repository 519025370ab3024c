"""Serves pages from disk as the endpoint would, with next to no work of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pages import PAGE_ROWS, World


class PageServer(ThreadingHTTPServer):
    """Answers out of `world`, after `seconds_a_page` of waiting."""

    daemon_threads = True

    def __init__(self, world: World, seconds_a_page: float = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.world = world
        self.seconds_a_page = seconds_a_page

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PageServer
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        world = self.server.world
        time.sleep(self.server.seconds_a_page)
        if "groupby" in asked:
            self._send(world.groups, b"", b"")
            return
        is_recent = "filter" in asked
        pages = world.recent_pages if is_recent else world.pages
        total = world.recent_total if is_recent else world.total
        skip = int(asked.get("skip", 0))
        page = pages[min(skip // PAGE_ROWS, len(pages) - 1)]
        if asked.get("top") == "1" or skip >= total > 0:
            # Who asks for one referral wants to know the total; behind the last there is none.
            self._send_bytes(b'{"items":[],"totalCount":%d}' % total)
        elif parts.path == "/bare":
            self._send(page, b"", b"")
        else:
            self._send(page, b'{"items":', b',"totalCount":%d}' % total)

    def _send_bytes(self, body: bytes) -> None:
        self._begin(len(body))
        self.wfile.write(body)

    def _begin(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def _send(self, file: Path, before: bytes, after: bytes) -> None:
        self._begin(len(before) + file.stat().st_size + len(after))
        self.wfile.write(before)
        with file.open("rb") as body:
            self.connection.sendfile(body)
        self.wfile.write(after)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing."""


@contextmanager
def serving(world: World, seconds_a_page: float = 0) -> Iterator[PageServer]:
    """A server in threads of this process."""
    with PageServer(world, seconds_a_page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
