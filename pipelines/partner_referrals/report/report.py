"""Writes the report."""

import os
from pathlib import Path

from partner_referrals.errors import UsageError
from partner_referrals.report.figures import read_figures
from partner_referrals.report.page import render_page


def write_report(
    warehouse: Path, out: Path, *, as_of: str | None = None, anonymise: bool = False
) -> None:
    """Write the report on `warehouse` to `out`: one HTML file that opens without a network.

    `as_of` (naive UTC, ISO) is the moment that it answers for; with `anonymise`, customers appear
    by number. Readers of `out` see the old file or the whole new one. Raises UsageError where
    nothing can be read or written.
    """
    _require_writable(warehouse, out)
    page = render_page(read_figures(warehouse, as_of=as_of, anonymise=anonymise))
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(out)
    except OSError as error:
        raise UsageError(
            f"The report could not be written to {out}: {error.strerror}. What was there before "
            "is as it was. Name another file with --out."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _require_writable(warehouse: Path, out: Path) -> None:
    if out.is_dir():
        raise UsageError(f"{out} is a directory. Give a file: --out {out / 'report.html'}")
    if not out.parent.is_dir():
        raise UsageError(f"There is no directory {out.parent} for the report. Create it first.")
    if warehouse.exists() and out.exists() and out.samefile(warehouse):
        raise UsageError(f"{out} is the warehouse itself. Give the report another name: --out")
