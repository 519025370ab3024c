"""The command line: prints, reads the clock, and turns an error into an exit code.

Imports that only one command needs stand in that command: dlt alone takes half a second.
"""

import io
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from partner_center.wording import counted
from partner_referrals.errors import (
    EXIT_INTERRUPTED,
    EXIT_NOT_RECONCILED,
    ReferralsError,
    UsageError,
    reason_of,
)
from partner_referrals.output.lenient_pipe import let_output_fail, redirect_to_devnull
from partner_referrals.output.timed_lines import TimedLines

app = typer.Typer(
    help="A Microsoft partner's referrals, from Partner Center to funnel figures in DuckDB.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Warehouse = Annotated[
    Path | None,
    typer.Option(
        "--warehouse",
        envvar="REFERRALS_WAREHOUSE",
        help="The DuckDB file.",
        show_default="[pipeline] warehouse, or referrals.duckdb",
        # Said by the command, in a sentence.
        readable=False,
    ),
]
AsOf = Annotated[str | None, typer.Option("--as-of", help="Answer as of this moment (UTC).")]
AsJson = Annotated[bool, typer.Option("--json", help="The result as one JSON object.")]

DEMO_WAREHOUSE = Path("demo.duckdb")
# So many next days the stand-in has.
SANDBOX_DAYS = 30
# More in a table nobody reads.
TABLE_ROWS = 1_000

# The base of all that typer raises for wrong usage: click's, or its own copy of that.
_WrongUsage: Any = typer.BadParameter.__base__

_out = Console(soft_wrap=False)
_err = Console(stderr=True)
# In a log, a message is one line.
_err.soft_wrap = not _err.is_terminal
# The signals that were received.
_interruptions: list[int] = []


class Format(StrEnum):
    """How an answer is written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def main() -> None:
    """Run the command line; every foreseeable failure ends in a sentence and its exit code."""
    # dlt reports usage unless told otherwise; nothing but the configured hosts is contacted.
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    # What goes wrong in dlt comes back as an error, which we tell in a sentence of our own.
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
    # Arrow's own allocator keeps what a page took; the system's gives it back, at no cost in time.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    # A scheduler that stops us is met like a person's Ctrl-C: clean up, record, exit 130.
    _interruptions.clear()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    let_output_fail()
    for stream in (sys.stdout, sys.stderr):
        # Names from all over the world, also where the system's own encoding lacks them.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        # Bytes of another encoding arrive as lone surrogates, as in arguments, in any locale.
        sys.stdin.reconfigure(errors="surrogateescape")
    try:
        # Where a person looks on, the time of each line is in the way.
        with nullcontext() if sys.stderr.isatty() else redirect_stderr(TimedLines(sys.stderr)):
            _run_command()
    except _WrongUsage as error:
        # Help is no line of a log, so it has no time.
        _show_usage(error)
        sys.exit(error.exit_code)


def _show_usage(error: Any) -> None:
    """Say what is wrong with an option, its value included, and how the command is used."""
    cause: Any = error.__cause__
    if hasattr(cause, "errors"):
        # Pydantic's words: Value error, ...; Input should be a valid integer, unable to parse ...
        (first, *_) = cause.errors()
        said = first["msg"].removeprefix("Value error, ").partition(", unable to")[0]
        error.message = said.replace("Input", repr(first["input"]), 1)
    error.show()


def _run_command() -> None:
    try:
        for argument in sys.argv[1:]:
            _require_utf8(argument, f"The argument {argument!r}")
        code = app(standalone_mode=False)
        # Here, where it is told when it fails, not at Python's end.
        sys.stdout.flush()
        if code and not _interruptions:
            sys.exit(code)
    except ReferralsError as error:
        if not _interruptions:
            _say(f"referrals: {error}")
            sys.exit(error.exit_code)
    except OSError as error:
        _say(
            f"referrals: {error.filename or 'The output'} could not be written: {reason_of(error)}."
        )
        _close_output()
        sys.exit(1)
    except (KeyboardInterrupt, Exception):
        # DuckDB turns an interruption into an error of its own.
        if not _interruptions:
            raise
    if _interruptions:
        _say(
            "referrals: Interrupted. What was finished is kept and nothing is left half done; run "
            "the command again."
        )
        sys.exit(EXIT_INTERRUPTED)


def _require_utf8(text: str, subject: str) -> None:
    """Raise UsageError for bytes that are no UTF-8; Python passes them on as lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{subject} is not UTF-8 text. Nothing was done; give UTF-8.") from error


