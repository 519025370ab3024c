"""Loads into a PostgreSQL server: into a local DuckDB mirror first, whose new rows are then copied.

The mirror is an ordinary warehouse file that holds what the server's tables hold. One transaction
on the server takes the rows that a load added to it and makes the views, so that a load that is
killed changes nothing there. The mirror stays for the next load, which fills it anew from the
server if the two do not match.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from partner_center.schema.tables import REFERRALS, Table
from partner_center.settings import PartnerCenterSettings
from partner_center.wording import counted
from partner_referrals.errors import ReferralsError, TryAgainLater, UsageError
from partner_referrals.load.options import Clock, LoadOptions, utc_now
from partner_referrals.load.outcome import LoadOutcome
from partner_referrals.load.postgres_server import PostgresServer, connect_to_postgres
from partner_referrals.load.progress import SILENT, Progress
from partner_referrals.load.run import load_resources
from partner_referrals.load.temporary_directory import temporary_directory
from partner_referrals.warehouse.account import restore_account
from partner_referrals.warehouse.connection import explain_errors
from partner_referrals.warehouse.dialects import view_ddl
from partner_referrals.warehouse.lock import run_lock
from partner_referrals.warehouse.sql_text import text_literal
from partner_referrals.warehouse.tables import TABLES, create_tables
from partner_referrals.warehouse.view_settings import ViewSettings
from partner_referrals.warehouse.views import SCHEMAS, view_definitions

_WITHOUT_OPTIONS = LoadOptions()
_VIEW = re.compile(r"create (?:materialized )?view (?P<name>(?P<schema>\w+)\.\w+)")
# What identifies a row. Only the end of a version is ever changed in place. Tables that are not
# here are replaced as a whole.
_KEYS = {
    "referrals": ("id", "valid_from", "valid_to"),
    "engagements": ("id", "valid_from", "valid_to"),
    "referral_rejects": ("record", "reason"),
    "referral_totals": ("counted_at", "status", "created_month"),
    "load_runs": ("run_id",),
}
# Equal on both sides if nobody else has written: every load adds its run.
_FINGERPRINT = (
    "select count(*), count(valid_to), max(valid_from), max(valid_to) "
    "from partner_center.referrals",
    "select count(*) from partner_center.referral_rejects",
    "select count(*), max(started_at), max(run_id) from partner_center.load_runs",
)


def load_into_postgres(
    warehouse: Path,
    options: LoadOptions = _WITHOUT_OPTIONS,
    *,
    settings: PartnerCenterSettings | None = None,
    certificate: Path | None = None,
    clock: Clock = utc_now,
    progress: Progress = SILENT,
) -> LoadOutcome:
    """Load as `load_resources` does, but into the configured server.

    The mirror lies beside `warehouse`.

    Raises what `load` raises, UsageError if a warehouse file exists at `warehouse`, and what
    `connect_to_postgres` raises.
    """
    _refuse_second_warehouse(warehouse)
    with _mirror(warehouse) as (mirror, directory):
        try:
            outcome = load_resources(
                mirror,
                options,
                settings=settings,
                certificate=certificate,
                clock=clock,
                progress=progress,
            )
        except BaseException:
            # The row of the run that failed; that it failed is reported in any case.
            with suppress(ReferralsError, duckdb.Error, OSError):
                _copy_new_rows(mirror, directory, None)
            raise
        _copy_new_rows(mirror, directory, options.views)
    return outcome


def describe_postgres(warehouse: Path) -> str:
    """What the configured server holds, as a sentence.

    Raises UsageError if a warehouse file exists at `warehouse`, and what `connect_to_postgres`
    raises.
    """
    _refuse_second_warehouse(warehouse)
    with connect_to_postgres() as server:
        if not server.column_names(REFERRALS):
            return "postgres answers, and will be filled by the first load"
        query = "select count(*) from partner_center.referrals where valid_to is null"
        return f"postgres holds {counted(server.execute(query)[0][0], 'referrals')}"


def refresh_postgres_views(settings: ViewSettings) -> int:
    """Make the views on the server, unless they are as they should be; how many there are."""
    with connect_to_postgres() as server:
        count = _refresh_views(server, settings)
        server.commit()
    return count


def _refresh_views(server: PostgresServer, settings: ViewSettings) -> int:
    """As `refresh_views` of a DuckDB file; materialised views are computed anew in any case.

    What others grant on the views, index or build on them stays where these are left alone.
    """
    statements = view_ddl("postgres", settings)
    views = [found for each in statements if (found := _VIEW.match(each))]
    names = [view["name"] for view in views]
    count = sum(view["schema"] in SCHEMAS for view in views)
    source = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    server.execute("create schema if not exists settings")
    server.execute("create table if not exists settings.made_views (source text, made text)")
    remembered = server.execute("select source, made from settings.made_views")
    if remembered == [(source, _read_views(server, names))]:
        _refresh_materialised(server)
        return count
    for statement in statements:
        server.execute(statement)
    server.execute("delete from settings.made_views")
    made = _read_views(server, names)
    server.execute("insert into settings.made_views values (%s, %s)", source, made)
    return count


def _refresh_materialised(server: PostgresServer) -> None:
    """Compute those of our marts anew that are materialised there."""
    marts = [each.name for each in view_definitions() if each.schema == "marts"]
    for (name,) in server.execute(
        "select matviewname from pg_matviews where schemaname = 'marts' and matviewname = any(%s)",
        marts,
    ):
        server.execute(f"refresh materialized view marts.{name}")


def _read_views(server: PostgresServer, names: list[str]) -> str:
    """A fingerprint of our views as they stand on the server."""
    made: str = server.execute(
        "select md5(coalesce(string_agg(concat_ws(' ', name, definition), ' ' order by name), '')) "
        "from ("
        "    select schemaname || '.' || viewname as name, definition from pg_views "
        "    union all "
        "    select schemaname || '.' || matviewname, definition from pg_matviews"
        ") as views where name = any(%s)",
        names,
    )[0][0]
    return made


def _refuse_second_warehouse(warehouse: Path) -> None:
    if warehouse.exists():
        raise UsageError(
            f"[pipeline] destination is postgres, but there is a warehouse {warehouse} too, "
            "which would grow old here. Move it away, or set the destination to duckdb."
        )


@contextmanager
def _mirror(warehouse: Path) -> Iterator[tuple[Path, Path]]:
    """A warehouse file that holds what the server holds, and a temporary directory."""
    kept = Path(os.path.realpath(f"{warehouse}.postgres"))
    with run_lock(warehouse), explain_errors(kept), temporary_directory(kept) as directory:
        # Moved away while it changes, so that a killed load leaves no mirror that is ahead.
        mirror = directory / "mirror.duckdb"
        with connect_to_postgres() as server:
            if _read_fingerprint(server) == _fingerprint_of(kept):
                shutil.move(kept, mirror)
            else:
                _fill(server, mirror)
        with duckdb.connect(mirror) as connection:
            create_tables(connection)
            _note_keys(connection)
        try:
            yield mirror, directory
        finally:
            if (directory / "copied").exists():
                # The temporary directory may be on another disk.
                draft = kept.with_name(f"{kept.name}.new")
                shutil.move(mirror, draft)
                draft.replace(kept)


def _read_fingerprint(server: PostgresServer) -> list[tuple[object, ...]] | None:
    """What _FINGERPRINT finds on the server; None if a table is missing."""
    if not all(server.column_names(table) for table in TABLES):
        return None
    return [row for query in _FINGERPRINT for row in server.execute(query)]


def _fingerprint_of(mirror: Path) -> list[tuple[object, ...]]:
    """What _FINGERPRINT finds in a mirror; nothing if it cannot be read."""
    if not mirror.exists():
        return []
    try:
        with duckdb.connect(mirror, read_only=True) as connection:
            return [row for query in _FINGERPRINT for row in connection.execute(query).fetchall()]
    except duckdb.Error:
        return []


def _fill(server: PostgresServer, mirror: Path) -> None:
    """Make a warehouse file of what the server's tables hold."""
    with duckdb.connect(mirror) as connection:
        create_tables(connection)
        for table in TABLES:
            for rows in server.read(table):  # noqa: B007  DuckDB finds it by its name
                connection.execute(
                    f"insert into partner_center.{table.name} by name select * from rows"
                )
        restore_account(connection)


