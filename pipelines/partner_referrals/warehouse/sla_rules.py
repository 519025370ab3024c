"""Reads the response deadlines that the views judge by."""

import csv
import itertools
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from partner_referrals.errors import UsageError, reason_of

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
            f"The SLA rules in {path} cannot be used: {reason_of(error)}. The views are as before. "
            "Correct the file, or leave `sla_rules` empty for the shipped rules."
        ) from error
    return rules


def _read_sla_rule(row: dict[str, str], line: int) -> SlaRule:
    if None in row or None in row.values():
        raise ValueError(f"line {line} does not have {len(SlaRule._fields)} values")
    start, end = (_read_moment(name, row[name], line) for name in ("applies_from", "applies_to"))
    if not row["rule"]:
        raise ValueError(f"line {line} needs a rule")
    text = row["limit_hours"].strip()
    # No more digits than the largest, as Python refuses to read some thousands.
    hours = int(text) if re.fullmatch(r"[0-9]{1,6}", text) else 0
    if not 0 < hours <= MAX_LIMIT_HOURS:
        raise ValueError(
            f"line {line}: limit_hours is '{text}', not a whole number between 1 and "
            f"{MAX_LIMIT_HOURS}"
        )
    return SlaRule(row["rule"], start, end, hours)


def _overlap(one: SlaRule, other: SlaRule) -> bool:
    def starts_before_end(rule: SlaRule, before: SlaRule) -> bool:
        start, end = rule.applies_from, before.applies_to
        return start is None or end is None or start < end

    return starts_before_end(one, other) and starts_before_end(other, one)


def _read_moment(name: str, text: str, line: int) -> datetime | None:
    """Naive UTC; a bare date means its first moment, nothing means no bound."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise ValueError(
            f"line {line}: {name} is '{text}', not a date such as 2026-01-31, or empty"
        ) from None
