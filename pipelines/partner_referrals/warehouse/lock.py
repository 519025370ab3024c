"""One load at a time on one warehouse."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from partner_referrals.errors import Locked, UsageError
from partner_referrals.warehouse.connection import LOCK_WAIT_SECONDS, require_usable


@contextmanager
def run_lock(warehouse: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the run lock of `warehouse`; raises Locked where another run keeps it.

    The lock goes with its process, so a killed run leaves none behind.
    """
    require_usable(warehouse)
    file = warehouse.with_name(f"{warehouse.name}.lock")
    lock = FileLock(file)
    try:
        lock.acquire(timeout=wait_seconds)
    except Timeout as error:
        raise Locked(
            f"Another load of {warehouse} is running ({_holder(file)}), and still was after "
            f"{wait_seconds:.0f} s. Nothing was changed; try again when it is done."
        ) from error
    except OSError as error:
        raise UsageError(
            f"The run lock {file} cannot be written: {error.strerror}. Nothing was changed."
        ) from error
    try:
        file.write_text(f"process {os.getpid()}\n")
        yield
    finally:
        lock.release()


def _holder(file: Path) -> str:
    try:
        return file.read_text().strip() or "its process is not known"
    except OSError:
        return "its process is not known"
