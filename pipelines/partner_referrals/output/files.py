"""The one way in which a file for users is written."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from partner_referrals.errors import ReferralsError, UsageError, reason_of


@contextmanager
def write_file(path: Path, inputs: Iterable[Path] = ()) -> Iterator[IO[bytes]]:
    """A binary file whose contents replace `path` at the end, all at once or not at all.

    Links are followed; a FIFO or a character device gets the contents at the end. Raises
    UsageError before anything is written where `path` is one of `inputs` by whatever name or
    cannot be written; ReferralsError where writing fails on the way, a full disk for one.
    """
    require_writable(path, inputs)
    if path.is_symlink() and not _is_stream(path):
        path = path.resolve()
    draft: Path | None = None
    try:
        with tempfile.TemporaryFile() if _is_stream(path) else _draft_beside(path) as file:
            if not _is_stream(path):
                draft = Path(file.name)
            yield file
            file.flush()
            if draft is None:
                _copy_into(file, path)
            else:
                sync(file)
        if draft is not None:
            draft.replace(path)
            sync_directory(path.parent)
    except OSError as error:
        raise ReferralsError(
            f"{path} could not be written: {reason_of(error)}. What was there before is unchanged."
        ) from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def require_writable(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise UsageError, without touching anything, unless `path` may be written or replaced."""
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a directory. Name a file in it: {path / 'NAME'}")
        if not path.parent.is_dir():
            raise UsageError(f"There is no directory {path.parent} for {path}. Create it first.")
        if path.exists() and not path.is_file() and not _is_stream(path):
            raise UsageError(f"{path} is not a regular file. Nothing was written; name another.")
        for source in inputs:
            if is_same_file(path, source):
                raise UsageError(
                    f"{path} is the same file as {source}, which is read. Nothing was written; "
                    "name another file for the output."
                )
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error


def is_same_file(one: Path, other: Path) -> bool:
    """Whether both paths lead to one file, also by links, or would if it existed."""
    try:
        return one.samefile(other)
    except FileNotFoundError:
        # Path's own resolve() raises where links lead in a circle.
        return os.path.realpath(one) == os.path.realpath(other)


def sync(file: IO[bytes]) -> None:
    """Make the contents survive a power failure, where the file system can: not every share."""
    try:
        os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise


def sync_directory(directory: Path) -> None:
    """Make renames in `directory` survive a power failure, where the system can."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _draft_beside(path: Path) -> IO[bytes]:
    """A new hidden file in the same directory, with the permissions that the umask gives."""
    draft = path.with_name(f".referrals-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    return draft.open("xb")


def _is_stream(path: Path) -> bool:
    """Whether `path` is a FIFO or a character device such as /dev/stdout."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _copy_into(file: IO[bytes], path: Path) -> None:
    file.seek(0)
    with path.open("wb") as stream:
        while block := file.read(1 << 20):
            stream.write(block)
