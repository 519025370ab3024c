"""Synthetic referrals as pages of JSON on disk, for a server that has nothing left to compute."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from marts import REFERRALS

from partner_center.schema.fields import DATE_FIELDS, FIELDS
from partner_referrals.warehouse.tables import create_tables

PAGE_ROWS = 9_999
LOOKBACK = "interval 7 day"

_ITEM = ", ".join(
    f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%f') as \"{field}\""
    if field in DATE_FIELDS
    else f'{column} as "{field}"'
    for field, column in FIELDS.items()
)
_NEWEST = f"(select max(greatest({', '.join(DATE_FIELDS.values())})) from {{table}})"
# The next day: some referrals are won, and some are new.
_NEXT_DAY = f"""
create table next_day as
select * replace (
    if(is_moved, 'Won', status) as status,
    if(is_moved, newest + interval 1 day, won_date) as won_date
) from (select *, row_number() over (order by hash(id)) <= $moved as is_moved from first_day),
    (select {_NEWEST.format(table="first_day")} as newest);
insert into next_day by name
select * replace (
    'N' || id as id, 'New' as status, newest + interval 1 day as created_date,
    null as acknowledged_date, null as accepted_date, null as won_date, null as lost_date,
    null as declined_date, null as expired_date
) from (select *, {_NEWEST.format(table="first_day")} as newest from first_day)
order by hash(id, 1) limit $new;
"""


@dataclass(frozen=True)
class World:
    """What the server holds: all pages, those of the last activity, and the grouped counts."""

    pages: list[Path]
    recent_pages: list[Path]
    total: int
    recent_total: int
    groups: Path


def make_worlds(directory: Path, rows: int, moved: int, new: int) -> tuple[World, World, World]:
    """A first day with `rows` referrals, a next day, and that same day once it is known."""
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute("select setseed(0.5)")
        create_tables(connection)
        connection.execute(REFERRALS, {"rows": rows})
        connection.execute("create table first_day as from partner_center.referrals order by id")
        for statement in _NEXT_DAY.strip().split(";\n"):
            wanted = {
                name: value
                for name, value in {"moved": moved, "new": new}.items()
                if f"${name}" in statement
            }
            connection.execute(statement, wanted or None)
        first_day = _write(connection, directory / "first", "first_day")
        next_day = _write(connection, directory / "next", "next_day")
        known = _write_pages(connection, directory / "known", _recent("next_day", "next_day"))
        return first_day, next_day, replace(next_day, recent_pages=known[0], recent_total=known[1])


def _recent(table: str, known: str) -> str:
    """What somebody who knows the table `known` asks of `table`."""
    since = f"{_NEWEST.format(table=known)} - {LOOKBACK}"
    return f"from {table} where " + " or ".join(
        f"{column} >= {since}" for column in DATE_FIELDS.values()
    )


def _write(connection: duckdb.DuckDBPyConnection, directory: Path, table: str) -> World:
    """The world of `table`, asked by somebody who knows the first day."""
    pages, total = _write_pages(connection, directory / "all", f"from {table}")
    recent = _write_pages(connection, directory / "recent", _recent(table, "first_day"))
    groups = connection.execute(
        "select status, strftime(date_trunc('month', created_date), '%Y-%m-%dT00:00:00'), "
        f"count(*)::varchar from {table} group by all"
    ).fetchall()
    answer = [
        {"status": status, "createdDate": month, "referralCount": count}
        for status, month, count in groups
    ]
    (directory / "groups.json").write_text(json.dumps({"items": answer, "totalCount": len(answer)}))
    return World(pages, recent[0], total, recent[1], directory / "groups.json")


def _write_pages(
    connection: duckdb.DuckDBPyConnection, directory: Path, query: str
) -> tuple[list[Path], int]:
    """Arrays of PAGE_ROWS referrals each, and how many there are in all."""
    directory.mkdir(parents=True)
    connection.execute(f"create or replace temp table wanted as select {_ITEM} {query} order by id")
    (total,) = connection.execute("select count(*) from wanted").fetchall()[0]
    pages = []
    for skip in range(0, max(total, 1), PAGE_ROWS):
        file = directory / f"{skip:09}.json"
        connection.execute(
            f"copy (from wanted limit {PAGE_ROWS} offset {skip}) to '{file}' "
            "(format json, array true)"
        )
        # As a server sends it: without the line breaks that DuckDB likes.
        file.write_bytes(file.read_bytes().replace(b"\n", b"").replace(b"\t", b""))
        pages.append(file)
    return pages, total
