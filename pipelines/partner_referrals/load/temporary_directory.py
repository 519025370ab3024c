"""Where a load keeps what it does not need any more once it ends."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from partner_referrals.errors import WarehouseFailed


@contextmanager
def told_failures(warehouse: Path) -> Iterator[None]:
    """Say in a sentence what a full disk or a broken file means."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise WarehouseFailed(
            f"The load could not be finished: {error}. No reader of {warehouse} sees a part of it; "
            "correct the cause (disk space, permissions) and run the load again."
        ) from error


@contextmanager
def workplace(warehouse: Path) -> Iterator[Path]:
    """A new directory beside the warehouse for the spool and for dlt, removed at the end.

    What a killed run left there would be loaded in place of the changes, so it goes first. The
    caller holds the run lock.
    """
    directory = warehouse.with_name(f"{warehouse.name}.work")
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with told_failures(warehouse):
            directory.mkdir()
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
