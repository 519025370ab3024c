"""Counts the warehouse in the server's own grouping, and compares the two."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from partner_center.listing.counts import Cell, NoCounts, ServerCounts
from partner_center.listing.lister import Listing
from partner_center.resources import Resource
from partner_referrals.load.changes import count_distinct, count_rows
from partner_referrals.load.progress import Progress
from partner_referrals.load.reconcile import Reconciliation, WarehouseCounts, reconcile
from partner_referrals.warehouse.tables import current_rows

KEPT_DAYS = 400


@dataclass(frozen=True)
class Comparison:
    """What the listings of a run came to, and whether the server counts the same.

    `seen_count` and `rejected_count` are distinct readable and rejected records.
    """

    reconciliation: Reconciliation
    warehouse_total: int | None
    seen_count: int
    rejected_count: int


def compare(
    connection: duckdb.DuckDBPyConnection,
    resource: Resource,
    listings: Sequence[Listing],
    counts: ServerCounts | NoCounts,
    progress: Progress,
    is_comparable: bool,
) -> Comparison:
    """Compare the server's counts with the warehouse's, if they are `is_comparable`."""
    started = time.perf_counter()
    reject_files = [file for listing in listings for file in listing.reject_files]
    rejected_count = count_distinct(connection, reject_files, "record, reason")
    seen_count = _count_seen(connection, resource, listings)
    if not is_comparable:
        return Comparison(Reconciliation(None), None, seen_count, rejected_count)
    ours = count_listed(connection, resource, reject_files)
    reconciliation = reconcile(counts, ours)
    if isinstance(counts, NoCounts):
        progress.say(f"Not compared with Partner Center's own counts: {counts.reason}")
    else:
        if counts.reason:
            progress.say(f"Compared by the total alone: {counts.reason}")
        sign = "=" if reconciliation.is_reconciled else "differs from"
        progress.step(
            "reconcile",
            "total" if counts.cells is None else "status x month",
            f"{counts.total:,} {sign} {ours.total:,}",
            time.perf_counter() - started,
        )
    if _lacks_records(resource, listings, counts, seen_count + rejected_count):
        if listings[0].is_complete is None:
            progress.say("The listing is incomplete: Partner Center counts more than it listed.")
        reconciliation = Reconciliation(False, reconciliation.differences)
    return Comparison(reconciliation, ours.total, seen_count, rejected_count)


def _lacks_records(
    resource: Resource,
    listings: Sequence[Listing],
    counts: ServerCounts | NoCounts,
    seen_count: int,
) -> bool:
    """Whether a listing is known to lack records; one of everything with the months listed again.

    The warehouse may hold as many as the server all the same: one that is gone in place of one that
    was not seen, or one that has changed since it was.
    """
    first = listings[0]
    if isinstance(counts, NoCounts) or first.filter is not None:
        return first.is_complete is False
    if first.is_complete is False and not resource.is_versioned:
        # Without ids the count is right whichever rows were met.
        return True
    return not first.is_complete and seen_count < counts.total


def _count_seen(
    connection: duckdb.DuckDBPyConnection, resource: Resource, listings: Sequence[Listing]
) -> int:
    files = [file for listing in listings for file in listing.row_files]
    if not resource.is_versioned:
        return count_rows(connection, listings[-1].row_files)
    if len(listings) == 1 and not listings[0].may_repeat:
        return count_rows(connection, files)
    return count_distinct(connection, files, "id")


def count_listed(
    connection: duckdb.DuckDBPyConnection, resource: Resource, reject_files: Sequence[Path]
) -> WarehouseCounts:
    """Count listed records and the rejects of this run, each record once.

    `reject_files` are Parquet files in the order received. A record that has a version and is
    now rejected is where its rejected record says.
    """
    _name_rejects(connection, reject_files)
    status, month = resource.cell or ("null::varchar", "null::date")
    listed = (
        f"select {status} as status, {month} as created_month, true as is_placed, "
        f"count(*) as count from {current_rows(resource.table)} "
        f"where {'is_listed' if resource.is_versioned else 'true'}"
    )
    # A rejected record without an id is no listed one.
    is_rejected = "id in (select id from run_rejects)" if resource.is_versioned else "false"
    rows = connection.execute(
        "select status, created_month, is_placed, sum(count)::bigint from ("
        f"    {listed} group by all"
        "    union all"
        # Taken away again, which spares looking up the ids of all others.
        f"    select * replace (-count as count) from"
        f"        ({listed} and {is_rejected} group by all)"
        "    union all"
        "    select status, date_trunc('month', created_date)::date, is_placed, count(*)"
        "    from run_rejects group by all"
        ") group by all"
    ).fetchall()
    cells: Counter[Cell] = Counter()
    unplaced_count = 0
    for status, month, is_placed, count in rows:
        if is_placed:
            cells[status, month] += count
        else:
            unplaced_count += count
    return WarehouseCounts(cells, unplaced_count)


def _name_rejects(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> None:
    """A temporary table of the run's rejects, those met in several listings once.

    Of one id the last record counts. Records without an id are told apart by their text alone, so
    of each text as many count as the listing with the most of them had.
    """
    connection.execute(
        "create or replace temp table run_rejects as "
        "with received as ("
        "    from read_parquet($files, filename = 'listing', file_row_number = true)"
        "), numbered as ("
        "    select *, row_number() over ("
        "        partition by record, listing order by file_row_number) as copy"
        "    from received where id is null"
        ") select id, status, created_date, is_placed from received where id is not null "
        "qualify row_number() over ("
        "    partition by id order by listing desc, file_row_number desc) = 1 "
        "union all "
        "select id, status, created_date, is_placed from numbered "
        "qualify row_number() over (partition by record, copy order by listing) = 1",
        {"files": [str(file) for file in files]},
    )


def record_totals(
    connection: duckdb.DuckDBPyConnection, counted_at: datetime, server: ServerCounts | NoCounts
) -> None:
    """Keep the server's counts per cell; of those long past only each month's last."""
    if isinstance(server, NoCounts) or server.cells is None:
        return
    statuses, months = zip(*server.cells, strict=True) if server.cells else ((), ())
    connection.execute(
        "insert into partner_center.referral_totals "
        "select $1, unnest($2::varchar[]), unnest($3::date[]), unnest($4::bigint[])",
        [counted_at, list(statuses), list(months), list(server.cells.values())],
    )
    connection.execute(
        "delete from partner_center.referral_totals where counted_at < $1 and counted_at not in ("
        "    select max(counted_at) from partner_center.referral_totals"
        "    group by date_trunc('month', counted_at))",
        [counted_at - timedelta(days=KEPT_DAYS)],
    )
