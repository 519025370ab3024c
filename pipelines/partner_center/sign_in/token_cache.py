"""Keeps MSAL's token cache in a file that only its owner can read, one process at a time."""

import json
import os
import shlex
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from msal import SerializableTokenCache
from platformdirs import user_data_path

from partner_center.errors import Locked, UsageError

# Longer than a refresh takes, which holds the lock for up to three requests of 30 s each.
LOCK_WAIT_SECONDS = 120.0

# Our own kind of entry beside MSAL's: which account signs in for an application.
_SIGN_IN = "SignIn"
_APPLICATION = ("environment", "realm", "client_id")

# Without these (on Windows) a link or a pipe is told by what it turns out to be.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def default_path() -> Path:
    """Where tokens are kept unless `token_cache` names another file."""
    path = user_data_path("partner-referrals", appauthor=False) / "token_cache.json"
    if not path.is_absolute():
        raise UsageError(
            "Nothing says where this user's data directory is, so tokens cannot be kept. Set HOME, "
            "or sources.partner_center.credentials.token_cache to a file."
        )
    return path


def new_cache() -> SerializableTokenCache:
    """An empty MSAL cache that can also hold our own entries."""
    cache = SerializableTokenCache()
    cache.key_makers[_SIGN_IN] = lambda **entry: "-".join(entry[name] for name in _APPLICATION)
    return cache


def remember(cache: SerializableTokenCache, application: dict[str, str], **known: str) -> None:
    """Note in `cache` what is known of the sign-in of `application`, in place of what was."""
    cache.modify(_SIGN_IN, application, known)


def recall(cache: SerializableTokenCache, application: dict[str, str]) -> dict[str, str]:
    """What `remember` noted for `application`; empty if nothing."""
    entries: list[dict[str, str]] = list(cache.search(_SIGN_IN, query=application))
    return entries[0] if entries else {}


class TokenCacheFile:
    """The file behind a token cache.

    A file that is missing or empty holds no sign-in, nor does one that is damaged (`is_damaged`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_damaged = False

    @contextmanager
    def opened(self, cache: SerializableTokenCache) -> Iterator[None]:
        """Hold the file with `cache` filled from it; what is changed is written back at the end.

        A refresh token is spent while the file is held: where the server rotates them, another
        process must not spend the same one. Raises Locked, or UsageError for a file that cannot
        be used or that others can read.
        """
        with self._locked():
            cache.deserialize(self._read())
            try:
                yield
            finally:
                if cache.has_state_changed:
                    self._write(cache.serialize())

    def merge(self, gained: SerializableTokenCache) -> None:
        """Add what `gained` holds to the file, in place of entries with the same key."""
        cache = new_cache()
        with self.opened(cache):
            state: dict[str, dict[str, Any]] = json.loads(cache.serialize())
            for kind, entries in json.loads(gained.serialize()).items():
                state.setdefault(kind, {}).update(entries)
            cache.deserialize(json.dumps(state))
            cache.has_state_changed = True

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(f"{self.path}.lock", timeout=LOCK_WAIT_SECONDS, mode=0o600)
            # The lock by the mere existence of a file, for want of a better one, needs no word.
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                lock.acquire()
        except Timeout:
            raise Locked(
                f"Another process has been using the token cache {self.path} for more than "
                f"{LOCK_WAIT_SECONDS:.0f} s. Nothing was changed; try again later."
            ) from None
        except OSError as error:
            raise self._unusable("cannot be written", error) from error
        try:
            yield
        finally:
            lock.release()

    def _read(self) -> str:
        """The text of the file, or nothing if there is none that MSAL could read."""
        if self.path.is_symlink():
            raise UsageError(
                f"The token cache {self.path} is a symbolic link, so tokens could land where "
                "others read them. Nothing was read; name the file itself as token_cache."
            )
        try:
            descriptor = os.open(self.path, _OPEN_FLAGS)
            with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
                self._require_private(os.fstat(file.fileno()))
                text = file.read()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._unusable("cannot be read", error) from error
        self.is_damaged = not _is_cache(text)
        return "" if self.is_damaged else text

    def _require_private(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise UsageError(f"The token cache {self.path} is no file. Name one as token_cache.")
        # Windows keeps its permissions elsewhere; a user's data directory is private there.
        if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(
                f"The token cache {self.path} is open to other users of this machine. It was not "
                f"used; close it with: chmod 600 {shlex.quote(str(self.path))}"
            )

    def _write(self, text: str) -> None:
        """Put `text` in place of the file, whole and private from the first byte."""
        # One fixed name: we hold the lock, and what a killed process left is written over.
        draft = self.path.with_name(f"{self.path.name}.new")
        try:
            draft.unlink(missing_ok=True)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise self._unusable("cannot be written", error) from error

    def _unusable(self, what: str, error: OSError) -> UsageError:
        return UsageError(
            f"The token cache {self.path} {what}: {error.strerror}. What the warehouse holds is "
            "kept; make the path usable, or name another one as token_cache."
        )


def _is_cache(text: str) -> bool:
    """Whether MSAL could read `text`; it trusts what it is given."""
    try:
        state = json.loads(text)
    except ValueError:
        return False
    return isinstance(state, dict) and all(
        isinstance(entries, dict) and all(isinstance(entry, dict) for entry in entries.values())
        for entries in state.values()
    )
