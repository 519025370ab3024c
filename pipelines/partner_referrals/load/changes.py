"""What a listing changes: only these rows go on to the merge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from partner_center.listing.lister import Listing
from partner_center.resources import Resource
from partner_referrals.warehouse.sql_text import text_literal
from partner_referrals.warehouse.tables import current_rows

# An answer that would wipe more than this share of the table is more likely wrong than true.
MAX_VANISHED_SHARE = 0.2


@dataclass(frozen=True)
class Changes:
    """New versions and new rejects, as Parquet files for the merge, and their counts.

    `is_first` where the warehouse holds nothing yet: the versions then say themselves since when
    they hold. `withheld_count` records are missing from a complete listing, but too many to be
    believed.
    """

    versions: tuple[Path, ...]
    rejects: Path
    is_first: bool
    new_count: int
    changed_count: int
    vanished_count: int
    withheld_count: int
    new_reject_count: int

    @property
    def has_rows(self) -> bool:
        """Whether there is anything to merge."""
        return bool(
            self.new_count + self.changed_count + self.vanished_count + self.new_reject_count
        )


def find_changes(
    connection: duckdb.DuckDBPyConnection,
    resource: Resource,
    listing: Listing,
    *,
    judge_vanished: bool,
    allow_vanish: bool,
    before: Listing | None,
    now: datetime,
    directory: Path,
) -> Changes:
    """Compare a listing with the current versions by their content hashes.

    Vanished records are looked for only where `judge_vanished` says that the listing is complete;
    none is that the reading `before` met.
    """
    rejects = directory / "new-rejects.parquet"
    copy_new_rejects(connection, listing, now, rejects)
    _define_inputs(connection, resource, listing, before)
    is_first = (
        not listing.may_repeat
        and len(listing.row_files) == 1
        and _count(connection, "current_versions") == 0
    )
    versions = directory / "versions.parquet"
    if is_first:
        # The received file is already what the warehouse takes; nothing is copied.
        (versions,) = listing.row_files
    else:
        _copy(
            connection, "from listed anti join current_versions using (id, content_hash)", versions
        )
    _define(connection, "changed", f"from {_parquet([versions])}")
    new, changed, relisted = connection.execute(
        "select count(*) filter (current_versions.id is null), count(current_versions.id), "
        "count(*) filter (not current_versions.is_listed) "
        "from changed left join current_versions using (id)"
    ).fetchall()[0]
    vanished = _Vanished(0, 0)
    if judge_vanished:
        met_count = _count(connection, "listed") - new - relisted
        vanished = _find_vanished(connection, met_count, allow_vanish, directory)
    return Changes(
        versions=(versions, *vanished.files),
        rejects=rejects,
        is_first=is_first,
        new_count=new,
        changed_count=changed,
        vanished_count=vanished.row_count,
        withheld_count=vanished.withheld_count,
        new_reject_count=_count(connection, _parquet([rejects])),
    )


class _Vanished(NamedTuple):
    row_count: int
    withheld_count: int
    files: tuple[Path, ...] = ()


def _find_vanished(
    connection: duckdb.DuckDBPyConnection, met_count: int, allow_vanish: bool, directory: Path
) -> _Vanished:
    """The records that a complete listing lacks; it met `met_count` of those listed before."""
    listed_before = _count(connection, "current_versions where is_listed")
    if met_count == listed_before:
        return _Vanished(0, 0)
    count = _count(connection, "vanished")
    if not count:
        return _Vanished(0, 0)
    if not allow_vanish and count > listed_before * MAX_VANISHED_SHARE:
        return _Vanished(0, count)
    file = directory / "vanished.parquet"
    _copy(connection, "from vanished", file)
    return _Vanished(count, 0, (file,))


def count_distinct(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: str
) -> int:
    """How many distinct values of `columns` stand in Parquet files."""
    return _count(connection, f"(select distinct {columns} from {_parquet(files)})")


def count_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> int:
    """How many rows Parquet files hold."""
    return _count(connection, _parquet(files))


def _define_inputs(
    connection: duckdb.DuckDBPyConnection,
    resource: Resource,
    listing: Listing,
    before: Listing | None,
) -> None:
    """Temporary views of what was listed and rejected, what is current, and what of that is gone.

    `listed` has each id once, with the row that was received last.
    """
    version = ", ".join(resource.version_schema.names)
    received = f"read_parquet({_paths(listing.row_files)}"
    if listing.may_repeat:
        listed = (
            f"select {version} from {received}, filename = 'reading', file_row_number = true) "
            "qualify row_number() over "
            "(partition by id order by reading desc, file_row_number desc) = 1"
        )
    else:
        listed = f"select {version} from {received})"
    _define(connection, "listed", listed)
    _define(connection, "current_versions", f"from {current_rows(resource.table)}")
    readings = [listing] if before is None else [listing, before]
    rows = _parquet([file for each in readings for file in each.row_files])
    rejects = _parquet([file for each in readings for file in each.reject_files])
    _define(
        connection,
        "vanished",
        f"select {version} from (select * replace (false as is_listed, "
        f"{resource.content_hash_sql('false')} as content_hash) "
        "from current_versions where is_listed) "
        f"where id not in (select id from {rows}) "
        f"and id not in (select id from {rejects} where id is not null)",
    )


def _define(connection: duckdb.DuckDBPyConnection, view: str, query: str) -> None:
    connection.execute(f"create or replace temp view {view} as {query}")


def copy_new_rejects(
    connection: duckdb.DuckDBPyConnection, listing: Listing, now: datetime, file: Path
) -> None:
    """Write the rejects of a listing that the warehouse does not have yet to a Parquet file."""
    _define(connection, "rejected", f"from {_parquet(listing.reject_files)}")
    _copy(
        connection,
        f"select distinct record, reason, timestamp '{now.isoformat()}' as rejected_at "
        "from rejected anti join partner_center.referral_rejects using (record, reason)",
        file,
    )


def _copy(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    connection.execute(f"copy ({query}) to {text_literal(file)} (format parquet)")


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"select count(*) from {relation}").fetchall()[0][0])


def _parquet(files: Sequence[Path]) -> str:
    return f"read_parquet({_paths(files)})"


def _paths(files: Sequence[Path]) -> str:
    return f"[{', '.join(text_literal(file) for file in files)}]"
