"""Output that ends no command: a reader may stop early, and a log may be full."""

import io
import os
import sys
from typing import IO, Any


class _LenientFile(io.FileIO):
    """A file that leads to nowhere after an error of the kind `forgiven`."""

    forgiven: type[OSError] = OSError

    def write(self, data: Any) -> int:
        """Write the bytes, or drop them where that fails; how many."""
        try:
            return super().write(data)
        except self.forgiven:
            redirect_to_devnull(self)
            return len(data)


class _LenientPipe(_LenientFile):
    """A pipe that leads to nowhere once its reader has closed it."""

    forgiven = BrokenPipeError


def redirect_to_devnull(stream: IO[Any]) -> None:
    """Let what is still written to a stream with a file descriptor be dropped."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, stream.fileno())
    os.close(devnull)


def let_output_fail() -> None:
    """Let a command end with its own exit code, whoever reads what it writes.

    Otherwise `referrals status | head` would fail under `set -o pipefail`, or tell nothing of a
    stale warehouse, and a load would end where its log cannot be written. Only what standard output
    itself cannot take, a full disk for one, is still an error. What replaced a stream before, as
    tests do, stays.
    """
    _open_missing_streams()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _lenient(sys.stdout, _LenientPipe)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _lenient(sys.stderr, _LenientFile)


def _open_missing_streams() -> None:
    """Lead streams that were closed (`2>&-`) nowhere.

    A file that is opened later would get their number, and what C code prints would go into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _lenient(stream: Any, kind: type[_LenientFile]) -> Any:
    if stream.isatty():
        return stream
    file = io.BufferedWriter(kind(stream.fileno(), "wb", closefd=False))
    return io.TextIOWrapper(file, line_buffering=stream.line_buffering)
