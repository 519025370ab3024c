"""Builds the views of sql/ in the warehouse."""

import functools
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

from partner_referrals.errors import WarehouseFailed, reason_of
from partner_referrals.warehouse.connection import transaction
from partner_referrals.warehouse.sql_text import text_literal
from partner_referrals.warehouse.tables import TABLES, create_tables
from partner_referrals.warehouse.view_settings import AS_SHIPPED, ViewSettings, fill_settings

SCHEMAS = ("staging", "intermediate", "marts")

_PACKAGE = Path(__file__).resolve().parents[1]
# In a wheel the SQL lies inside the package, in a checkout at the root of the project.
SQL = next(path for path in (_PACKAGE / "sql", _PACKAGE.parents[1] / "sql") if path.is_dir())

# Which files became which views at the last refresh that made them.
_MADE = """
create table if not exists settings.made_views (source varchar, made varchar);
create table if not exists settings.made_view_names (qualified_name varchar);
from settings.made_views
"""

_COLUMN = re.compile(r"^--   (\w+): (.+)$")
_CONTINUED = re.compile(r"^--     (\S.*)$")
_LINE_COMMENT = re.compile(r"--.*")
_QUALIFIED_NAME = re.compile(r"\b(?:partner_center|settings|staging|intermediate|marts)\.\w+")


@dataclass(frozen=True)
class ViewDefinition:
    """One file of sql/: its select, and what its first comment says of the view and its columns.

    `columns` maps the columns that the file explains to their comments.
    """

    schema: str
    name: str
    sql: str
    comment: str
    columns: dict[str, str]
    dependencies: frozenset[str]

    @property
    def qualified_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def path(self) -> str:
        """Where the file is, as seen from the root of the project."""
        return f"sql/{self.schema}/{self.name}.sql"


def make_tables_and_views(
    connection: duckdb.DuckDBPyConnection, settings: ViewSettings = AS_SHIPPED
) -> int:
    """Make what is missing of the tables, and every view, in one transaction.

    Returns the number of views. Raises what `create_tables` and `refresh_views` raise.
    """
    with transaction(connection):
        create_tables(connection)
        return refresh_views(connection, settings)


def refresh_views(
    connection: duckdb.DuckDBPyConnection,
    settings: ViewSettings = AS_SHIPPED,
    folder: Path = SQL,
) -> int:
    """Create every view, inside the transaction that the caller opened; returns their number.

    Where the views are already those of `folder`, they are kept, which saves a nightly load a
    second. Views of ours without a file in `folder` are dropped; what others made in these schemas
    stays. Raises UsageError for a bad setting, WarehouseFailed for a view that cannot be made; the
    caller rolls back, which leaves the old set as it was.
    """
    values = settings.read(folder)
    source = _fingerprint(folder)
    try:
        fill_settings(connection, values)
        remembered = connection.execute(_MADE).fetchall()
        count, found = _read_views(connection)
        if (source, found) in remembered:
            return count
        _drop_views(connection, folder)
    except duckdb.Error as error:
        raise WarehouseFailed(
            f"The views could not be replaced ({reason_of(error)}). "
            "The referrals themselves are not touched; the views are as before."
        ) from error
    _create_views(connection, view_definitions(folder))
    for definition in _explain_columns(connection, folder):
        _comment(connection, definition)
    names = [each.qualified_name for each in view_definitions(folder)]
    connection.execute("delete from settings.made_view_names")
    connection.execute("insert into settings.made_view_names select unnest($1)", [names])
    count, made = _read_views(connection)
    connection.execute("delete from settings.made_views")
    connection.execute("insert into settings.made_views values ($1, $2)", [source, made])
    return count


def _fingerprint(folder: Path) -> str:
    """What the views are made from: the files, and the DuckDB that reads them."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    for schema in SCHEMAS:
        for path in _view_files(folder / schema):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _read_views(connection: duckdb.DuckDBPyConnection) -> tuple[int, str]:
    """How many views there are, and a fingerprint of them as they stand in the database."""
    count, texts = connection.execute(
        "select count(*), string_agg(concat_ws(chr(0), schema_name, view_name, sql, comment), "
        "chr(0) order by schema_name, view_name) from duckdb_views() "
        "where database_name = current_database() and concat_ws('.', schema_name, view_name) in ("
        "select qualified_name from settings.made_view_names)"
    ).fetchall()[0]
    return count, hashlib.sha256((texts or "").encode()).hexdigest()


@functools.cache
def view_definitions(folder: Path = SQL) -> tuple[ViewDefinition, ...]:
    """Every view that `folder` defines, each after the views that it reads."""
    found = [_read_definition(path) for schema in SCHEMAS for path in _view_files(folder / schema)]
    by_name = {definition.qualified_name: definition for definition in found}
    reads = {name: sorted(each.dependencies & by_name.keys()) for name, each in by_name.items()}
    return tuple(by_name[name] for name in TopologicalSorter(reads).static_order())


@functools.cache
def explained_views(folder: Path = SQL) -> tuple[ViewDefinition, ...]:
    """The same views, `columns` with all columns of each view in their order."""
    with duckdb.connect() as connection:
        create_tables(connection)
        refresh_views(connection, folder=folder)
        return tuple(_explain_columns(connection, folder))


def _explain_columns(
    connection: duckdb.DuckDBPyConnection, folder: Path
) -> Iterator[ViewDefinition]:
    """The views, which must have been made, with all their columns.

    A column that its file does not explain has the comment of the column that it is read from.
    """
    columns = defaultdict(list)
    for view, column in connection.execute(
        "select concat_ws('.', schema_name, table_name), column_name from duckdb_columns() "
        "where database_name = current_database() order by column_index"
    ).fetchall():
        columns[view].append(column)
    comments = {f"partner_center.{table.name}": table.column_meanings for table in TABLES}
    for each in view_definitions(folder):
        inherited = _same_comments(comments.get(name, {}) for name in each.dependencies)
        comments[each.qualified_name] = {
            name: each.columns.get(name, inherited.get(name, ""))
            for name in columns[each.qualified_name]
        }
        yield replace(each, columns=comments[each.qualified_name])


def _same_comments(read: Iterable[dict[str, str]]) -> dict[str, str]:
    """The comments of the columns about which everything that is read says the same."""
    found = defaultdict(set)
    for columns in read:
        for name, comment in columns.items():
            found[name].add(comment)
    return {name: comments.pop() for name, comments in found.items() if len(comments) == 1}


def _view_files(folder: Path) -> list[Path]:
    """The files of a schema's views; `<view>.<engine>.sql` is for another engine than DuckDB."""
    return [path for path in sorted(folder.glob("*.sql")) if "." not in path.stem]


