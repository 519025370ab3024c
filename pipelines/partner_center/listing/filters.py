"""OData filters for parts of the listing."""

from datetime import date, datetime, timedelta

from partner_center.schema.fields import DATE_FIELDS


def active_since(moment: datetime) -> str:
    """Referrals with any milestone at or after `moment` (naive UTC)."""
    return "(" + " or ".join(f"{field} ge {_literal(moment)}" for field in DATE_FIELDS) + ")"


def created_between(start: datetime | None, end: datetime | None) -> str:
    """Referrals created at or after `start` and before `end`; None leaves that side open."""
    since = [f"createdDate ge {_literal(start)}"] if start else []
    until = [f"createdDate lt {_literal(end)}"] if end else []
    return " and ".join(since + until)


def created_in(month: date | None) -> str:
    """Referrals created in the month that begins on `month`; for None those without a date."""
    if month is None:
        return "createdDate eq null"
    start = datetime(month.year, month.month, 1)
    # The 28th and four days are always in the next month.
    return created_between(start, (start.replace(day=28) + timedelta(days=4)).replace(day=1))


def _literal(moment: datetime) -> str:
    """How a sibling endpoint writes a moment (Partner Center docs, "Get all search analytics")."""
    return f"cast('{moment.isoformat()}Z',Edm.DateTimeOffset)"
