"""How runs, answers and the state of the warehouse look on a terminal."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from partner_referrals.warehouse.status import Status

# Of a run's row, what tells a person how it went.
_SHOWN_OF_A_RUN = (
    "finished_at",
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
            TextColumn("referrals, page {task.fields[pages]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("list", total=None, pages=0, visible=False)
        self._pages = 0

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
        self._bar.update(self._task, visible=False)
        self.say(f"{verb:<10}{subject:<18}{outcome:<42}{seconds:>6.1f}s")

    def warn(self, sentence: str) -> None:
        """Print a sentence that stands out."""
        self.say(f"warning   {sentence}")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def show_table(console: Console, rows: Sequence[dict[str, Any]], title: str | None = None) -> None:
    """Print rows as a table, or below each other where a person's window is too narrow for one."""
    if title:
        console.print(Text(title, style="bold"))
    if not rows:
        console.print("no rows")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        values = [row[name] for row in rows if row[name] is not None]
        is_number = bool(values) and type(values[0]) in (int, float)
        table.add_column(Text(name), justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    width = Measurement.get(console, console.options.update_width(100_000), table).maximum
    if width <= console.width:
        console.print(table)
    elif not console.is_terminal:
        # Whoever reads a pipe or a file can scroll sideways.
        console.print(table, width=width, crop=False)
    else:
        _show_records(console, rows)


def _show_records(console: Console, rows: Sequence[dict[str, Any]]) -> None:
    name_width = max(len(name) for name in rows[0])
    for number, row in enumerate(rows, start=1):
        console.print(Text(f"-- {number} of {len(rows)}", style="dim"))
        for name, value in row.items():
            console.print(Text(f"{name:<{name_width}}  {_cell(value)}"))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.0f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    # Terminals act on control characters.
    return "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value)
    )


def show_status(console: Console, status: Status) -> None:
    """Print how the warehouse is, as three tables."""
    show_table(console, [status.freshness], title="Freshness")
    runs = [{name: run[name] for name in _SHOWN_OF_A_RUN} for run in status.last_runs]
    show_table(console, runs, title="Last loads")
    issues = [{"rule": rule, "count": count} for rule, count in status.issue_counts.items()]
    show_table(console, issues, title="Data quality issues")
