"""Patience: how long every worker waits when the server asks for it."""

import threading
import time

from pipelines.errors import Throttled


class Throttle:
    """Holds all workers of a run back together, for `max_wait_seconds` in all."""

    def __init__(self, max_wait_seconds: float) -> None:
        self._max_wait_seconds = max_wait_seconds
        self._held_seconds = 0.0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def hold(self, seconds: float) -> None:
        """Let no request start for `seconds` from now; raises Throttled if that is too long."""
        with self._lock:
            now = time.monotonic()
            added = now + seconds - max(self._free_at, now)
            if added <= 0:
                return
            if self._held_seconds + added > self._max_wait_seconds:
                raise Throttled(
                    f"Partner Center asks to wait {seconds:.0f} s, beyond the "
                    f"{self._max_wait_seconds:.0f} s that one run may wait (max_wait_seconds). "
                    "The warehouse is as it was; run the load again later."
                )
            self._held_seconds += added
            self._free_at = now + seconds

    def wait(self) -> None:
        """Return when requests may start."""
        while (seconds := self._free_at - time.monotonic()) > 0:
            time.sleep(seconds)
