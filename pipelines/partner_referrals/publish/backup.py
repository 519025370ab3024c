"""Copies the warehouse, consistent while nothing writes it."""

import shutil
import tempfile
from pathlib import Path

import duckdb

from partner_referrals.errors import UsageError
from partner_referrals.output.files import require_writable, write_file
from partner_referrals.warehouse.account import Account, read_account
from partner_referrals.warehouse.connection import has_load, open_warehouse, require_usable
from partner_referrals.warehouse.lock import run_lock
from partner_referrals.warehouse.records import count_records
from partner_referrals.warehouse.tables import has_table


def back_up(warehouse: Path, copy: Path) -> dict[str, int]:
    """Write a copy of the warehouse to `copy`; how many records of each kind it holds.

    The run lock is held meanwhile. Raises UsageError where there is no warehouse, and where `copy`
    exists and holds more than an older copy of this warehouse would, or cannot be written;
    ReferralsError where writing fails on the way, a full disk for one.
    """
    require_usable(warehouse, must_exist=True)
    require_writable(copy, inputs=[warehouse])
    with run_lock(warehouse):
        # Opened for writing, so that what lies in the write-ahead log is in the file.
        with open_warehouse(warehouse, read_only=False) as connection:
            if not has_load(connection):
                raise UsageError(f"{warehouse} holds no load yet. Run 'referrals load' first.")
            connection.execute("checkpoint")
            held = _read_identity(connection)
        if copy.exists() and not _is_older_copy(copy, held):
            raise UsageError(
                f"{copy} is not an older copy of {warehouse}: it is something else, belongs to "
                "another account, or holds loads of its own. It is not replaced; name another file."
            )
        with (
            write_file(copy, inputs=[warehouse]) as out,
            tempfile.TemporaryDirectory(dir=copy.parent, prefix=".referrals-") as directory,
        ):
            draft = Path(directory) / "copy.duckdb"
            shutil.copyfile(warehouse, draft)
            with open_warehouse(draft, read_only=True) as connection:
                counts = count_records(connection)
            with draft.open("rb") as source:
                shutil.copyfileobj(source, out)
    return counts


def _read_identity(connection: duckdb.DuckDBPyConnection) -> tuple[Account | None, set[str]]:
    """Whose records these are, and the ids of all loads, failed ones included."""
    runs = connection.execute("select run_id from partner_center.load_runs").fetchall()
    return read_account(connection), {run_id for (run_id,) in runs}


def _is_older_copy(copy: Path, held: tuple[Account | None, set[str]]) -> bool:
    """Whether `copy` is a warehouse of this account, and each of its loads is in this one too."""
    try:
        with open_warehouse(copy, read_only=True, wait_seconds=0) as connection:
            if not has_table(connection, "load_runs"):
                return False
            account, runs = _read_identity(connection)
    except (UsageError, duckdb.Error):
        return False
    return account == held[0] and runs <= held[1]
