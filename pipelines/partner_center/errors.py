"""Every foreseeable failure of reading Partner Center, each with the exit code of a command.

    ReferralsError               1   the run failed
    ├── ServerFailed             1   Partner Center kept failing after all retries
    ├── UsageError               2   wrong usage or configuration
    │   └── RequestRefused           Partner Center answered 400
    │       └── NotSorted            the server does not sort; list everything instead
    ├── SignInRequired           3   Partner Center or its sign-in refused the user
    └── TryAgainLater           75   nothing is wrong, but not now
        ├── Throttled                the server asks for a longer pause than allowed
        └── Locked                   another process holds what is needed

Each message says what was seen, what it means for the data, and what to do next.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager


class ReferralsError(Exception):
    """The run failed for a foreseeable reason, which the message explains.

    `seen` is what happened, without the `advice`, which says what that means for the data and what
    to do next: where the request only helps, the load goes on.
    """

    exit_code = 1

    def __init__(self, seen: str, advice: str = "") -> None:
        super().__init__(f"{seen} {advice}" if advice else seen)
        self.seen, self.advice = seen, advice


class ServerFailed(ReferralsError):
    """Partner Center answered with errors or broken bodies until the retries ran out."""


class UsageError(ReferralsError):
    """The command, its options or the configuration cannot work as given."""

    exit_code = 2


class RequestRefused(UsageError):
    """Partner Center answered 400: it does not accept this filter, grouping or page."""


class NotSorted(RequestRefused):
    """The server does not list what changed last first, so that everything has to be listed."""


class SignInRequired(ReferralsError):
    """A token or sign-in was refused; a person has to act."""

    exit_code = 3


class TryAgainLater(ReferralsError):
    """Nothing is wrong, but the work cannot be done now."""

    exit_code = 75


class Throttled(TryAgainLater):
    """The server asks us to wait longer than `max_wait_seconds` allows."""


class Locked(TryAgainLater):
    """Another process holds the warehouse, its run lock or the token cache."""


def reason_of(error: BaseException) -> str:
    """Why something failed, to stand in a sentence: in plain words, or a library's first line."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 text (byte {error.start})"
    if isinstance(error, csv.Error):
        return "a value does not end; perhaps a quote is not closed"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).strip().partition("\n")[0].rstrip(".")


@contextmanager
def optional_request() -> Iterator[None]:
    """Ignore the failure of a request that only helps; a pause beyond what is allowed is raised."""
    try:
        yield
    except TryAgainLater:
        raise
    except ReferralsError:
        pass
