"""Reads timestamps that people write: on the command line, in the SLA rules."""

from datetime import UTC, datetime

from partner_referrals.errors import UsageError

# DuckDB's functions and Python's both reach this far; no referral is older or newer.
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def read_timestamp(text: str) -> datetime:
    """The timestamp in naive UTC; an offset is converted, a bare date means its first moment.

    Raises UsageError, without naming the option, for what is no timestamp or lies out of range.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{text!r} is not a timestamp. Write 2026-01-31 or 2026-01-31T12:00:00+02:00 (UTC "
            "without an offset)."
        ) from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise UsageError(
            f"{text!r} is out of range: the year must lie between {_FIRST_YEAR} and {_LAST_YEAR}."
        )
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
