"""Decides when requests may go out, and how long a run waits for a server that throttles."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from partner_center.errors import Throttled

_log = logging.getLogger(__name__)


class RequestCancelled(Exception):
    """The request is not needed any more."""


class Throttle:
    """Shared by the requests of all threads: at most `parallel_requests` of them run at once.

    Pauses add up to at most `max_wait_seconds`. After one, requests go out one at a time, and each
    success lets one more run in parallel. When a pause begins, that and its length are logged as a
    warning.
    """

    def __init__(self, max_wait_seconds: float, parallel_requests: int) -> None:
        self._max_wait_seconds = max_wait_seconds
        self._parallel_requests = parallel_requests
        self._waited_seconds = 0.0
        self._pause_ends_at = 0.0
        self._parallel_limit = parallel_requests
        self._running = 0
        self._refusal = ""
        self._is_cancelled = False
        self._changed = threading.Condition()

    @contextmanager
    def slot(self) -> Iterator[float]:
        """Wait until one request may go out, and count it as running within the block.

        Yields the end of the pause before it, for `widen`. Raises Throttled or RequestCancelled
        where waiting is pointless.
        """
        with self._changed:
            self._wait()
            self._running += 1
            pause = self._pause_ends_at
        try:
            yield pause
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _wait(self) -> None:
        while True:
            if self._is_cancelled:
                raise RequestCancelled
            if self._refusal:
                raise self._give_up()
            seconds = self._pause_ends_at - time.monotonic()
            if seconds <= 0 and self._running < self._parallel_limit:
                return
            self._changed.wait(seconds if seconds > 0 else None)

    def _give_up(self) -> Throttled:
        return Throttled(
            self._refusal, "What the warehouse holds is kept; run the load again later."
        )

    def widen(self, pause: float) -> None:
        """Allow one more request in parallel, after the success of one sent after `pause`."""
        with self._changed:
            # A request sent before the last pause says nothing about what the server bears now.
            if pause == self._pause_ends_at:
                self._parallel_limit = min(self._parallel_limit + 1, self._parallel_requests)
                self._changed.notify_all()

    def pause(self, seconds: float | None, answer: str) -> None:
        """Send no request for `seconds` from now; None: as long again as waited so far.

        Call it within a slot; `answer` describes the answer that asked for the pause. Raises
        Throttled, here and in every waiting thread, if that is longer than the run may wait.
        """
        with self._changed:
            self._parallel_limit = 1
            now = time.monotonic()
            seconds = max(1.0, self._waited_seconds) if seconds is None else seconds
            added = max(0.0, now + seconds - max(self._pause_ends_at, now))
            if self._waited_seconds + added > self._max_wait_seconds:
                self._refusal = (
                    f"Partner Center asks to wait {seconds:.0f} s after {self._waited_seconds:.0f} "
                    f"s of waiting, more than the {self._max_wait_seconds:.0f} s that one run may "
                    f"wait (max_wait_seconds): {answer}."
                )
                raise self._give_up()
            if added:
                self._waited_seconds += added
                self._pause_ends_at = now + seconds
        if added:
            _log.warning("Partner Center asks to wait %.0f s: %s.", seconds, answer)

    def sleep(self, seconds: float) -> None:
        """Wait between two attempts; returns early once requests are cancelled."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_cancelled, seconds)

    @contextmanager
    def cancelled(self) -> Iterator[None]:
        """Within the block, every thread that waits for a slot gets RequestCancelled."""
        with self._changed:
            self._is_cancelled = True
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._is_cancelled = False
