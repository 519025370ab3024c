"""The temporary directory of a load, and what a full disk or a broken file means."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from partner_referrals.errors import WarehouseFailed, reason_of


@contextmanager
def explain_errors(warehouse: Path) -> Iterator[None]:
    """Turn errors of DuckDB and of the file system into WarehouseFailed."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise WarehouseFailed(
            f"The load could not be finished: {reason_of(error)}. No reader of {warehouse} sees a "
            "part of it; correct the cause (disk space, permissions) and run the load again."
        ) from error


@contextmanager
def temporary_directory(warehouse: Path) -> Iterator[Path]:
    """A new directory for received pages and for dlt, removed at the end.

    dlt would load what a killed run left there instead of the new changes, so that is removed
    first. The caller holds the run lock.
    """
    directory = _place(warehouse)
    shutil.rmtree(directory, ignore_errors=True)
    try:
        with explain_errors(warehouse):
            directory.mkdir(mode=0o700)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _place(warehouse: Path) -> Path:
    """Beside the warehouse; where a folder above has an odd name, among the temporary files.

    dlt puts paths into SQL and templates as they are, and DuckDB takes `year=2024` for a column: a
    quote, a percent sign or the like in a folder's name would end each load.
    """
    beside = warehouse.absolute().with_name(f"{warehouse.name}.work")
    if re.fullmatch(rf"[\w .:{re.escape(os.sep)}-]*", str(beside)):
        return beside
    number = hashlib.sha256(str(beside).encode(errors="surrogateescape")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"referrals-{number}.work"
