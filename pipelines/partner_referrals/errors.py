"""Every failure that a user can meet: those of the source, and these.

ReferralsError             1   (see partner_center.errors)
└── WarehouseFailed        1   the warehouse could not be read or written
"""

from collections.abc import Sequence

from partner_center.errors import (
    Locked,
    ReferralsError,
    ServerFailed,
    SignInRequired,
    Throttled,
    TryAgainLater,
    UsageError,
    reason_of,
)

__all__ = [
    "EXIT_INTERRUPTED",
    "EXIT_NOT_RECONCILED",
    "Locked",
    "ReferralsError",
    "ServerFailed",
    "SignInRequired",
    "Throttled",
    "TryAgainLater",
    "UsageError",
    "WarehouseFailed",
    "reason_of",
    "worst_of",
]

# A run that loaded but whose counts differ from the server's is no error: it ends with this.
EXIT_NOT_RECONCILED = 4
EXIT_INTERRUPTED = 130

# Exit codes of failures, the worst first: what a person has to mend comes before what may pass.
_WORST_FIRST = (2, 3, 1, 75)


class WarehouseFailed(ReferralsError):
    """The warehouse file could not be read or written."""


def worst_of(errors: Sequence[ReferralsError]) -> ReferralsError:
    """The error whose exit code a command ends with that met all of these."""
    return min(errors, key=lambda error: _WORST_FIRST.index(error.exit_code))
