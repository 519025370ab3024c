"""A PostgreSQL server that holds the warehouse, spoken to through its own driver."""

import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from dlt.common.configuration import configspec
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from partner_center.configuration import explained_errors
from partner_center.schema.tables import Table
from partner_referrals.errors import (
    ReferralsError,
    TryAgainLater,
    UsageError,
    WarehouseFailed,
    reason_of,
)
from partner_referrals.warehouse.tables import SQL_TYPES

_BATCH_ROWS = 50_000
# How PostgreSQL says that it is not there for now, and that it will not have this user.
_BUSY = re.compile("starting up|shutting down|in recovery|too many clients|remaining connection")
_REFUSED = re.compile("authentication failed|pg_hba.conf|does not exist|ermission denied|password")
_DEPENDENTS = "2BP01"


@configspec(init=False)
class _Credentials(PostgresCredentials):
    """Those of dlt; without a password where none is asked for, or PostgreSQL finds it itself."""

    password: TSecretStrValue | None = None  # type: ignore[assignment]


@configspec
class _PostgresSettings(BaseConfiguration):
    """`[destination.postgres]` of dlt's configuration."""

    credentials: _Credentials = None  # type: ignore[assignment]


class PostgresServer:
    """One connection to the configured server, with one transaction at a time.

    Made by `connect_to_postgres`; errors of the driver are explained there.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement in the current transaction; its rows, if it has any."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def commit(self) -> None:
        """Make what was written visible."""
        self._connection.commit()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what fails inside, raised as a ReferralsError; the transaction goes on."""
        import psycopg2

        self.execute("savepoint before")
        try:
            yield
        except psycopg2.Error as error:
            self.execute("rollback to savepoint before")
            raise _explain(error, "") from error

    def create_table(self, table: Table) -> None:
        """Make a table, or add the columns that an older one lacks."""
        name = f"partner_center.{table.name}"
        columns = [f"{each.name} {SQL_TYPES[str(each.type)]}" for each in table.schema]
        self.execute(f"create table if not exists {name} ({', '.join(columns)})")
        found = self.column_names(table)
        for declared in columns:
            if declared.partition(" ")[0] not in found:
                self.execute(f"alter table {name} add column {declared}")

    def column_names(self, table: Table) -> set[str]:
        """The columns of a table; none if it does not exist."""
        rows = self.execute(
            "select column_name from information_schema.columns "
            "where table_schema = 'partner_center' and table_name = %s",
            table.name,
        )
        return {name for (name,) in rows}

    def read(self, table: Table) -> Iterator[pa.Table]:
        """The rows of a table, in batches of the columns that the server has."""
        found = self.column_names(table)
        schema = pa.schema([each for each in table.schema if each.name in found])
        if not found:
            return
        # With a name, the driver fetches batches instead of everything at once.
        with self._connection.cursor("reading") as cursor:
            cursor.execute(f"select {', '.join(schema.names)} from partner_center.{table.name}")
            while rows := cursor.fetchmany(_BATCH_ROWS):
                columns = [
                    pa.array(values, each.type)
                    for values, each in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                yield pa.table(columns, schema)

    def copy(self, file: Path, table: str, columns: list[str]) -> None:
        """Append the rows of a CSV file; an empty value is null unless it is quoted."""
        with file.open("rb") as rows, self._connection.cursor() as cursor:
            cursor.copy_expert(f"copy {table} ({', '.join(columns)}) from stdin (format csv)", rows)


@contextmanager
def connect_to_postgres() -> Iterator[PostgresServer]:
    """The configured server; what is not committed within the block is rolled back.

    Raises UsageError if the server is not configured or refuses the user, WarehouseFailed if it
    fails.
    """
    try:
        import psycopg2
    except ImportError as error:
        raise UsageError(
            "The destination postgres needs its driver, which is not installed. Nothing was done; "
            f"install it: {shlex.join([sys.executable, '-m', 'pip', 'install', 'psycopg2-binary'])}"
        ) from error
    address = _read_address()
    try:
        connection = psycopg2.connect(address)
        try:
            connection.set_client_encoding("UTF8")
            yield PostgresServer(connection)
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise _explain(error, "It holds the state before this run. ") from error


def _read_address() -> str:
    with explained_errors("destination.postgres"):
        settings = resolve_configuration(_PostgresSettings(), sections=("destination", "postgres"))
    return str(settings.credentials.to_native_representation())


def _explain(error: Any, meaning: str) -> ReferralsError:
    """What the driver said, in a sentence; `meaning` is one about the data, or nothing."""
    said = reason_of(error)
    if _BUSY.search(str(error)):
        return TryAgainLater(
            f"The destination postgres is busy: {said}. {meaning}Load again later."
        )
    if dependent := error.diag.message_detail if error.pgcode == _DEPENDENTS else "":
        return WarehouseFailed(
            f"The destination postgres keeps a view that has to be replaced: {said}. "
            f"{dependent.replace(chr(10), '; ')}. {meaning}Drop what depends on it, load again, "
            "then make it anew; or keep it in tables of your own."
        )
    if _REFUSED.search(str(error)):
        return UsageError(
            f"The destination postgres refuses us: {said}. {meaning}Check "
            "[destination.postgres.credentials] and the rights of that user."
        )
    return WarehouseFailed(
        f"The destination postgres failed: {said}. {meaning}Correct the cause and load again."
    )
