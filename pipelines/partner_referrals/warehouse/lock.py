"""One load, and one publish to a place, at a time."""

import errno
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from partner_referrals.errors import Locked, UsageError
from partner_referrals.warehouse.connection import LOCK_WAIT_SECONDS, require_usable

_log = logging.getLogger(__name__)

_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EINVAL)


def lock_of(warehouse: Path) -> Path:
    """The file that a load of `warehouse` locks; the same for every link to it."""
    file = warehouse.resolve()
    return file.with_name(f"{file.name}.lock")


@contextmanager
def run_lock(warehouse: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the run lock of `warehouse`; raises Locked where another run keeps it."""
    require_usable(warehouse)
    with lock_file(lock_of(warehouse), f"Another load of {warehouse}", wait_seconds):
        yield


@contextmanager
def lock_file(file: Path, other: str, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold a lock that goes with this process, so that a killed one leaves none behind.

    `other` says in messages who else may hold it. Raises Locked where it still does after
    `wait_seconds`, UsageError where the file cannot be locked.
    """
    # Not in the file itself, which Windows lets nobody write while it is locked.
    note = file.with_name(f"{file.name}.pid")
    try:
        try:
            lock = _acquire(file, 0)
        except Timeout:
            _log.warning(
                "%s is running (%s). Waiting for its end, %.0f s at most.",
                other,
                _read_holder(note),
                wait_seconds,
            )
            lock = _acquire(file, wait_seconds)
    except Timeout as error:
        raise Locked(
            f"{other} is running ({_read_holder(note)}), and still was after "
            f"{wait_seconds:.0f} s. Nothing was changed; try again when it is done."
        ) from error
    except OSError as error:
        raise UsageError(
            f"The lock {file} cannot be written: {error.strerror}. Nothing was changed; "
            "correct the permissions of its directory."
        ) from error
    try:
        with suppress(OSError):
            note.write_text(f"process {os.getpid()}")
        yield
    finally:
        with suppress(OSError):
            note.unlink(missing_ok=True)
        lock.release()


def _acquire(file: Path, wait_seconds: float) -> BaseFileLock:
    """A lock of the system; on a share that has none, the existence of a file takes its place."""
    lock: BaseFileLock = FileLock(file)
    # filelock warns where it does so by itself, as if there were something to be done.
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        try:
            lock.acquire(timeout=wait_seconds)
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                raise
            lock = SoftFileLock(f"{file}.held")
            lock.acquire(timeout=wait_seconds)
    return lock


def _read_holder(note: Path) -> str:
    try:
        return note.read_text().strip() or "its process is not known"
    except OSError:
        return "its process is not known"
