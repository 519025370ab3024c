"""The server's own counts, grouped by fields of a referral."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from partner_center.endpoints import MAX_PAGE_SIZE
from partner_center.http.client import PartnerCenterClient
from partner_center.records.dates import MOMENT, read_dates
from partner_center.records.envelope import MAX_COUNT, BrokenAnswer, read_count, read_items
from partner_center.records.fields import is_unicode
from partner_center.schema.fields import DATE_FIELDS, FIELDS
from partner_center.schema.tables import TEXT, WHOLE_NUMBER

# The reference does not name the count of referrals; its relative "search" calls its own the first.
_COUNT_NAMES = ("referralcount", "referralscount", "count")


@dataclass(frozen=True)
class Aggregates:
    """Counts per group: rows of the group fields in snake_case and `referral_count`.

    Dates are naive UTC, the first moment of their day, week or month. `is_whole` is false where
    the server announced more groups than it sent.
    """

    rows: list[dict[str, Any]]
    is_whole: bool


def aggregates_schema(group_fields: Sequence[str]) -> pa.Schema:
    """The columns of the rows that `fetch_aggregates` gives."""
    columns = {FIELDS[field]: MOMENT if field in DATE_FIELDS else TEXT for field in group_fields}
    return pa.schema({**columns, "referral_count": WHOLE_NUMBER})


def fetch_aggregates(
    client: PartnerCenterClient,
    group_fields: Sequence[str],
    aggregation_level: str | None,
    filter: str | None = None,
) -> Aggregates:
    """Request counts per `group_fields` (names of the API).

    `aggregation_level` (day, week, month) applies to every date among them. Raises what
    PartnerCenterClient.get raises; an answer that is not grouped counts as broken.
    """
    parameters = {
        "groupby": ",".join(group_fields),
        "aggregationLevel": aggregation_level,
        "filter": filter,
        "top": MAX_PAGE_SIZE,
    }
    given = {name: value for name, value in parameters.items() if value}
    return client.get(given, lambda body: read_aggregates(body, group_fields))


def read_aggregates(body: bytes, group_fields: Sequence[str]) -> Aggregates:
    """Read a grouped answer, the names of its fields without regard to case.

    Raises BrokenAnswer where a group has no single count, or a value that cannot be read or stored.
    """
    envelope, items = read_items(body)
    groups = [_by_lower_name(group) for _, group in items]
    counts = [_read_count(group, group_fields) for group in groups]
    if sum(counts) > MAX_COUNT:
        raise BrokenAnswer("a grouped answer that counts more than any table has")
    columns = {
        FIELDS[field]: _read_values(field, [group.get(field.lower()) for group in groups])
        for field in group_fields
    } | {"referral_count": counts}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    # The total of a grouped answer counts either its groups or the referrals in them.
    announced = envelope.total or 0
    is_whole = envelope.next_link is None and (announced <= len(rows) or announced == sum(counts))
    return Aggregates(rows, is_whole)


def _by_lower_name(group: Any) -> dict[str, Any]:
    if not isinstance(group, Mapping):
        raise BrokenAnswer("a grouped answer in which a group is not an object")
    return {str(name).lower(): value for name, value in group.items()}


def _read_count(group: Mapping[str, Any], group_fields: Sequence[str]) -> int:
    """The one count of a group, or that of referrals where it has several."""
    fields = {field.lower() for field in group_fields}
    candidates = {
        name: read_count(value)
        for name, value in group.items()
        if name.endswith("count") and name not in fields
    }
    for name in [*_COUNT_NAMES, *candidates][: None if len(candidates) == 1 else len(_COUNT_NAMES)]:
        if (count := candidates.get(name)) is not None:
            return count
    raise BrokenAnswer("a grouped answer without one readable count in each group")


def _read_values(field: str, values: list[Any]) -> list[Any]:
    given = [value for value in values if value is not None]
    if not all(isinstance(value, str) and is_unicode(value) for value in given):
        raise BrokenAnswer(f"a grouped answer in which {field} is not a text")
    texts = [None if value is None else str(value) for value in values]
    if field not in DATE_FIELDS:
        return texts
    # A month by itself is its first day.
    texts = [f"{text}-01" if text and len(text) == len("2024-01") else text for text in texts]
    moments, is_bad = read_dates(pa.array(texts, pa.string()))
    if pc.any(is_bad).as_py():
        raise BrokenAnswer(f"a grouped answer in which {field} is not a date")
    dates: list[Any] = moments.to_pylist()
    return dates
