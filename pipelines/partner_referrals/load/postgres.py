"""Keeps the warehouse on another server: a mirror is loaded here, what it gained is put there.

A load works on a DuckDB file. Where `[pipeline] destination` names another of dlt's destinations,
that file mirrors the destination's tables: it is loaded, and compared with what it was; dlt brings
the difference into a dataset of its own, and one transaction puts it into the tables and makes the
views. Whoever kills a load before that transaction ends has changed nothing there. The mirror stays
for the next load, which copies the tables anew where they are not what it mirrors.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination import Destination
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation
from dlt.pipeline.exceptions import PipelineStepFailed

from partner_center.schema.dlt_hints import column_hints
from partner_center.schema.versions import SEEN_SCHEMA
from partner_referrals.errors import (
    ReferralsError,
    TryAgainLater,
    UsageError,
    WarehouseFailed,
    first_line,
)
from partner_referrals.load.merge import REJECT_SCHEMA
from partner_referrals.load.temporary_directory import workplace
from partner_referrals.warehouse.dialects import view_ddl
from partner_referrals.warehouse.lock import run_lock
from partner_referrals.warehouse.tables import create_tables, has_table
from partner_referrals.warehouse.views import SCHEMAS

_VIEWS = tuple(f"create view {schema}." for schema in SCHEMAS)
_INCOMING = "partner_center_incoming"
_BATCH_ROWS = 50_000
# Before each text on its way, since what carries it may take an empty one for null.
_MARK = "="
# What tells the rows of a table apart; rows are never altered but for the end of a version.
_KEYS = {
    "referrals": ("id", "valid_from", "valid_to"),
    "referral_rejects": ("record", "reason"),
    "referral_totals": ("counted_at", "status", "created_month"),
    "load_runs": ("run_id",),
}
# Every load writes its run; who writes past us would have to keep all of these.
_STATE = (
    "select count(*), count(valid_to), max(valid_from), max(valid_to) "
    "from partner_center.referrals",
    "select count(*) from partner_center.referral_rejects",
    "select count(*), max(started_at), max(run_id) from partner_center.load_runs",
)


@contextmanager
def mirrored(destination: str, warehouse: Path, sla_rules: Path | None) -> Iterator[Path]:
    """A DuckDB file to load into; what it gained is in the destination afterwards.

    Raises UsageError for a destination that dlt does not know or that refuses us, and where a
    warehouse file would be left behind, WarehouseFailed where the destination fails.
    """
    if warehouse.exists():
        raise UsageError(
            f"[pipeline] destination is {destination}, but there is a warehouse {warehouse} too, "
            "which would grow old here. Move it away, or set the destination to duckdb."
        )
    kept = warehouse.with_name(f"{warehouse.name}.{destination}")
    with run_lock(warehouse), _told(destination), workplace(kept) as place:
        server = _Server(destination, place / "dlt")
        mirror = place / "mirror.duckdb"
        # Moved away as long as it changes: what ends a load early leaves none that is ahead.
        server.fill(mirror, kept)
        try:
            yield mirror
        except BaseException:
            # The row of the run that failed; why it failed is told anyway.
            with suppress(ReferralsError, DatabaseException, PipelineStepFailed):
                server.put(mirror, [])
                mirror.replace(kept)
            raise
        server.put(mirror, view_ddl(server.dialect, sla_rules))
        mirror.replace(kept)


def describe_destination(destination: str) -> str:
    """What the destination holds, for a person; raises what `mirrored` raises."""
    with _told(destination), tempfile.TemporaryDirectory() as place:
        count = _Server(destination, Path(place)).count_referrals()
    if count is None:
        return f"{destination} answers, and will be filled by the first load"
    return f"{destination} holds {count:,} referrals"


def refresh_views_there(destination: str, sla_rules: Path | None) -> int:
    """Make every view in the destination anew; how many there are."""
    with _told(destination), tempfile.TemporaryDirectory() as place:
        server = _Server(destination, Path(place))
        statements = view_ddl(server.dialect, sla_rules)
        server.run(statements)
    return sum(each.startswith(_VIEWS) for each in statements)


class _Server:
    """The destination, as dlt knows it."""

    def __init__(self, destination: str, place: Path) -> None:
        self._pipeline = dlt.pipeline(
            "partner_center_elsewhere",
            pipelines_dir=str(place),
            destination=Destination.from_reference(destination),
            dataset_name=_INCOMING,
        )
        self._is_postgres = destination == "postgres"

    @property
    def dialect(self) -> str:
        """sqlglot's name for what the server speaks."""
        return str(self._pipeline.destination.capabilities().sqlglot_dialect)

    def run(self, statements: list[str]) -> None:
        """Run statements in one transaction."""
        with self._pipeline.sql_client() as client, client.begin_transaction():
            for statement in statements:
                client.execute_sql(statement)

    def count_referrals(self) -> int | None:
        """How many referrals it holds; None before the first load."""
        counts = self._ask("select count(*) from partner_center.referrals where valid_to is null")
        return int(counts[0][0]) if counts else None

    def fill(self, mirror: Path, kept: Path) -> None:
        """Make a DuckDB file that holds what the tables hold, of the kept one if that does."""
        if self._ask(*_STATE) == _state_of(kept):
            kept.rename(mirror)
        else:
            with duckdb.connect(mirror) as connection:
                create_tables(connection)
                for table in _KEYS:
                    self._fill_table(connection, table)
        with duckdb.connect(mirror) as connection:
            connection.execute("create schema if not exists mirrored")
            for table, keys in _KEYS.items():
                if has_table(connection, table):
                    connection.execute(
                        f"create or replace table mirrored.{table} as "
                        f"select {', '.join(keys)} from partner_center.{table}"
                    )

    def _ask(self, *queries: str) -> list[tuple[Any, ...]] | None:
        """The rows of all queries; None before the first load."""
        with suppress(DatabaseUndefinedRelation), self._pipeline.sql_client() as client:
            return [tuple(row) for query in queries for row in client.execute_sql(query) or ()]
        return None

    def _fill_table(self, connection: duckdb.DuckDBPyConnection, table: str) -> None:
        with (
            suppress(DatabaseUndefinedRelation),
            self._pipeline.sql_client() as client,
            client.begin_transaction(),
        ):
            batches = self._read(client, f"select * from partner_center.{table}")
            schema = {"referrals": SEEN_SCHEMA, "referral_rejects": REJECT_SCHEMA}.get(table)
            rows = next(batches, None)
            if schema:
                empty = schema.empty_table()  # noqa: F841  DuckDB finds it by its name
                connection.execute(f"create table partner_center.{table} as from empty")
            columns = _columns(connection, table)
            casts = ", ".join(f"{name}::{kind} as {name}" for name, kind in columns.items())
            while rows is not None:
                connection.execute(
                    f"insert into partner_center.{table} by name select {casts} from rows"
                )
                rows = next(batches, None)

    def _read(self, client: Any, query: str) -> Iterator[pa.Table]:
        """The rows of a query, some at a time."""
        if self._is_postgres:
            # Its driver would fetch all of them at once.
            client.execute_sql(f"declare reading no scroll cursor for {query}")
            query = f"fetch {_BATCH_ROWS} from reading"
        has_more = True
        while has_more:
            has_more = False
            with client.execute_query(query) as cursor:
                for rows in cursor.iter_arrow(chunk_size=_BATCH_ROWS):
                    if rows is not None and rows.num_rows:
                        yield rows
                        has_more = self._is_postgres

    def put(self, mirror: Path, views: list[str]) -> None:
        """Bring over what the mirror gained, and make the views."""
        with duckdb.connect(mirror, read_only=True) as connection:
            gained = {
                table: _gained(connection, table, keys)
                for table, keys in _KEYS.items()
                if has_table(connection, table)
            }
            runs = connection.execute("select count(*) from mirrored.load_runs").fetchall()[0][0]
            forgotten = connection.execute(
                "select distinct counted_at from mirrored.referral_totals "
                "except select counted_at from partner_center.referral_totals"
            ).fetchall()
            self._bring(gained)
        with self._pipeline.sql_client() as client, client.begin_transaction():
            client.execute_sql("create schema if not exists partner_center")
            for table, rows in gained.items():
                client.execute_sql(
                    f"create table if not exists partner_center.{table} as "
                    f"select {_unmarked(rows)} from {_INCOMING}.{table} where 1 = 0"
                )
            ((found,),) = client.execute_sql("select count(*) from partner_center.load_runs") or ()
            if found != runs:
                raise TryAgainLater(
                    "Another load has written to the destination meanwhile, so this one is given "
                    "up; nothing of it is kept there. Load again."
                )
            self._put_rows(client, gained, forgotten)
            for statement in [*views, *(f"drop table {_INCOMING}.{table}" for table in gained)]:
                client.execute_sql(statement)

    def _bring(self, gained: dict[str, pa.RecordBatchReader]) -> None:
        """The rows into a dataset of their own, made new: what a killed run left goes first."""
        with self._pipeline.sql_client() as client:
            if client.has_dataset():
                client.drop_dataset()
        options: Any = {}
        settings: dict[str, bool] = {}
        if self._is_postgres:
            options["loader_file_format"] = "csv"
            # Packing takes twice as long as all the rest, and the server gets it unpacked.
            settings["normalize.data_writer.disable_compression"] = True
        with dlt.config.values(settings):
            self._pipeline.run(
                [
                    dlt.resource(
                        _tables(rows),
                        name=table,
                        columns=column_hints(rows.schema),
                        write_disposition="append",
                    )
                    for table, rows in gained.items()
                ],
                **options,
            )

    def _put_rows(
        self,
        client: Any,
        gained: dict[str, pa.RecordBatchReader],
        forgotten: list[tuple[Any, ...]],
    ) -> None:
        if "referrals" in gained:
            # Versions that have ended come anew.
            client.execute_sql(
                "delete from partner_center.referrals where exists ("
                f"select 1 from {_INCOMING}.referrals as incoming "
                f"where incoming.id = concat('{_MARK}', partner_center.referrals.id) "
                "and incoming.valid_from = partner_center.referrals.valid_from)"
            )
        for (counted_at,) in forgotten:
            client.execute_sql(
                "delete from partner_center.referral_totals where counted_at = %s", counted_at
            )
        for table, rows in gained.items():
            columns = ", ".join(rows.schema.names)
            client.execute_sql(
                f"insert into partner_center.{table} ({columns}) "
                f"select {_unmarked(rows)} from {_INCOMING}.{table}"
            )


