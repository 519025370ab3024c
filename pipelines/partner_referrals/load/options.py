"""What a user may ask of one load."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from partner_referrals.warehouse.view_settings import AS_SHIPPED, ViewSettings

# Gives the current time as naive UTC.
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class LoadOptions:
    """What a user may ask of one load; without any it lists as little as will do.

    `full` lists everything, `filter` only what an OData expression selects, `allow_vanish` accepts
    that more than a fifth of the records are gone, or that another user sees fewer, `same_account`
    that a tenant and a host are one account. `views` is what the views are made with.
    """

    full: bool = False
    filter: str | None = None
    allow_vanish: bool = False
    same_account: bool = False
    views: ViewSettings = AS_SHIPPED


def utc_now() -> datetime:
    """The current time as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
