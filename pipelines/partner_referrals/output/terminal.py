"""How runs, answers and the state of the warehouse look on a terminal."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from partner_referrals.output.answers import TextTable
from partner_referrals.warehouse.status import Status

# Of a run's row, what tells a person how it went.
_SHOWN_OF_A_RUN = (
    "finished_at",
    "resource",
    "mode",
    "succeeded",
    "rows_new",
    "rows_changed",
    "rows_rejected",
    "reconciled",
    "error",
)


class RunProgress:
    """A bar while pages come in, where a person looks on; a line for each step done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("list      "),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("records, request {task.fields[pages]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("list", total=None, pages=0, visible=False)
        self._pages = 0
        self._warnings: set[str] = set()

    def __enter__(self) -> "RunProgress":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def page(self, rows: int, total: int | None) -> None:
        """Move the bar."""
        self._pages += 1
        self._bar.update(self._task, completed=rows, total=total, pages=self._pages, visible=True)

    def step(self, verb: str, subject: str, outcome: str, seconds: float) -> None:
        """Print one aligned line."""
        self._pages = 0
        self._bar.update(self._task, visible=False)
        self.say(f"{verb:<10}{subject:<18}{outcome:<42}{seconds:>6.1f}s")

    def warn(self, sentence: str) -> None:
        """Print a sentence that stands out, once, also where it is true of several resources."""
        if sentence not in self._warnings:
            self._warnings.add(sentence)
            self.say(f"warning   {sentence}")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def show_table(console: Console, rows: Sequence[dict[str, Any]], title: str | None = None) -> None:
    """Print rows that share their columns; see show_texts."""
    if title:
        console.print(Text(title, style="bold"))
    names = list(rows[0]) if rows else []
    values = [[row[name] for row in rows if row[name] is not None] for name in names]
    are_numbers = [bool(each) and type(each[0]) in (int, float) for each in values]
    cells = [tuple(_cell(row[name]) for name in names) for row in rows]
    show_texts(console, TextTable(names, are_numbers, cells))


def show_texts(console: Console, table: TextTable) -> None:
    """Print a table with every cell in full; as records where a terminal is too narrow for it."""
    if not table.rows:
        console.print("no rows")
        return
    names = [_printable(name) for name in table.names]
    rows = [tuple(map(_printable, row)) for row in table.rows]
    widths = [
        max(cell_len(name), *map(cell_len, column))
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    ]
    # Written past the console, which cuts lines at its own width.
    if console.is_terminal and sum(widths) + 2 * len(widths) > console.width:
        console.file.writelines(_records(names, rows))
        return
    rule = tuple("─" * width for width in widths)
    for line in (tuple(names), rule, *rows):
        cells = [
            " " * (width - cell_len(cell)) + cell if is_number else set_cell_size(cell, width)
            for cell, width, is_number in zip(line, widths, table.are_numbers, strict=True)
        ]
        console.file.write(" " + "  ".join(cells).rstrip() + "\n")


def _records(names: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    width = max(map(cell_len, names))
    for number, row in enumerate(rows, start=1):
        yield f"-- {number} of {len(rows)}\n"
        for name, cell in zip(names, row, strict=True):
            yield f"{set_cell_size(name, width)}  {cell}".rstrip() + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


def _printable(text: str) -> str:
    """The text without control characters, on which terminals act."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _first_sentence(text: str | None) -> str | None:
    """What happened; what follows is what to do about it, too much for a column."""
    sentence, *others = re.split(r"(?<=[.!?]) (?=[A-Z'])", text or "", maxsplit=1)
    return f"{sentence} ..." if others else text


def show_status(console: Console, status: Status) -> None:
    """Print how the warehouse is, as four tables; of an error, the first sentence."""
    show_table(console, [status.freshness], title="Freshness")
    show_table(console, status.resources, title="Resources")
    runs = [
        {name: run[name] for name in _SHOWN_OF_A_RUN} | {"error": _first_sentence(run["error"])}
        for run in status.last_runs
    ]
    show_table(console, runs, title="Last loads")
    issues = [{"rule": rule, "count": count} for rule, count in status.issue_counts.items()]
    show_table(console, issues, title="Data quality issues")
