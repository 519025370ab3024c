"""Replaces what BI tools read: every file is the whole old or the whole new one."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from partner_referrals.errors import ReferralsError, UsageError, reason_of
from partner_referrals.output.files import is_same_file, sync, sync_directory
from partner_referrals.publish.snapshot import COPY_NAME, TABLES_FOLDER, Snapshot, write_snapshot
from partner_referrals.warehouse.account import is_published_copy
from partner_referrals.warehouse.connection import open_warehouse, require_usable
from partner_referrals.warehouse.lock import lock_file

MANIFEST_NAME = "manifest.json"
_STAGING = ".publishing"


def publish(warehouse: Path, target: Path) -> Snapshot:
    """Put the DuckDB copy, marts and base tables as Parquet, and the manifest into `target`.

    Whoever reads a file keeps the old one until opening it again. Raises UsageError where there is
    nothing to publish or `target` cannot be used, Locked where the warehouse or another publish is
    busy, ReferralsError where it fails on the way, a full disk for one.
    """
    require_usable(warehouse, must_exist=True)
    require_publishable(warehouse, target)
    with _staging_directory(target) as place:
        try:
            place.mkdir()
            with open_warehouse(warehouse, read_only=True) as connection:
                snapshot = write_snapshot(connection, place)
            _write_manifest(snapshot, place)
            _finish_files(place)
        except (OSError, duckdb.Error) as error:
            raise ReferralsError(
                f"The files for {target} could not be written: {reason_of(error)}. "
                "What was published before is untouched."
            ) from error
        _put_in_place(place, target, [*snapshot.rows, MANIFEST_NAME])
    return snapshot


def require_publishable(warehouse: Path, target: Path) -> None:
    """Raise UsageError where publishing could not work or would replace the warehouse.

    `target` is created where its parent exists.
    """
    try:
        if not target.is_dir():
            target.mkdir()
    except OSError as error:
        raise UsageError(
            f"The directory {target} cannot be created to publish to: {error.strerror}. "
            "Create or mount its parent first."
        ) from error
    folders = {warehouse.absolute().parent, warehouse.resolve().parent}
    if any(is_same_file(folder, target) for folder in folders) or (
        warehouse.exists() and is_same_file(warehouse, target / COPY_NAME)
    ):
        raise UsageError(
            f"{target} holds the warehouse {warehouse}, which a published copy would replace. "
            "Nothing was published; name another directory."
        )
    _require_own_copy(target)


def _require_own_copy(target: Path) -> None:
    """Raise UsageError where the copy to be replaced is somebody's warehouse or database."""
    copy = target / COPY_NAME
    if not copy.exists() or COPY_NAME in _published_names(target):
        return
    # A publish that was interrupted leaves a copy without a manifest.
    with open_warehouse(copy, read_only=True, wait_seconds=0) as connection:
        if is_published_copy(connection):
            return
    raise UsageError(
        f"{copy} is no copy that 'referrals publish' made, and publishing would replace it. "
        "Nothing was published; name another directory, or move that file away."
    )


@contextmanager
def _staging_directory(target: Path) -> Iterator[Path]:
    """A hidden directory to be made in `target`, so that a rename is enough to put a file in place.

    One publish at a time has it; it is removed at the end, and by the next after a kill.
    """
    # DuckDB takes a relative path that begins with `md:` for a URL.
    place = target.absolute() / _STAGING
    with lock_file(target / f"{_STAGING}.lock", f"Another publish to {target}"):
        shutil.rmtree(place, ignore_errors=True)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


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
            sync(file)
    if os.name == "posix":
        # Who opens the copy for writing would shut out every other reader. (On Windows a file
        # that may not be written may not be replaced either.)
        with suppress(OSError):
            copy = place / COPY_NAME
            copy.chmod(copy.stat().st_mode & 0o444)


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
                    sync_directory(folder)
            (place / name).replace(target / name)
        sync_directory(target)
    except OSError as error:
        raise ReferralsError(
            f"{error.filename2 or error.filename} could not be replaced: {error.strerror}. "
            "Every file is whole, but some are new and some old: the hashes in the manifest tell. "
            "On Windows a file cannot be replaced while a program has it open: close it there, "
            "then publish again."
        ) from error


def _remove_others(target: Path, names: list[str]) -> None:
    """Remove the months that no referral was created in any more; readers take whole folders.

    Only files that our own manifest of the last publish names: others are somebody else's.
    """
    published = _published_names(target)
    for name in {each for each in published if each.startswith(f"{TABLES_FOLDER}/")} - set(names):
        path = target / name
        if path.parent.resolve().is_relative_to(target.resolve()) and path.is_file():
            path.unlink()


def _published_names(target: Path) -> set[str]:
    """The files that the manifest in `target` names."""
    try:
        return set(json.loads((target / MANIFEST_NAME).read_text("utf-8"))["files"].keys())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