def _note_keys(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep in the mirror which rows the server has."""
    connection.execute("create schema if not exists mirrored")
    for table, keys in _KEYS.items():
        connection.execute(
            f"create or replace table mirrored.{table} as "
            f"select {', '.join(keys)} from partner_center.{table}"
        )


def _copy_new_rows(mirror: Path, directory: Path, views: ViewSettings | None) -> None:
    """Copy what the mirror gained to the server and make the views, if any, in one transaction.

    Views that cannot be made cost no rows: these are kept, then the error is raised.
    """
    trouble: ReferralsError | None = None
    with (
        duckdb.connect(mirror, read_only=True) as connection,
        connect_to_postgres() as server,
    ):
        server.execute("create schema if not exists partner_center")
        for table in TABLES:
            server.create_table(table)
        _refuse_second_load(connection, server)
        _forget_totals(connection, server)
        for table in TABLES:
            if table.name not in _KEYS:
                server.execute(f"delete from partner_center.{table.name}")
            _copy_table(connection, server, table, directory / f"{table.name}.csv")
        if views:
            try:
                with server.savepoint():
                    _refresh_views(server, views)
            except ReferralsError as error:
                trouble = error
                with suppress(ReferralsError), server.savepoint():
                    _refresh_materialised(server)
        server.commit()
    (directory / "copied").touch()
    if trouble:
        raise type(trouble)(
            f"What was loaded is kept in postgres, but its views are those of before. {trouble}"
        )


def _refuse_second_load(connection: duckdb.DuckDBPyConnection, server: PostgresServer) -> None:
    server.execute("lock table partner_center.load_runs in share row exclusive mode")
    expected = connection.execute("select count(*) from mirrored.load_runs").fetchall()
    if server.execute("select count(*) from partner_center.load_runs") != expected:
        raise TryAgainLater(
            "Another load has written to the server meanwhile, so this one is given up; nothing "
            "of it is kept there. Load again."
        )


def _forget_totals(connection: duckdb.DuckDBPyConnection, server: PostgresServer) -> None:
    """Delete the counts of long ago that this load deleted from the mirror."""
    forgotten = connection.execute(
        "select distinct counted_at from mirrored.referral_totals "
        "except select counted_at from partner_center.referral_totals"
    ).fetchall()
    for (counted_at,) in forgotten:
        server.execute(
            "delete from partner_center.referral_totals where counted_at = %s", counted_at
        )


def _copy_table(
    connection: duckdb.DuckDBPyConnection, server: PostgresServer, table: Table, file: Path
) -> None:
    """Copy the new rows of a table; versions that ended replace what the server has of them."""
    columns = table.schema.names
    _write_new_rows(connection, table, file)
    if "valid_to" not in columns:
        server.copy(file, f"partner_center.{table.name}", columns)
        return
    server.execute(
        f"create temporary table incoming (like partner_center.{table.name}) on commit drop"
    )
    server.copy(file, "incoming", columns)
    server.execute(
        f"delete from partner_center.{table.name} as kept using incoming "
        "where incoming.id = kept.id and incoming.valid_from = kept.valid_from"
    )
    names = ", ".join(columns)
    server.execute(
        f"insert into partner_center.{table.name} ({names}) select {names} from incoming"
    )
    server.execute("drop table incoming")


def _write_new_rows(connection: duckdb.DuckDBPyConnection, table: Table, file: Path) -> None:
    """The rows of a table that the server does not have, as CSV with every text quoted."""
    texts = [each.name for each in table.schema if pa.types.is_string(each.type)]
    # PostgreSQL cannot store a NUL character; U+FFFD shows that something was there.
    values = ", ".join(
        f"replace({name}, chr(0), chr(65533)) as {name}" if name in texts else name
        for name in table.schema.names
    )
    is_same = " and ".join(
        f"before.{key} is not distinct from now.{key}" for key in _KEYS.get(table.name, ())
    )
    new = f"where not exists (from mirrored.{table.name} as before where {is_same})"
    connection.execute(
        f"copy (select {values} from partner_center.{table.name} as now {new if is_same else ''}) "
        f"to {text_literal(file)} "
        f"(format csv, header false, force_quote ({', '.join(texts)}))"
    )
