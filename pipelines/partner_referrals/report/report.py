"""Writes the report."""

from pathlib import Path

from partner_referrals.output.files import require_writable, write_file
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
    require_writable(out, inputs=[warehouse])
    page = render_page(read_figures(warehouse, as_of=as_of, anonymise=anonymise))
    with write_file(out, inputs=[warehouse]) as file:
        file.write(page.encode())
