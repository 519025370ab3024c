"""Reads the response deadlines that the views judge by."""

import csv
import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from partner_referrals.errors import UsageError

# A hundred years.
MAX_LIMIT_HOURS = 876_000


class SlaRule(NamedTuple):
    """A row of settings.sla_rules; applies to what was created in [applies_from, applies_to)."""

    rule: str
    applies_from: datetime | None
    applies_to: datetime | None
    limit_hours: int


def read_sla_rules(path: Path) -> list[SlaRule]:
    """The rows of settings.sla_rules that a file holds."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if tuple(rows.fieldnames or ()) != SlaRule._fields:
                raise ValueError(f"its first line is not {','.join(SlaRule._fields)}")
            rules = [_read_sla_rule(row, rows.line_num) for row in rows]
        for one, other in itertools.combinations(rules, 2):
            if one.rule == other.rule and _overlap(one, other):
                raise ValueError(f"two lines of {one.rule} apply to the same moment")
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(
            f"The SLA rules in {path} cannot be used: {error}. The views are as before. "
            "Correct the file, or leave `sla_rules` empty for the shipped rules."
        ) from error
    return rules


def _read_sla_rule(row: dict[str, str], line: int) -> SlaRule:
    if None in row or None in row.values():
        raise ValueError(f"line {line} does not have {len(SlaRule._fields)} values")
    try:
        hours = int(row["limit_hours"])
        start, end = _read_moment(row["applies_from"]), _read_moment(row["applies_to"])
    except ValueError as error:
        raise ValueError(f"line {line}: {error}") from error
    if not row["rule"] or not 0 < hours <= MAX_LIMIT_HOURS:
        raise ValueError(
            f"line {line} needs a rule and a limit_hours between 1 and {MAX_LIMIT_HOURS}"
        )
    return SlaRule(row["rule"], start, end, hours)


def _overlap(one: SlaRule, other: SlaRule) -> bool:
    def starts_before_end(rule: SlaRule, before: SlaRule) -> bool:
        start, end = rule.applies_from, before.applies_to
        return start is None or end is None or start < end

    return starts_before_end(one, other) and starts_before_end(other, one)


def _read_moment(text: str) -> datetime | None:
    """Naive UTC; a bare date means its first moment, nothing means no bound."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
