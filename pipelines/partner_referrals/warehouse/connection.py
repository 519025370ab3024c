"""Open the warehouse, or say in a sentence why it cannot be opened."""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from partner_referrals.errors import Locked, UsageError, WarehouseFailed, reason_of

LOCK_WAIT_SECONDS = 60.0
_RETRY_SECONDS = 0.2
_SCHEMAS = (
    "partner_center",
    "partner_center_staging",
    "settings",
    "staging",
    "intermediate",
    "marts",
    "information_schema",
)
# DuckDB reads a backslash as a slash everywhere, and puts `.wal` before a question mark. Windows
# has neither in a name.
_NOT_IN_PATHS = "" if os.name == "nt" else "?\\"
# What DuckDB says where another process holds the file; on Windows, what the system says.
_HELD = re.compile(
    r"Conflicting lock is held in (?P<holder>.+?)(?:\. |$)|being used by another process"
)
_CANNOT_LOCK = re.compile(r'Could not set lock on file "[^"]*": (?P<reason>.+?)(?:\. |$)')

_log = logging.getLogger(__name__)


@contextmanager
def open_warehouse(
    path: Path, *, read_only: bool = False, wait_seconds: float | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse at `path`, closed again at the end.

    Waits while another process holds it (LOCK_WAIT_SECONDS unless told), then raises Locked.
    Raises UsageError where the path holds no warehouse, WarehouseFailed where the file cannot be
    read.
    """
    require_usable(path, must_exist=read_only)
    wait_seconds = LOCK_WAIT_SECONDS if wait_seconds is None else wait_seconds
    started_at = time.monotonic()
    is_waiting = False
    while True:
        try:
            if not path.exists():
                _make_whole(path)
            connection = _connect(path, read_only=read_only)
            break
        except duckdb.IOException as error:
            held = _HELD.search(str(error))
            if not held:
                raise _explain(path, error) from error
            holder = held["holder"] or "another process"
            if time.monotonic() - started_at >= wait_seconds:
                raise _still_held(path, holder, wait_seconds) from error
            if not is_waiting:
                _log.warning(
                    "The warehouse %s is held by %s. Waiting for it, %.0f s at most.",
                    path,
                    holder,
                    wait_seconds,
                )
            is_waiting = True
            time.sleep(_RETRY_SECONDS)
        except (duckdb.Error, OSError) as error:
            raise _explain(path, error) from error
    with connection:
        # It would stand in the middle of our own lines, and of what a command prints as JSON.
        connection.execute("set enable_progress_bar = false")
        # Otherwise now() and dates with a zone depend on the machine that asks.
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Everything inside becomes visible at once, or not at all."""
    connection.execute("begin")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


@contextmanager
def explain_errors(warehouse: Path, work: str = "The load") -> Iterator[None]:
    """Turn errors of DuckDB and of the file system into WarehouseFailed; `work` is what failed."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        raise WarehouseFailed(
            f"{work} could not be finished: {reason_of(error)}. Nothing in {warehouse} is half "
            "written; correct the cause (disk space, permissions) and run the command again."
        ) from error


def has_load(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a load of this warehouse has succeeded."""
    try:
        runs = connection.execute("select bool_or(succeeded) from partner_center.load_runs")
        return bool(runs.fetchall()[0][0])
    except (duckdb.CatalogException, duckdb.BinderException):
        # No such table, or one of another program.
        return False


def require_usable(path: Path, *, must_exist: bool = False) -> None:
    """Raise UsageError where `path` cannot be a warehouse, or holds none that `must_exist`."""
    try:
        _require_usable(path, must_exist)
    except OSError as error:
        raise UsageError(f"The warehouse {path} cannot be used: {error.strerror}.") from error


def _require_usable(path: Path, must_exist: bool) -> None:
    if path.is_symlink() and not path.exists():
        raise UsageError(
            f"The warehouse {path} is a link to {path.readlink()}, which is not there. Nothing was "
            "changed; mount the disk or put back the file that it leads to, or remove the link."
        )
    if path.is_dir():
        raise UsageError(
            f"The warehouse path {path} is a directory. Give a file: --warehouse "
            f"{path / 'referrals.duckdb'}"
        )
    if path.name.partition(".")[0].lower() in _SCHEMAS:
        raise UsageError(
            f"The warehouse {path} has the name of a schema inside it, and DuckDB would "
            "confuse the two. Give it another name: --warehouse "
            f"{path.with_name('referrals.duckdb')}"
        )
    # A byte that is no UTF-8 is a lone surrogate here.
    if odd := re.findall(rf"[{re.escape(_NOT_IN_PATHS)}\ud800-\udfff]", str(path.absolute())):
        raise UsageError(
            f"The warehouse path {path.absolute()} contains {odd[0]!r}, which DuckDB cannot "
            "handle. Nothing was changed; name another path with --warehouse."
        )
    if not path.parent.is_dir():
        raise UsageError(f"There is no directory {path.parent} for the warehouse. Create it first.")
    if path.exists() and not path.is_file():
        raise UsageError(
            f"The warehouse {path} is not a regular file. Nothing was changed; name another with "
            "--warehouse."
        )
    if path.is_file() and _begins_like_sqlite(path):
        raise UsageError(
            f"{path} is an SQLite file, not a DuckDB file. Nothing was changed; name another with "
            "--warehouse."
        )
    if must_exist and not path.exists():
        raise UsageError(
            f"There is no warehouse at {path}. Run 'referrals load' first, or name the file with "
            "--warehouse."
        )


def _begins_like_sqlite(path: Path) -> bool:
    """Whether DuckDB would look for an extension on the network to open the file."""
    try:
        with path.open("rb") as file:
            return file.read(15) == b"SQLite format 3"
    except OSError:
        return False


def _connect(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """The file that `path` leads to, also where DuckDB would take it for a URL (`md:`).

    Through a link DuckDB would keep its write-ahead log beside the link, where nobody who opens the
    file itself finds it.
    """
    return duckdb.connect(str(path.resolve()), read_only=read_only)


def _make_whole(path: Path) -> None:
    """Put a new warehouse in place at once; half of one could never be opened again."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    try:
        _connect(draft).close()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _still_held(path: Path, holder: str, wait_seconds: float) -> Locked:
    waited = f", and still was after {wait_seconds:.0f} s" if wait_seconds else ""
    return Locked(
        f"The warehouse {path} is held by {holder}{waited}. Nothing was changed; close that "
        "program, or try again later."
    )


def _no_locks(path: Path, reason: str) -> UsageError:
    """The error where a file system cannot lock a file, as some network shares."""
    return UsageError(
        f"The file system of {path} cannot lock it ({reason}), so nothing would keep two loads "
        "apart. Nothing was changed; put the warehouse on a local disk, or mount the share with "
        "locks."
    )


def _explain(path: Path, error: Exception) -> UsageError | WarehouseFailed:
    if "not a valid DuckDB" in str(error):
        return UsageError(
            f"{path} is no DuckDB file. Nothing was changed; name another with --warehouse."
        )
    if lacking := _CANNOT_LOCK.search(str(error)):
        return _no_locks(path, lacking["reason"])
    if "ermission denied" in str(error):
        return UsageError(f"{path} may not be opened: permission denied. Nothing was changed.")
    return WarehouseFailed(
        f"The warehouse {path} cannot be opened: {error}. Check disk space and permissions, then "
        "try again; put back an older copy if the file is damaged: the next load catches up."
    )
