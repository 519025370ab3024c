"""Reads the records that a file offers in place of generated ones."""

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
    return [line for line in text.split("\n") if line.strip()]
