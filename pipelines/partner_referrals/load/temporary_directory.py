"""The temporary directory of a load, and what a full disk or a broken file means."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from partner_referrals.errors import WarehouseFailed


@contextmanager
def explain_errors(warehouse: Path) -> Iterator[None]:
    """Turn errors of DuckDB and of the file system into WarehouseFailed."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise WarehouseFailed(
            f"The load could not be finished: {error}. No reader of {warehouse} sees a part of it; "
            "correct the cause (disk space, permissions) and run the load again."
        ) from error


@contextmanager
def temporary_directory(warehouse: Path) -> Iterator[Path]:
    """A new directory beside the warehouse for received pages and for dlt, removed at the end.

    dlt would load what a killed run left there instead of the new changes, so that is removed
    first. The caller holds the run lock.
    """
    directory = warehouse.with_name(f"{warehouse.name}.work")
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with explain_errors(warehouse):
            directory.mkdir()
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
