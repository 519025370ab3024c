"""Reads the records that a file offers in place of generated ones."""

import json
from pathlib import Path

from partner_center.errors import UsageError, reason_of


def records_from(path: Path) -> list[str]:
    """The lines of a JSON-lines file, word for word; blank lines are left out.

    Raises UsageError where the file cannot be read, holds no record, or holds a line that is none.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The records in {path} cannot be read: {reason_of(error)}. Nothing was started; "
            "name a UTF-8 file with one JSON record on each line."
        ) from error
    # Not splitlines(): a record may hold U+2028 and the like within a string.
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if line.strip() and not _is_record(line):
            raise UsageError(
                f"Line {number} of {path} is not a JSON object. Nothing was started; write one "
                'record on each line, such as {"id": "a-1"}.'
            )
    records = [line for line in lines if line.strip()]
    if not records:
        raise UsageError(f"There is no record in {path}. Nothing was started; name another file.")
    return records


def _is_record(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
