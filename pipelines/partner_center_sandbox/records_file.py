"""Reads the records that a file offers in place of generated ones."""

import json
from pathlib import Path

from partner_center.errors import UsageError


def records_from(path: Path) -> list[str]:
    """The lines of a JSON-lines file, word for word; blank lines are left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The records in {path} cannot be read ({error}). Nothing was started; "
            "name a UTF-8 file with one JSON record on each line."
        ) from error
    # Not splitlines(): a record may hold U+2028 and the like within a string.
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            json.loads(line.strip() or "null")
        except (ValueError, RecursionError) as error:
            raise UsageError(
                f"Line {number} of {path} is not JSON ({error}). Nothing was started."
            ) from error
    return [line for line in lines if line.strip()]