def _state_of(mirror: Path) -> list[tuple[Any, ...]]:
    """What _STATE finds in a mirror; nothing where there is none that can be read."""
    if not mirror.exists():
        return []
    try:
        with duckdb.connect(mirror, read_only=True) as connection:
            return [row for query in _STATE for row in connection.execute(query).fetchall()]
    except duckdb.Error:
        return []


def _tables(rows: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Batches as dlt takes them, behind an empty table that makes it create the columns."""
    yield rows.schema.empty_table()
    for batch in rows:
        yield pa.Table.from_batches([batch])


def _gained(
    connection: duckdb.DuckDBPyConnection, table: str, keys: tuple[str, ...]
) -> pa.RecordBatchReader:
    same = " and ".join(f"before.{key} is not distinct from now.{key}" for key in keys)
    past = (
        f"where not exists (from mirrored.{table} as before where {same})"
        if _columns(connection, table, "mirrored")
        else ""
    )
    # No server but DuckDB's takes a NUL; U+FFFD tells that something stood there.
    marked = ", ".join(
        f"'{_MARK}' || replace({name}, chr(0), chr(65533)) as {name}" if kind == "VARCHAR" else name
        for name, kind in _columns(connection, table).items()
    )
    # Each its own cursor: one connection has one result at a time.
    query = f"select {marked} from partner_center.{table} as now {past}"
    return connection.cursor().sql(query).to_arrow_reader(_BATCH_ROWS)


def _unmarked(rows: pa.RecordBatchReader) -> str:
    return ", ".join(
        f"substr({field.name}, {len(_MARK) + 1}) as {field.name}"
        if pa.types.is_string(field.type)
        else field.name
        for field in rows.schema
    )


def _columns(
    connection: duckdb.DuckDBPyConnection, table: str, schema: str = "partner_center"
) -> dict[str, str]:
    return dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns() "
            "where schema_name = $1 and table_name = $2 order by column_index",
            [schema, table],
        ).fetchall()
    )


@contextmanager
def _told(destination: str) -> Iterator[None]:
    """Say in a sentence why the destination cannot be used."""
    try:
        yield
    except UnknownDestinationModule as error:
        raise UsageError(
            f"dlt knows no destination '{destination}'. Set [pipeline] destination to duckdb, "
            "postgres, or another name of dlt's."
        ) from error
    except MissingDependencyException as error:
        raise UsageError(
            f"The destination {destination} needs a package that is not installed: "
            f"{', '.join(error.dependencies)}."
        ) from error
    except ConfigurationException as error:
        raise UsageError(
            f"The destination {destination} is not configured: {_reason(error)}. See "
            f"[destination.{destination}.credentials]."
        ) from error
    except ReferralsError:
        raise
    except Exception as error:
        if not _is_of_a_database(error):
            raise
        refused = ("FATAL", "ermission denied")
        if any(word in str(error) for word in refused) and "starting up" not in str(error):
            raise UsageError(
                f"The destination {destination} refuses us: {_reason(error)}. Nothing was "
                f"changed there. Check [destination.{destination}.credentials] and the rights."
            ) from error
        raise WarehouseFailed(
            f"The destination {destination} failed: {_reason(error)}. It holds the state "
            "before this run; correct the cause and load again."
        ) from error


def _is_of_a_database(error: Exception) -> bool:
    """Whether dlt or a driver (they share DB-API's names) raised it."""
    return isinstance(error, DatabaseException | PipelineStepFailed) or any(
        each.__name__ == "DatabaseError" for each in type(error).mro()
    )


def _reason(error: Exception) -> str:
    """The first line of what the destination said; dlt wraps it."""
    told = error.exception if isinstance(error, PipelineStepFailed) else error
    return first_line(told).rstrip(".:")
