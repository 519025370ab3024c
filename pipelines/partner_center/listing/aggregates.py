"""The server's own counts, grouped by fields of a referral."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from partner_center.http.client import PartnerCenterClient
from partner_center.records.dates import read_dates
from partner_center.records.envelope import BrokenAnswer, read_items
from partner_center.schema.fields import DATE_FIELDS, FIELDS
from partner_center.settings import MAX_PAGE_SIZE


@dataclass(frozen=True)
class Aggregates:
    """Counts per group: rows of the group fields in snake_case and `referral_count`.

    Dates are naive UTC, the first moment of their day, week or month. `is_whole` is false where
    the server told of more groups than it sent.
    """

    rows: list[dict[str, Any]]
    is_whole: bool


def fetch_aggregates(
    client: PartnerCenterClient,
    group_fields: Sequence[str],
    aggregation_level: str | None,
    filter: str | None = None,
) -> Aggregates:
    """Ask the endpoint for counts per `group_fields` (names of the API).

    `aggregation_level` (day, week, month) applies to every date among them. Raises
    RequestRefused where the server does not group, and what PartnerCenterClient.get raises.
    """
    parameters = {
        "groupby": ",".join(group_fields),
        "aggregationLevel": aggregation_level,
        "filter": filter,
        "top": MAX_PAGE_SIZE,
    }
    given = {name: value for name, value in parameters.items() if value}
    return client.get(given, lambda body: _read_aggregates(body, group_fields))


def _read_aggregates(body: bytes, group_fields: Sequence[str]) -> Aggregates:
    envelope, items = read_items(body)
    groups = [group for _, group in items]
    counts = [_read_count(group, group_fields) for group in groups]
    columns = {
        FIELDS[field]: _read_values(field, [group.get(field) for group in groups])
        for field in group_fields
    } | {"referral_count": counts}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    is_whole = envelope.next_link is None and (envelope.total or 0) <= len(rows)
    return Aggregates(rows, is_whole)


def _read_count(group: Any, group_fields: Sequence[str]) -> int:
    if not isinstance(group, Mapping):
        raise BrokenAnswer("a grouped answer whose groups are no objects")
    # The reference does not name the count; its relatives' names all end like this.
    counts = [
        value
        for name, value in group.items()
        if name not in group_fields and name.lower().endswith("count")
    ]
    if len(counts) != 1 or not str(counts[0]).isdecimal():
        raise BrokenAnswer("a grouped answer without one count in each group")
    return int(counts[0])


def _read_values(field: str, values: list[Any]) -> list[Any]:
    if field not in DATE_FIELDS:
        return values
    texts = [None if value is None else str(value) for value in values]
    moments, is_bad = read_dates(pa.array(texts, pa.string()))
    if pc.any(is_bad).as_py():
        raise BrokenAnswer(f"a grouped answer whose {field} is no date")
    moments_read: list[Any] = moments.to_pylist()
    return moments_read
