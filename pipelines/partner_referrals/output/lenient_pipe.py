"""Standard output whose reader may stop early, as `head` does."""

import io
import os
import sys
from typing import IO, Any


class _LenientPipe(io.FileIO):
    """A pipe that leads to nowhere once its reader has closed it."""

    def write(self, data: Any) -> int:
        """Write the bytes, or drop them where nobody reads them any more; how many."""
        try:
            return super().write(data)
        except BrokenPipeError:
            lead_nowhere(self)
            return len(data)


def lead_nowhere(stream: IO[Any]) -> None:
    """Let what is still written to a stream with a file descriptor be dropped."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def let_reader_stop() -> None:
    """Let standard output go on, so that a command ends with its own exit code in any case.

    Otherwise `referrals status | head` would fail under `set -o pipefail`, or tell nothing of a
    stale warehouse. What replaced standard output before, as tests do, stays.
    """
    stream = sys.__stdout__
    if stream is not None and sys.stdout is stream and not stream.isatty():
        pipe = io.BufferedWriter(_LenientPipe(stream.fileno(), "wb", closefd=False))
        sys.stdout = io.TextIOWrapper(pipe)
