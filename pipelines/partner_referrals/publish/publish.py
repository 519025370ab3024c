"""Replaces what BI tools read: every file is the whole old or the whole new one."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock, Timeout

from partner_referrals.errors import Locked, ReferralsError, UsageError, first_line
from partner_referrals.publish.snapshot import COPY_NAME, TABLES_FOLDER, Snapshot, write_snapshot
from partner_referrals.warehouse.connection import LOCK_WAIT_SECONDS, open_warehouse

MANIFEST_NAME = "manifest.json"
_WORKPLACE = ".publishing"


def publish(warehouse: Path, target: Path) -> Snapshot:
    """Put the DuckDB copy, marts and base tables as Parquet, and the manifest into `target`.

    Whoever reads a file keeps the old one until opening it again. Raises UsageError where there is
    nothing to publish or `target` cannot be used, Locked where the warehouse or another publish is
    busy, ReferralsError where it fails on the way, a full disk for one.
    """
    with _workplace(target) as place:
        try:
            place.mkdir()
            with open_warehouse(warehouse, read_only=True) as connection:
                snapshot = write_snapshot(connection, place)
            _write_manifest(snapshot, place)
            _finish_files(place)
        except (OSError, duckdb.Error) as error:
            raise ReferralsError(
                f"The files for {target} could not be written: {first_line(error)}. "
                "What was published before is untouched."
            ) from error
        _put_in_place(place, target, [*snapshot.rows, MANIFEST_NAME])
    return snapshot


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A hidden directory to be made in `target`, so that a rename is enough to put a file in place.

    One publish at a time has it; it is removed at the end, and by the next after a kill.
    """
    if not target.is_dir():
        raise UsageError(
            f"There is no directory {target} to publish to. Create it, or mount it, first."
        )
    place = target / _WORKPLACE
    lock = FileLock(target / f"{_WORKPLACE}.lock")
    try:
        lock.acquire(timeout=LOCK_WAIT_SECONDS)
    except Timeout as error:
        raise Locked(
            f"Another publish to {target} is running, and still was after "
            f"{LOCK_WAIT_SECONDS:.0f} s. Nothing was published; try again when it is done."
        ) from error
    except OSError as error:
        raise UsageError(
            f"The directory {target} cannot be written to: {error.strerror}. Nothing was published."
        ) from error
    try:
        shutil.rmtree(place, ignore_errors=True)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        lock.release()


def _write_manifest(snapshot: Snapshot, place: Path) -> None:
    """Which files belong together: readers compare these hashes with what they read."""
    files = {}
    for name, rows in snapshot.rows.items():
        with (place / name).open("rb") as file:
            files[name] = {"sha256": hashlib.file_digest(file, "sha256").hexdigest(), "rows": rows}
    manifest = {
        "load_run_id": snapshot.run_id,
        "as_of": snapshot.as_of.isoformat(),
        "files": files,
    }
    (place / MANIFEST_NAME).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _finish_files(place: Path) -> None:
    """Make the contents last through a power cut, and close the copy to writers."""
    for path in (path for path in place.rglob("*") if path.is_file()):
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    if os.name == "posix":
        # Who opens the copy for writing would shut out every other reader. (On Windows a file
        # that may not be written may not be replaced either.)
        (place / COPY_NAME).chmod(0o444)


def _put_in_place(place: Path, target: Path, names: list[str]) -> None:
    """Rename one after the other, the manifest last, each lasting through a power cut."""
    folders = {(target / name).parent for name in names}
    try:
        # Of the old copy; DuckDB would apply it to the new one.
        (target / f"{COPY_NAME}.wal").unlink(missing_ok=True)
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            if name == MANIFEST_NAME:
                _remove_others(target, names)
                for folder in folders:
                    _sync_directory(folder)
            (place / name).replace(target / name)
        _sync_directory(target)
    except OSError as error:
        raise ReferralsError(
            f"{error.filename2 or error.filename} could not be replaced: {error.strerror}. "
            "Every file is whole, but some are new and some old: the hashes in the manifest tell. "
            "On Windows a file cannot be replaced while a program has it open: close it there, "
            "then publish again."
        ) from error


def _remove_others(target: Path, names: list[str]) -> None:
    """Remove the months that no referral was created in any more; readers take whole folders."""
    for path in (target / TABLES_FOLDER).rglob("*.parquet"):
        if path.relative_to(target).as_posix() not in names:
            path.unlink()


def _sync_directory(directory: Path) -> None:
    """Make renames last, where a directory can be opened for that."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
