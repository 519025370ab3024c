"""Sends requests: each with new ids, answered in full within a deadline, paced by the throttle."""

import http.client
import socket
import threading
import zlib
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
from partner_center.http.body import read_body
from partner_center.http.throttle import Throttle

# The request timed out on the way, or came too early: it is sent again as the same request.
TIMEOUT_STATUSES = (408, 425)


class Transport(HTTPAdapter):
    """The adapter that all sessions of a client send through; safe to share between threads.

    Waits and sends again where the server throttles. `request_count` counts every request sent,
    `retry_count` those sent again.
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
        """The answer to `request`, with its body read.

        Raises Throttled or RequestCancelled, and what requests raises.
        """
        while True:
            with self._watched(request) as timer, self._throttle.slot() as pause:
                self._register(request)
                timer.start()
                response = self._exchange(request, *args, **kwargs)
                # The same after a timeout, new after any answer ("Partner Center REST headers").
                if response.status_code not in TIMEOUT_STATUSES:
                    request.headers["MS-RequestId"] = str(uuid4())
                if not _is_throttled(response):
                    if response.status_code == 200:
                        self._throttle.widen(pause)
                    return response
                self._throttle.pause(
                    _retry_after(response), f"{response.status_code} {correlation_id(request)}"
                )

    def _exchange(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """One request and its answer, read to its end within the deadline."""
        response = super().send(request, *args, **kwargs)
        try:
            response._content = read_body(response)
        except (HTTPError, zlib.error) as error:
            raise ConnectionError(error, request=request) from error
        finally:
            if response._content is False:
                response.close()
        return response

    def _register(self, request: PreparedRequest) -> None:
        """Check the token, give the request a correlation id of its own, and count it."""
        signature = str(request.headers["Authorization"])
        if not (signature.isascii() and signature.isprintable()):
            # The error of http.client would repeat the token.
            raise UsageError(
                "The access token contains a line break or another character that no token has. "
                "Nothing was sent; set sources.partner_center.credentials.access_token again."
            )
        is_retry = "MS-CorrelationId" in request.headers
        # Microsoft support finds a call by this id ("Partner Center REST headers").
        request.headers["MS-CorrelationId"] = str(uuid4())
        # The same for the engagements API, which requires it.
        request.headers["client-request-id"] = request.headers["MS-CorrelationId"]
        with self._lock:
            self.request_count += 1
            self.retry_count += is_retry

    def cut(self) -> None:
        """Abort every running request."""
        for watch in list(self._watches):
            watch.cut()

    @contextmanager
    def _watched(self, request: PreparedRequest) -> Iterator[threading.Timer]:
        """Within the block the request can be aborted; the timer, once started, does so.

        The timeout of requests is for each read, so a server that sends a byte now and then could
        keep a request alive for ever.
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
            # An aborted connection may look like anything, a short answer included.
            raise ReadTimeout(
                f"the answer was not complete within {self._deadline_seconds:g} s "
                "(RUNTIME__REQUEST_TIMEOUT)",
                request=request,
            ) from None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """The connection pool, whose connections hand their sockets to the watch."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        # Connections through a SOCKS proxy have a class of their own and are not watched.
        kind = _WATCHED.get(pool.ConnectionCls)
        if kind:
            pool.ConnectionCls = kind
        return pool


class _Watch:
    """Aborts the connection of one request on demand."""

    def __init__(self) -> None:
        self.is_cut = False
        self._socket: socket.socket | None = None

    def attach(self, connected: Any) -> None:
        self._socket = connected
        if self.is_cut:
            self.cut()

    def cut(self) -> None:
        self.is_cut = True
        if self._socket:
            # Unlike a close, this wakes the thread that reads from it.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


_current_watch: ContextVar[_Watch] = ContextVar("current_watch")


class _FinalResponse(http.client.HTTPResponse):
    """Skips every interim answer; http.client skips 100 only."""

    def _read_status(self) -> tuple[str, int, str]:
        status: tuple[str, int, str] = super()._read_status()  # type: ignore[misc]
        while 100 < status[1] < 200 and status[1] != http.client.SWITCHING_PROTOCOLS:
            http.client.parse_headers(self.fp)
            status = super()._read_status()  # type: ignore[misc]
        return status


class _Connection(HTTPConnection):
    response_class = _FinalResponse

    def getresponse(self) -> HTTPResponse:  # type: ignore[override] # as in urllib3
        _current_watch.get().attach(self.sock)
        return super().getresponse()


class _SecureConnection(_Connection, HTTPSConnection):
    pass


_WATCHED: dict[Any, Any] = {HTTPConnection: _Connection, HTTPSConnection: _SecureConnection}


def correlation_id(request: PreparedRequest) -> str:
    """The id of one call as messages show it, for Microsoft support."""
    return f"(MS-CorrelationId {request.headers['MS-CorrelationId']!s})"


def _is_throttled(response: Response) -> bool:
    status = response.status_code
    return status in (429, 509) or (status == 503 and "Retry-After" in response.headers)


def _retry_after(response: Response) -> float | None:
    """Seconds that the server asks to wait; None where it does not say, or not intelligibly."""
    text = response.headers.get("Retry-After", "").strip()
    if text.replace(".", "", 1).isdecimal():
        return float(text) or None
    until = _http_date(text)
    # By the server's clock, if the answer tells it; ours may be wrong.
    now = _http_date(response.headers.get("Date", "")) or _http_date(formatdate(usegmt=True))
    if until is None or now is None or until <= now:
        return None
    return (until - now).total_seconds()


def _http_date(text: str) -> datetime | None:
    """An HTTP date, always GMT; None if the text is none."""
    try:
        return parsedate_to_datetime(text).replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):
        return None