def _interrupt(signal_number: int, frame: object) -> None:
    _interruptions.append(signal_number)
    raise KeyboardInterrupt


def _close_output() -> None:
    """Keep Python from writing at its end what could not be written."""
    with suppress(OSError, ValueError):
        redirect_to_devnull(sys.stdout)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version

        print(f"referrals {version('partner-referrals')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """A Microsoft partner's referrals, from Partner Center to funnel figures in DuckDB."""


@app.command()
def demo(
    warehouse: Annotated[
        Path, typer.Option("--warehouse", help="The DuckDB file.")
    ] = DEMO_WAREHOUSE,
) -> None:
    """The whole job against a local stand-in for Partner Center; no account, no network."""
    _check_configuration(with_source=True)
    from partner_referrals.demo import run_demo
    from partner_referrals.output.terminal import RunProgress, show_table
    from partner_referrals.report import write_report
    from partner_referrals.warehouse.connection import require_usable
    from partner_referrals.warehouse.query import query as ask

    require_usable(warehouse)
    page = warehouse.with_suffix(".html")
    if page.exists() and not warehouse.exists():
        raise UsageError(
            f"There is a file {page} already, which no demo made. Name another warehouse with "
            "--warehouse: the report gets its name."
        )
    with RunProgress(_err) as progress:
        run_demo(warehouse, _now, progress)
    write_report(warehouse, page)
    funnel = ask(
        warehouse,
        "select stage, reached_count, round(step_conversion_rate, 4) as step_conversion_rate, "
        "round(cumulative_conversion_rate, 4) as cumulative_conversion_rate "
        "from marts.funnel_stages where segment = 'all' order by stage_order",
    )
    show_table(_out, funnel.to_pylist(), title="Where referrals are lost")
    deals = ask(
        warehouse,
        "select current_stage, deal_count, round(value_usd, 2) as value_usd, overdue_count, "
        "round(overdue_value_usd, 2) as overdue_value_usd "
        "from marts.pipeline where segment = 'all' order by current_stage desc",
    )
    show_table(_out, deals.to_pylist(), title="\nWhat the open deals are worth")
    print(f"\nThe report is {page}, the warehouse {warehouse}. Try next:")
    program, file = _own_command(), shlex.quote(str(warehouse))
    for line in (
        f'{program} query --warehouse {file} "from marts.win_rates"',
        f'{program} query --warehouse {file} "from marts.open_referrals limit 10"',
        f'{program} query --warehouse {file} "from marts.forecast"',
        f"{program} status --warehouse {file}",
        f"{program} doctor",
    ):
        print(f"  {line}")


def _own_command() -> str:
    """How this program can be called again from here, on the path or not."""
    if shutil.which("referrals"):
        return "referrals"
    return shlex.join([sys.executable, "-m", "partner_referrals"])


@app.command()
def login(
    no_browser: Annotated[
        bool,
        typer.Option(
            "--no-browser", help="With client_secret: print the address, paste the one you end at."
        ),
    ] = False,
    print_refresh_token: Annotated[
        bool,
        typer.Option("--print-refresh-token", help="Print the refresh token, for a CI secret."),
    ] = False,
) -> None:
    """Sign in to Partner Center once; scheduled loads then sign in by themselves."""
    _check_configuration(with_source=True)
    import webbrowser

    from partner_center.settings import resolve_settings
    from partner_center.sign_in.msal_sign_in import (
        read_refresh_token,
        sign_in_with_browser,
        sign_in_with_device_code,
    )

    credentials = resolve_settings().credentials
    if credentials.client_secret:
        paste = _paste_address if no_browser else None
        account = sign_in_with_browser(credentials, _say, webbrowser.open, paste)
    else:
        account = sign_in_with_device_code(credentials, show=_say)
    said = f"Signed in as {account}. 'referrals load' now needs no further sign-in."
    if print_refresh_token:
        # The token alone on standard output, so that it can be piped into a secret store.
        _say(said)
        print(read_refresh_token(credentials))
    else:
        print(said)


def _paste_address() -> str:
    _say("Paste the address at which the browser ended (it begins with http://localhost):")
    return sys.stdin.readline()


@app.command()
def load(
    warehouse: Warehouse = None,
    full: Annotated[bool, typer.Option("--full", help="List everything again.")] = False,
    filter: Annotated[
        str | None, typer.Option("--filter", help="Load only what this OData filter selects.")
    ] = None,
    allow_vanish: Annotated[
        bool,
        typer.Option(
            "--allow-vanish",
            help="Accept that over a fifth of the records are gone, or another user signs in.",
        ),
    ] = False,
    same_account: Annotated[
        bool,
        typer.Option("--same-account", help="Take a tenant and a host for the same organisation."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the warehouse up to what Partner Center shows now."""
    from partner_referrals.alerts import alerting
    from partner_referrals.output.terminal import RunProgress
    from partner_referrals.settings import PUBLISH_DIR, name_warehouse, read_destination

    with (
        _one_json_object(as_json) as answer,
        alerting("referrals load", _say, warehouse) as alerts,
    ):
        _check_filter(filter, full)
        # dlt reads the configuration when it is imported, so not before it was checked.
        _check_configuration(with_source=True)
        warehouse = name_warehouse(warehouse)
        is_file = read_destination() == "duckdb"
        alerts.warehouse = str(warehouse.absolute()) if is_file else "postgres"
        from partner_referrals.load import LoadOptions, load_resources
        from partner_referrals.warehouse.view_settings import read_view_settings
        from partner_referrals.warehouse.views import SQL

        target = PUBLISH_DIR.read_path()
        options = LoadOptions(
            full=full,
            filter=filter,
            allow_vanish=allow_vanish,
            same_account=same_account,
            views=read_view_settings(),
        )
        # Deadlines or rates that cannot be read are told before anything is requested.
        options.views.read(SQL)
        run_load = load_resources
        if not is_file:
            from partner_referrals.load.postgres import load_into_postgres

            run_load = load_into_postgres
            if target:
                raise UsageError(
                    "[publish] dir is set, but only a DuckDB file can be published, and [pipeline] "
                    "destination is postgres. Nothing was loaded; remove [publish] dir."
                )
        with RunProgress(_err) as progress:
            outcome = run_load(warehouse, options, clock=_now, progress=progress)
        alerts.account = outcome.account.name if outcome.account else ""
        unreconciled = [run for run in outcome.succeeded if run.reconciled is False]
        for run in unreconciled:
            alerts.tell_trouble(
                f"what came of {run.resource} is loaded but not verified: the counts differ or the "
                f"listing was incomplete (Partner Center: {_shown(run.server_total)}, ours: "
                f"{_shown(run.warehouse_total)}). The next load lists again."
            )
        rows = [run.as_row() for run in outcome.runs]
        if len(rows) > 1:
            answer |= {"succeeded": not any(outcome.errors), "runs": rows}
        elif outcome.succeeded:
            answer |= rows[0]
        unpublished = None
        if target and outcome.succeeded:
            unpublished = _publish_loaded(warehouse, target)
            if unpublished and any(outcome.errors):
                _say(str(unpublished))
        outcome.raise_worst()
        if unpublished:
            raise unpublished
        # What a filter left out was neither listed nor counted.
        if not unreconciled and not filter:
            alerts.note_good_load()
    if unreconciled:
        raise typer.Exit(EXIT_NOT_RECONCILED)


def _check_filter(filter: str | None, full: bool) -> None:
    if full and filter:
        raise UsageError("--full lists everything and --filter a part. Give one of them.")
    if filter is not None and not filter.strip():
        raise UsageError(
            "--filter is empty, which would load everything. Nothing was loaded; write an "
            "expression such as \"status eq 'Won'\", or leave the option out."
        )


def _shown(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


@contextmanager
def _one_json_object(is_wanted: bool) -> Iterator[dict[str, Any]]:
    """An object to be filled, which is printed at the end, also where the run fails."""
    answer: dict[str, Any] = {}
    try:
        yield answer
    except ReferralsError as error:
        # Where only publishing failed, what was loaded is there.
        answer.setdefault("succeeded", False)
        answer |= {"error": str(error), "exit_code": error.exit_code}
        raise
    except KeyboardInterrupt:
        answer |= {"succeeded": False, "error": "interrupted", "exit_code": EXIT_INTERRUPTED}
        raise
    finally:
        if is_wanted and answer:
            _print_json(answer)


def _print_json(value: Any) -> None:
    from partner_referrals.output.formats import write_json

    write_json(sys.stdout, value)


def _check_configuration(*, with_source: bool = False) -> None:
    """Raise UsageError for what nobody can have meant; dlt is only imported `with_source`."""
    from partner_referrals.settings import check_configuration

    check_configuration()
    if with_source:
        from partner_center.settings import check_source_configuration

        check_source_configuration()


def _locate(warehouse: Path | None, command: str = "") -> Path:
    """The warehouse file; for a `command` that reads it, UsageError where it is on a server."""
    from partner_referrals.settings import locate_warehouse, read_destination

    located = locate_warehouse(warehouse)
    if command and not located.exists() and read_destination() == "postgres":
        raise _no_file(command)
    return located


def _no_file(command: str) -> UsageError:
    return UsageError(
        f"'{command}' reads a DuckDB file, but [pipeline] destination is postgres. Ask "
        "that server in its own SQL: the views are in its schema marts."
    )


def _publish(warehouse: Path, target: Path) -> None:
    from partner_referrals.publish.publish import publish as put

    snapshot = put(warehouse, target)
    _say(f"{len(snapshot.rows)} files published in {target}, as of {snapshot.as_of} UTC.")


def _publish_loaded(warehouse: Path, target: Path) -> ReferralsError | None:
    """Publish after a load, which stays whatever becomes of this; why it failed, if it did."""
    try:
        _publish(warehouse, target)
    except ReferralsError as error:
        return type(error)(f"Everything that came is loaded, but was not published. {error}")
    return None


def _say(sentence: str) -> None:
    _err.print(sentence, markup=False, highlight=False, soft_wrap=True)


@app.command()
def report(
    warehouse: Warehouse = None,
    out: Annotated[
        Path, typer.Option("--out", help="The HTML file; .pdf or .png with Chromium.")
    ] = Path("referrals.html"),
    as_of: AsOf = None,
    anonymise: Annotated[
        bool,
        typer.Option(
            "--anonymise", help="Replace customers' names by numbers, leave out deal names."
        ),
    ] = False,
    language: Annotated[
        str, typer.Option("--language", help="Language of the report: en or fr.")
    ] = "en",
    target: Annotated[
        list[str] | None,
        typer.Option("--target", help="Draw a target, such as win_rate=0.45; may be repeated."),
    ] = None,
) -> None:
    """One HTML file: what to do today, how we are doing, and why; opens anywhere, also offline."""
    warehouse = _locate(warehouse, "report")
    from partner_referrals.report import read_targets, write_report

    write_report(
        warehouse,
        out,
        as_of=as_of,
        anonymise=anonymise,
        language=language,
        targets=read_targets(target or ()),
        warn=_say,
    )
    print(f"The report is {out}.")


@app.command()
def publish(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Where BI tools read.")],
    warehouse: Warehouse = None,
) -> None:
    """A copy for BI tools that never locks: DuckDB, Parquet and a manifest."""
    warehouse = _locate(warehouse, "publish")
    _publish(warehouse, target)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to write.")],
    warehouse: Warehouse = None,
) -> None:
    """A consistent copy of the warehouse while nothing writes it, checked by opening it."""
    warehouse = _locate(warehouse, "backup")
    from partner_referrals.publish.backup import back_up
    from partner_referrals.warehouse.records import describe_records

    held = describe_records(back_up(warehouse, file))
    print(f"{file} is a copy of {warehouse} with {held}.")


# A statement may begin with a comment, which looks like an option.
@app.command(context_settings={"ignore_unknown_options": True})
def query(
    sql: Annotated[
        str | None, typer.Argument(help="One statement that reads; - for standard input.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="Read the statement from this file.")
    ] = None,
    warehouse: Warehouse = None,
    format: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = (
        Format.table
    ),
    limit: Annotated[
        int | None,
        typer.Option("--limit", help="Rows at most; by default 1000 for a table, else all.", min=0),
    ] = None,
    as_of: AsOf = None,
    known_at: Annotated[
        str | None,
        typer.Option("--known-at", help="Answer with what the warehouse knew then (UTC)."),
    ] = None,
) -> None:
    """Ask the warehouse in SQL; it is opened read-only."""
    warehouse = _locate(warehouse, "query")
    from partner_referrals.output import answers
    from partner_referrals.output.terminal import show_texts
    from partner_referrals.warehouse.query import query as ask

    if format is Format.parquet and sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal. Send it to a file: ... > answer.parquet")
    answer = ask(warehouse, _read_sql(sql, file), as_of=as_of, known_at=known_at, warn=_say)
    limit = TABLE_ROWS if limit is None and format is Format.table else limit
    if limit is not None and answer.num_rows > limit:
        _say(
            f"{answer.num_rows - limit:,} of {counted(answer.num_rows, 'rows')} left out (--limit)."
        )
        answer = answer.slice(0, limit)
    out = sys.stdout.buffer
    match format:
        case Format.table:
            show_texts(_out, answers.to_texts(answer))
        case Format.csv:
            answers.write_csv(out, answer)
        case Format.json:
            answers.write_json(out, answer)
        case Format.parquet:
            answers.write_parquet(out, answer)
    out.flush()


def _read_sql(sql: str | None, file: Path | None) -> str:
    """The statement from the argument, a file or standard input."""
    if (sql is None) == (file is None):
        raise UsageError(
            "Give one statement: as the argument, with --file, or - for standard input."
        )
    if file is not None:
        try:
            return file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"The statement in {file} cannot be read: {reason_of(error)}."
            ) from error
    text = sys.stdin.read() if sql == "-" else str(sql)
    _require_utf8(text, "The statement on standard input")
    return text


@app.command()
def status(
    warehouse: Warehouse = None,
    max_age: Annotated[
        str | None,
        typer.Option("--max-age", help="Exit 1 if the last load is older: 90m, 26h, 2d."),
    ] = None,
    max_issues: Annotated[
        int | None, typer.Option("--max-issues", help="Exit 1 if there are more issues.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How fresh, whole and clean the warehouse is."""
    warehouse = _locate(warehouse, "status")
    from partner_referrals.output.terminal import show_status
    from partner_referrals.warehouse.status import read_status

    limit = None if max_age is None else _read_age(max_age)
    now = _now()
    state = read_status(warehouse, now)
    failing = [] if limit is None else state.failing_for(limit, now)
    is_old = limit is not None and (state.age is None or state.age > limit)
    is_stale = is_old or bool(failing)
    has_too_many_issues = max_issues is not None and state.issue_count > max_issues
    if as_json:
        _print_json(
            {
                **state.freshness,
                "age_seconds": None if state.age is None else state.age.total_seconds(),
                "is_stale": is_stale,
                "resources": state.resources,
                "issue_counts": state.issue_counts,
                "last_runs": state.last_runs,
            },
        )
    else:
        show_status(_out, state)
    if state.future_load:
        _say(state.future_load)
    if is_old:
        found = (
            "Only loads with --filter have succeeded, and these do not count."
            if state.age is None
            else f"The last load is older than {max_age}."
        )
        _say(f"{found} Look at the last loads above.")
    elif failing:
        _say(
            f"The loads of {' and '.join(failing)} fail, and the last good one is older than "
            f"{max_age}. Look at the last loads above."
        )
    if has_too_many_issues:
        _say(f"Data quality issues: {state.issue_count:,}, over {max_issues:,}.")
    if is_stale or has_too_many_issues:
        raise typer.Exit(1)


def _read_age(text: str) -> timedelta:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if text[:-1].isdecimal() and text[-1:] in units:
        with suppress(OverflowError):
            return timedelta(**{units[text[-1]]: int(text[:-1])})
    raise UsageError(f"--max-age '{text}' is no time. Write 90m, 26h or 2d.")


@app.command()
def doctor(
    warehouse: Warehouse = None,
    send_test: Annotated[
        bool, typer.Option("--send-test", help="Send a message to the configured chat.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check what a first load needs, step by step; say what to do next."""
    from dataclasses import asdict

    from partner_referrals.doctor import examine

    findings = []
    for finding in examine(warehouse, send_test=send_test):
        findings.append(finding)
        if not as_json:
            print(f"{finding.state:<9}{finding.subject:<15}{finding.outcome}".rstrip(), flush=True)
    # Further ones, if any, stand in the list.
    missing = next((finding for finding in findings if finding.state == "missing"), None)
    if as_json:
        _print_json({finding.subject: asdict(finding) for finding in findings})
    elif missing is None:
        print("\nEverything is in place. 'referrals load' brings in what Partner Center shows now.")
    else:
        advice = missing.advice or f"do what is said at '{missing.subject}' above."
        print(f"\nNext: {advice}\n")
        print("Then run 'referrals doctor' again.")
    if missing:
        raise typer.Exit(missing.exit_code)


@app.command()
def views(
    warehouse: Warehouse = None,
    dialect: Annotated[
        str | None,
        typer.Option("--dialect", help="Print their DDL for another engine: postgres, spark, ..."),
    ] = None,
) -> None:
    """Refresh the views, after a change to their SQL."""
    warehouse = _locate(warehouse)
    from partner_referrals.settings import read_destination
    from partner_referrals.warehouse.view_settings import read_view_settings

    settings = read_view_settings()
    if dialect:
        from partner_referrals.warehouse.dialects import view_ddl

        for statement in view_ddl(dialect, settings):
            print(f"{statement};")
        return
    if read_destination() == "postgres":
        from partner_referrals.load.postgres import refresh_postgres_views

        count = refresh_postgres_views(settings)
        print(f"{count} views refreshed in postgres.")
        return
    from partner_referrals.warehouse.connection import (
        explain_errors,
        open_warehouse,
        require_usable,
    )
    from partner_referrals.warehouse.lock import run_lock
    from partner_referrals.warehouse.tables import has_table
    from partner_referrals.warehouse.views import make_tables_and_views

    require_usable(warehouse, must_exist=True)
    with run_lock(warehouse), open_warehouse(warehouse) as connection:
        if not has_table(connection, "load_runs"):
            raise UsageError(f"{warehouse} holds no load yet. Run 'referrals load' first.")
        # A warehouse of an older version may lack tables that the views read.
        with explain_errors(warehouse, "The views"):
            count = make_tables_and_views(connection, settings)
    print(f"{count} views refreshed in {warehouse}.")


@app.command()
def sandbox(
    records: Annotated[
        Path | None, typer.Option("--records", help="Serve these records (JSON lines).")
    ] = None,
    engagements: Annotated[
        Path | None, typer.Option("--engagements", help="Serve these deals (JSON lines).")
    ] = None,
    count: Annotated[
        int, typer.Option("--count", help="How many records to make up.", min=0, max=10_000_000)
    ] = 12_000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the records that are made up.")] = 7,
    port: Annotated[
        int,
        typer.Option("--port", help="Port of the endpoint; 0 takes a free one.", min=0, max=65_535),
    ] = 0,
) -> None:
    """Run a local stand-in for Partner Center until Ctrl-C."""
    _check_configuration()
    from partner_center_sandbox import Sandbox, records_from

    # Of the whole day, so that a stand-in started again today serves the same.
    today = _now().replace(hour=0, minute=0, second=0, microsecond=0)
    with Sandbox(
        None if records is None else records_from(records),
        count,
        seed,
        today,
        engagements=None if engagements is None else records_from(engagements),
        days=SANDBOX_DAYS,
        api_port=port,
    ) as stand_in:
        section = "SOURCES__PARTNER_CENTER"
        variables = {
            f"{section}__BASE_URL": stand_in.base_url,
            f"{section}__CREDENTIALS__ACCESS_TOKEN": stand_in.access_token,
            "REFERRALS_WAREHOUSE": "sandbox.duckdb",
        }
        # Harmless where deals are not loaded.
        variables |= {
            f"{section}__ENGAGEMENTS_BASE_URL": stand_in.base_url,
            f"{section}__CREDENTIALS__ENGAGEMENTS_ACCESS_TOKEN": stand_in.engagements_access_token,
        }
        served = (
            f"Served: {counted(len(stand_in.records()), 'referrals')}, "
            f"{counted(len(stand_in.engagements.records()), 'deals')}"
        )
        if engagements is not None:
            resources = '["engagements"]' if records is None else '["referrals", "engagements"]'
            variables[f"{section}__RESOURCES"] = shlex.quote(resources)
        keys = "Ctrl-C: stop."
        if stand_in.is_generated:
            served += f", as of {today - timedelta(days=SANDBOX_DAYS):%Y-%m-%d}"
            keys = f"Enter: the next day. {keys}"
        for name, value in variables.items():
            print(f"export {name}={value}", flush=True)
        _err.print(
            f"{served}. Set these variables in another terminal and run 'referrals load' there, "
            f"which writes sandbox.duckdb. {keys}"
        )
        _serve(stand_in)


def _serve(stand_in: Any) -> None:
    """Let a day pass at each Enter, until Ctrl-C or, without a terminal, a signal."""
    import threading

    try:
        for _ in sys.stdin:
            try:
                stand_in.next_day()
                _err.print(f"A day passed: {counted(len(stand_in.records()), 'referrals')}.")
            except UsageError as error:
                _err.print(str(error))
        threading.Event().wait()
    except KeyboardInterrupt:
        # The way to end it, so no interruption.
        _interruptions.clear()
        _err.print("The stand-in has stopped.")


if __name__ == "__main__":
    main()
