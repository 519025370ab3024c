"""The temporary directory of a load."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from partner_referrals.warehouse.connection import explain_errors


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
    file = warehouse.resolve()
    beside = file.with_name(f"{file.name}.work")
    if re.fullmatch(rf"[\w .:{re.escape(os.sep)}-]*", str(beside)):
        return beside
    number = hashlib.sha256(str(beside).encode(errors="surrogateescape")).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"referrals-{number}.work"
