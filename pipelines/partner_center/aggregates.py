"""The server's own counts, grouped by fields of a referral."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipelines.partner_center.client import PartnerCenterClient
from pipelines.partner_center.dates import read_dates
from pipelines.partner_center.envelope import BrokenAnswer, read_items
from pipelines.partner_center.settings import MAX_PAGE_SIZE
from pipelines.referral import DATE_FIELDS, FIELDS


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
    rows = [_read_group(value, group_fields) for _, value in items]
    is_whole = envelope.next_link is None and (envelope.total or 0) <= len(rows)
    return Aggregates(rows, is_whole)


def _read_group(group: Any, group_fields: Sequence[str]) -> dict[str, Any]:
    if not isinstance(group, Mapping):
        raise BrokenAnswer("a grouped answer whose groups are no objects")
    row = {FIELDS[field]: _read_value(field, group.get(field)) for field in group_fields}
    # The reference does not name the count; its relatives' names all end like this.
    counts = [
        value
        for name, value in group.items()
        if name not in group_fields and name.lower().endswith("count")
    ]
    if len(counts) != 1 or not str(counts[0]).isdecimal():
        raise BrokenAnswer("a grouped answer without one count in each group")
    return {**row, "referral_count": int(counts[0])}


def _read_value(field: str, value: Any) -> Any:
    if field not in DATE_FIELDS or value is None:
        return value
    moments, is_bad = read_dates(pa.array([str(value)]))
    if is_bad[0].as_py():
        raise BrokenAnswer(f"a grouped answer whose {field} is no date")
    return moments[0].as_py()
