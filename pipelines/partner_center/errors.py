"""Every failure that reading Partner Center can meet, each with the exit code of a command.

    ReferralsError             1   the run failed
    ├── ServerFailed           1   Partner Center kept failing after all retries
    ├── UsageError             2   wrong usage or configuration
    ├── SignInRequired         3   Partner Center or its sign-in refused who we are
    └── TryAgainLater         75   nothing is wrong, but not now
        ├── Throttled              the server asks for more patience than allowed
        └── Locked                 another process holds what is needed

Each message says what was seen, what it means for the data, and what to do next.
"""


class ReferralsError(Exception):
    """The run failed for a foreseeable reason, told in one sentence or two."""

    exit_code = 1


class ServerFailed(ReferralsError):
    """Partner Center answered with errors or broken bodies until the retries ran out."""


class UsageError(ReferralsError):
    """The command, its options or the configuration cannot work as given."""

    exit_code = 2


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
