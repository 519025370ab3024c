"""Writes the report."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from partner_referrals.errors import UsageError
from partner_referrals.output.files import require_writable, write_file
from partner_referrals.report.figures import read_figures
from partner_referrals.report.page import render_page
from partner_referrals.report.printing import PRINTED, print_page
from partner_referrals.report.words import Words
from partner_referrals.warehouse.query import Warn, ignore

_PAGES = (".html", ".htm")
# What a target can be set for, and the most that it can be.
_TARGETS = {"win_rate": 1.0, "created_count": 1e9, "won_count": 1e9}


def read_targets(texts: Iterable[str]) -> dict[str, float]:
    """Targets by the name of their figure, from texts such as "win_rate=0.45".

    The counts are those of a month. Raises UsageError for another name or an impossible number.
    """
    targets = {}
    for text in texts:
        name, _, written = text.partition("=")
        try:
            number = float(written)
        except ValueError:
            number = -1.0
        if name not in _TARGETS or not 0 <= number <= _TARGETS[name]:
            raise UsageError(
                f"--target '{text}' is not understood. Write win_rate=0.45 (a share, 0 to 1), "
                "created_count=150 or won_count=40 (a month's)."
            )
        targets[name] = number
    return targets


def write_report(
    warehouse: Path,
    out: Path,
    *,
    as_of: str | None = None,
    anonymise: bool = False,
    language: str = "en",
    targets: Mapping[str, float] | None = None,
    warn: Warn = ignore,
) -> None:
    """Write the report on `warehouse` to `out`: one HTML file that opens without a network.

    Where `out` ends in .pdf or .png, a browser of this machine prints it: see print_page.
    `as_of` (naive UTC, ISO) is the moment that it answers for; with `anonymise`, customers appear
    by number; `targets` are lines to reach, by the name of the figure ("win_rate"); `warn` is told
    where the report cannot know all of it. Readers of `out` see the old file or the whole new one.
    Raises UsageError where nothing can be read or written, `out` ends otherwise, or the language
    is not known.
    """
    require_writable(out, inputs=[warehouse])
    kind = out.suffix.lower()
    # A stream, such as /dev/stdout, has no ending.
    if kind not in ("", *_PAGES, *PRINTED):
        raise UsageError(
            f"The report cannot be written as '{out.suffix}'. Nothing was written; let the name of "
            f"the file end in {', '.join((*_PAGES, *PRINTED))}."
        )
    words = Words(language)
    figures = read_figures(
        warehouse,
        as_of=as_of,
        customer_alias=words.say("column.customer") if anonymise else None,
        warn=warn,
    )
    page = render_page(figures, words, targets=targets, is_anonymous=anonymise)
    content = print_page(page, kind) if kind in PRINTED else page.encode()
    with write_file(out, inputs=[warehouse]) as file:
        file.write(content)
