"""What a user may ask of one load."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# Gives the current time as naive UTC.
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class LoadOptions:
    """What a user may ask of one load; without any it lists as little as will do.

    `full` lists everything, `filter` only what an OData expression selects, `allow_vanish` accepts
    that more than a fifth of the records are gone, `same_account` that a tenant and a host are one
    account. `sla_rules` replaces the rules that come with
    the views, `fx_rates` is a file of exchange rates, `funnel` the resource that the funnel counts.
    """

    full: bool = False
    filter: str | None = None
    allow_vanish: bool = False
    same_account: bool = False
    sla_rules: Path | None = None
    fx_rates: Path | None = None
    funnel: str = ""


def utc_now() -> datetime:
    """The current time as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
