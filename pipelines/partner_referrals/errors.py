"""Every failure that a user can meet: those of the source, and these.

ReferralsError             1   (see partner_center.errors)
└── WarehouseFailed        1   the warehouse could not be read or written
"""

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
]

# A run that loaded but whose counts differ from the server's is no error: it ends with this.
EXIT_NOT_RECONCILED = 4
EXIT_INTERRUPTED = 130


class WarehouseFailed(ReferralsError):
    """The warehouse file could not be read or written."""
