"""Replaces whole days of a table whose rows have no identity."""

from datetime import datetime
from pathlib import Path

import duckdb

from partner_center.listing.lister import Listing
from partner_center.resources import Resource
from partner_referrals.load.changes import MAX_VANISHED_SHARE, Changes, copy_new_rejects
from partner_referrals.warehouse.connection import transaction
from partner_referrals.warehouse.sql_text import text_literal


def replace_days(
    connection: duckdb.DuckDBPyConnection,
    resource: Resource,
    listing: Listing,
    *,
    is_whole: bool,
    allow_vanish: bool,
    now: datetime,
    directory: Path,
) -> Changes:
    """Put a listing in place of the days that it covers, in one transaction.

    Where the listing may lack rows (not `is_whole`), or has fewer than four fifths of what is
    known, only the days of which it has more rows than the warehouse are replaced.
    """
    table, day = f"partner_center.{resource.table.name}", resource.cursor
    _read_rows(connection, resource, listing)
    rejects = directory / "new-rejects.parquet"
    copy_new_rejects(connection, listing, now, rejects)
    received, known = (
        _count(connection, f"from {rows}") for rows in ("received_rows", "kept_rows")
    )
    is_believable = allow_vanish or known - received <= known * MAX_VANISHED_SHARE
    withheld = known - received if is_whole and not is_believable else 0
    _choose_days(connection, day, everything=is_whole and is_believable)
    new, vanished = (
        _count(connection, f"from (from {these} except all from {those}) semi join days on "
               f"{day} is not distinct from days.day")
        for these, those in (("received_rows", "kept_rows"), ("kept_rows", "received_rows"))
    )  # fmt: skip
    reject_count = _count(connection, f"from read_parquet({text_literal(rejects)})")
    if new or vanished or reject_count:
        with transaction(connection):
            connection.execute(
                f"delete from {table} using days where {day} is not distinct from days.day"
            )
            connection.execute(
                f"insert into {table} by name from received_rows "
                f"semi join days on {day} is not distinct from days.day"
            )
            connection.execute(
                "insert into partner_center.referral_rejects by name "
                f"from read_parquet({text_literal(rejects)})"
            )
    return Changes(
        versions=(),
        rejects=rejects,
        is_first=False,
        new_count=new,
        changed_count=0,
        vanished_count=vanished,
        withheld_count=withheld,
        new_reject_count=reject_count,
    )


def _read_rows(connection: duckdb.DuckDBPyConnection, resource: Resource, listing: Listing) -> None:
    """Temporary tables of the rows that were received, and those known of the same days."""
    columns = ", ".join(resource.version_schema.names)
    # A server that ignores the filter sends older days too.
    where = f"where {resource.cursor} >= date '{listing.since.date()}'" if listing.since else ""
    files = [str(file) for file in listing.row_files]
    connection.execute(
        "create or replace temp table received_rows as "
        f"select {columns} from read_parquet($1) {where}",
        [files],
    )
    connection.execute(
        "create or replace temp table kept_rows as "
        f"select {columns} from partner_center.{resource.table.name} {where}"
    )


def _choose_days(connection: duckdb.DuckDBPyConnection, day: str, *, everything: bool) -> None:
    """A temporary table of the days that are replaced."""
    having = "" if everything else "having sum(received) > sum(kept)"
    connection.execute(
        "create or replace temp table days as select day from ("
        f"    select {day} as day, 1 as received, 0 as kept from received_rows union all"
        f"    select {day} as day, 0 as received, 1 as kept from kept_rows"
        f") group by day {having}"
    )


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(connection.execute(f"select count(*) {rows}").fetchall()[0][0])
