"""Patience: when requests may go out, and how long a run may wait in all."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from partner_center.errors import Throttled


class Abandoned(Exception):
    """Nobody waits for this request any more."""


class Throttle:
    """Lets the requests of all workers of a run go out, with pauses of `max_wait_seconds` in all.

    After a pause they go out one at a time, and each good answer lets one more go along.
    """

    def __init__(self, max_wait_seconds: float) -> None:
        self._max_wait_seconds = max_wait_seconds
        self._waited_seconds = 0.0
        self._pause_ends_at = 0.0
        self._width: float = math.inf
        self._under_way = 0
        self._refusal = ""
        self._is_abandoned = False
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[float]:
        """Wait until one request may go out, and count it as under way within the block.

        Yields the pause that it comes after, for `widen`. Raises Throttled or Abandoned where there
        is nothing to wait for any more.
        """
        with self._changed:
            self._wait()
            self._under_way += 1
            pause = self._pause_ends_at
        try:
            yield pause
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _wait(self) -> None:
        while True:
            if self._is_abandoned:
                raise Abandoned
            if self._refusal:
                raise Throttled(self._refusal)
            seconds = self._pause_ends_at - time.monotonic()
            if seconds <= 0 and self._under_way < self._width:
                return
            self._changed.wait(seconds if seconds > 0 else None)

    def widen(self, pause: float) -> None:
        """Let one more request go along, after a good answer to one that came after `pause`."""
        with self._changed:
            # One that went out before the last pause says nothing about what is bearable now.
            if pause == self._pause_ends_at:
                self._width += 1
                self._changed.notify_all()

    def hold(self, seconds: float | None, said: str) -> None:
        """Let no request go out for `seconds` from now; None: for as long again as so far.

        To be called within a turn. Raises Throttled, here and wherever a turn is waited for, if
        that is longer than the run may wait; `said` is what the server said.
        """
        with self._changed:
            self._width = 1
            now = time.monotonic()
            seconds = max(1.0, self._waited_seconds) if seconds is None else seconds
            added = max(0.0, now + seconds - max(self._pause_ends_at, now))
            if self._waited_seconds + added > self._max_wait_seconds:
                self._refusal = (
                    f"Partner Center asks to wait {seconds:.0f} s after {self._waited_seconds:.0f} "
                    f"s of waiting, beyond the {self._max_wait_seconds:.0f} s that one run may "
                    f"wait (max_wait_seconds): {said}. The warehouse is as it was; run the load "
                    "again later."
                )
                raise Throttled(self._refusal)
            if added:
                self._waited_seconds += added
                self._pause_ends_at = now + seconds

    def sleep(self, seconds: float) -> None:
        """Wait between two attempts; not to the end if the request is abandoned meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_abandoned, seconds)

    @contextmanager
    def abandoned(self) -> Iterator[None]:
        """Within the block, whoever waits here or comes here is sent away with Abandoned."""
        with self._changed:
            self._is_abandoned = True
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._is_abandoned = False
