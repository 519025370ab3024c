"""Sends requests: each in its turn, with ids of its own, answered in whole within a deadline."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from typing import Any
from uuid import uuid4

from requests import ConnectionError, PreparedRequest, ReadTimeout, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from partner_center.errors import UsageError
from partner_center.http.throttle import Throttle


class Transport(HTTPAdapter):
    """What all sessions of a client send through; safe to share between threads.

    A server that asks for patience is asked again when the time has come. `request_count` counts
    every request sent, `retry_count` those sent again.
    """

    def __init__(self, throttle: Throttle, deadline_seconds: float) -> None:
        super().__init__(pool_maxsize=64)
        self.request_count = 0
        self.retry_count = 0
        self._throttle = throttle
        self._deadline_seconds = deadline_seconds
        self._watches: set[_Watch] = set()
        self._lock = threading.Lock()

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """The answer to `request`, its body read.

        Raises Throttled or Abandoned, and what requests raises.
        """
        while True:
            with self._watched(request) as timer, self._throttle.turn() as pause:
                self._book(request)
                timer.start()
                response = self._exchange(request, *args, **kwargs)
                # The same after a time-out, new after any answer ("Partner Center REST headers").
                request.headers["MS-RequestId"] = str(uuid4())
                if not _asks_for_patience(response):
                    if response.status_code == 200:
                        self._throttle.widen(pause)
                    return response
                self._throttle.hold(
                    _told_wait(response), f"{response.status_code} {say_id(request)}"
                )

    def _exchange(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """One request and its answer, read to its end within the deadline."""
        response = super().send(request, *args, **kwargs)
        try:
            # In one piece; requests takes 10 KB at a time, thrice the work for a full page.
            response._content = response.raw.read(decode_content=True)
        except HTTPError as error:
            raise ConnectionError(error, request=request) from error
        return response

    def _book(self, request: PreparedRequest) -> None:
        """Give one request its id and its place in the books."""
        signature = str(request.headers["Authorization"])
        if not (signature.isascii() and signature.isprintable()):
            # http.client would raise an error that repeats it.
            raise UsageError(
                "The access token has a line break or a character in it that no token has. Nothing "
                "was sent; set sources.partner_center.credentials.access_token anew."
            )
        # Microsoft support finds a call by this id ("Partner Center REST headers").
        is_retry = "MS-CorrelationId" in request.headers
        request.headers["MS-CorrelationId"] = str(uuid4())
        with self._lock:
            self.request_count += 1
            self.retry_count += is_retry

    def cut(self) -> None:
        """Break off every request that is under way."""
        for watch in list(self._watches):
            watch.cut()

    @contextmanager
    def _watched(self, request: PreparedRequest) -> Iterator[threading.Timer]:
        """Within the block the request can be cut; the timer, once started, does that in time.

        requests bounds each read alone, so that a server that drips could hold it for ever.
        """
        watch = _Watch()
        timer = threading.Timer(self._deadline_seconds, watch.cut)
        timer.daemon = True
        current = _current_watch.set(watch)
        self._watches.add(watch)
        try:
            yield timer
        except Exception:
            if not watch.is_cut:
                raise
        finally:
            timer.cancel()
            self._watches.discard(watch)
            _current_watch.reset(current)
        if watch.is_cut:
            # What a cut connection yields may look like anything, a short answer included.
            raise ReadTimeout(
                f"no whole answer within {self._deadline_seconds:g} s (RUNTIME__REQUEST_TIMEOUT)",
                request=request,
            ) from None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """The pool, whose connections tell their sockets to the watch (requests calls this)."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        # A proxy that speaks SOCKS has connections of its own kind; those are not watched.
        kind = _WATCHED.get(pool.ConnectionCls)
        if kind:
            pool.ConnectionCls = kind
        return pool


class _Watch:
    """Breaks the connection of one request off when told to."""

    def __init__(self) -> None:
        self.is_cut = False
        self._socket: socket.socket | None = None

    def see(self, connected: Any) -> None:
        self._socket = connected
        if self.is_cut:
            self.cut()

    def cut(self) -> None:
        self.is_cut = True
        if self._socket:
            # Unlike a close, this wakes whoever reads from it.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


_current_watch: ContextVar[_Watch] = ContextVar("current_watch")


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        _current_watch.get().see(self.sock)
        return super().getresponse()


class _SecureConnection(_Connection, HTTPSConnection):
    pass


_WATCHED: dict[Any, Any] = {HTTPConnection: _Connection, HTTPSConnection: _SecureConnection}


def say_id(request: PreparedRequest) -> str:
    """How a message names one call, for Microsoft support."""
    return f"(MS-CorrelationId {request.headers['MS-CorrelationId']!s})"


def _asks_for_patience(response: Response) -> bool:
    status = response.status_code
    return status == 429 or (status == 503 and "Retry-After" in response.headers)


def _told_wait(response: Response) -> float | None:
    """Seconds that the server asks for; None where it does not say."""
    told = response.headers.get("Retry-After", "").strip()
    if told.replace(".", "", 1).isdecimal():
        return float(told) or None
    until = _moment(told)
    # By the clock that the told moment comes from, if we know it; ours may be wrong.
    now = _moment(response.headers.get("Date", "")) or _moment(formatdate(usegmt=True))
    if until is None or now is None or until <= now:
        return None
    return (until - now).total_seconds()


def _moment(text: str) -> datetime | None:
    """An HTTP date, or None if it is none."""
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC)
    except ValueError:
        return None