def _read_definition(path: Path) -> ViewDefinition:
    sql = path.read_text(encoding="utf-8")
    comment, columns = _read_contract(sql)
    # DuckDB's own list takes thirty times as long, and looks through views to their tables.
    reads = frozenset(_QUALIFIED_NAME.findall(_LINE_COMMENT.sub("", sql)))
    return ViewDefinition(path.parent.name, path.stem, sql, comment, columns, reads)


def _read_contract(sql: str) -> tuple[str, dict[str, str]]:
    """The first comment of a file: what it says of the view, and of each column."""
    comment = ""
    columns: dict[str, str] = {}
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        if column := _COLUMN.match(line):
            columns[column[1]] = column[2]
        elif columns and (continued := _CONTINUED.match(line)):
            columns[next(reversed(columns))] += f" {continued[1]}"
        elif line not in ("--", "-- Columns:"):
            text = line.removeprefix("-- ")
            comment += f"\n{text}" if text.startswith(("Grain:", "Answers:")) else f" {text}"
    return comment.strip(), columns


def _drop_views(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Drop the views that we made. Others stay; WarehouseFailed where one has a name of ours."""
    found = connection.execute(
        "select concat_ws('.', schema_name, view_name), coalesce(comment, '') from duckdb_views() "
        "where database_name = current_database() and schema_name in $1",
        [list(SCHEMAS)],
    ).fetchall()
    ours = {each.qualified_name for each in view_definitions(folder)}
    made = {
        name
        for (name,) in connection.execute("from settings.made_view_names").fetchall()
        # A warehouse of an older version does not name them; ours say their grain.
    } or ours | {name for name, comment in found if "Grain: one row" in comment}
    for name in sorted({name for name, _ in found} & made):
        schema, _, view = name.partition(".")
        connection.execute(f'drop view "{schema}"."{view}"')
    if taken := sorted(({name for name, _ in found} - made) & ours):
        raise WarehouseFailed(
            f"{', '.join(taken)} in this warehouse was not made by this program, but has the name "
            "of a view that it makes. The views are as before; rename yours, then run "
            "'referrals views'."
        )
    for schema in SCHEMAS:
        connection.execute(f"create schema if not exists {schema}")


def _create_views(
    connection: duckdb.DuckDBPyConnection, definitions: Sequence[ViewDefinition]
) -> None:
    """Make the views, each while those that it reads are empty tables.

    DuckDB binds a new view and all the views below it: from the bottom up that takes three times as
    long.
    """
    for each in definitions:
        _create(connection, each, "table", "with no data")
    for each in reversed(definitions):
        connection.execute(f'drop table {each.schema}."{each.name}"')
        _create(connection, each, "view")


def _create(
    connection: duckdb.DuckDBPyConnection, definition: ViewDefinition, kind: str, option: str = ""
) -> None:
    query = definition.sql.rstrip().removesuffix(";")
    try:
        connection.execute(
            f'create {kind} {definition.schema}."{definition.name}" as\n{query}\n{option}'
        )
    except duckdb.Error as error:
        raise WarehouseFailed(_broken(definition.path, error)) from error


def _comment(connection: duckdb.DuckDBPyConnection, definition: ViewDefinition) -> None:
    view = f'{definition.schema}."{definition.name}"'
    comments = [f"comment on view {view} is {text_literal(definition.comment)}"] + [
        f'comment on column {view}."{column}" is {text_literal(meaning)}'
        for column, meaning in definition.columns.items()
    ]
    connection.execute(";\n".join(comments))


def _broken(path: str, error: duckdb.Error) -> str:
    return (
        f"No view could be created from {path}: {reason_of(error)}. The referrals themselves are "
        "not touched; the views are as before. Correct the file, then run 'referrals views'."
    )
