"""Copies the warehouse, consistent while nothing writes it."""

import shutil
import tempfile
from pathlib import Path

import duckdb

from partner_center.resources import RESOURCES
from partner_referrals.errors import UsageError
from partner_referrals.load.account import read_account
from partner_referrals.output.files import require_writable, write_file
from partner_referrals.warehouse.connection import has_load, open_warehouse
from partner_referrals.warehouse.lock import run_lock
from partner_referrals.warehouse.tables import current_rows, has_table


def back_up(warehouse: Path, copy: Path) -> dict[str, int]:
    """Write a copy of the warehouse to `copy`; how many of each kind of record it holds.

    The kinds are called as messages call them, such as "referrals"; those never loaded are left
    out.

    The run lock is held meanwhile. Raises UsageError where `copy` exists and is not a copy of a
    warehouse of the same account, or cannot be written.
    """
    require_writable(copy, inputs=[warehouse])
    with run_lock(warehouse):
        # Opened for writing, so that what lies in the write-ahead log is in the file.
        with open_warehouse(warehouse, read_only=False) as connection:
            if not has_load(connection):
                raise UsageError(f"{warehouse} holds no load yet. Run 'referrals load' first.")
            connection.execute("checkpoint")
            account = read_account(connection)
        if copy.exists() and not _is_copy_of(copy, account):
            raise UsageError(
                f"{copy} is not an older copy of this account's warehouse, so it is not replaced. "
                "Name another file."
            )
        with tempfile.TemporaryDirectory(dir=copy.parent, prefix=".referrals-") as directory:
            draft = Path(directory) / "copy.duckdb"
            shutil.copyfile(warehouse, draft)
            with open_warehouse(draft, read_only=True) as connection:
                counts = _count_records(connection)
            with write_file(copy, inputs=[warehouse]) as out, draft.open("rb") as source:
                shutil.copyfileobj(source, out)
    return counts


def _count_records(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many records of each kind hold now."""
    counts = {}
    for resource in RESOURCES.values():
        if has_table(connection, resource.table.name):
            rows = connection.execute(f"select count(*) from {current_rows(resource.table)}")
            counts[resource.noun] = int(rows.fetchall()[0][0])
    return counts


def _is_copy_of(copy: Path, account: object) -> bool:
    """Whether `copy` is a warehouse of this account."""
    try:
        with open_warehouse(copy, read_only=True, wait_seconds=0) as connection:
            return has_table(connection, "load_runs") and read_account(connection) == account
    except (UsageError, duckdb.Error):
        return False
