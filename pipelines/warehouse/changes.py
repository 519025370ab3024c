"""What a listing changes: only these rows go on to the merge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines.content import LAST_ACTIVITY_SQL, content_hash_sql
from pipelines.referral import FIELD_COLUMNS
from pipelines.warehouse.known import CURRENT_REFERRALS, has_table

# An answer that would wipe more than this share of the table is more likely wrong than true.
MAX_VANISHED_SHARE = 0.2

_FIELDS = ", ".join(FIELD_COLUMNS)
_IS_CHANGED = " or ".join(
    [
        "known.id is null",
        "not known.is_listed",
        *(f"listed.{column} is distinct from known.{column}" for column in FIELD_COLUMNS),
    ]
)


@dataclass(frozen=True)
class Changes:
    """New versions and new rejects, as Parquet files for the merge, and their counts.

    `withheld_count` referrals are missing from a complete listing, but too many to be believed.
    """

    versions: Path
    rejects: Path
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
    referral_files: Sequence[Path],
    reject_files: Sequence[Path],
    *,
    judge_vanished: bool,
    allow_vanish: bool,
    now: datetime,
    directory: Path,
) -> Changes:
    """Compare a listing with the current versions, field by field.

    The files are Parquet in the order received: of one id, the last row counts. Vanished
    referrals are looked for only where `judge_vanished` says that the listing is complete.
    """
    _name_inputs(connection, referral_files, reject_files)
    versions, rejects = directory / "versions.parquet", directory / "new-rejects.parquet"
    vanished = _count(connection, "vanished") if judge_vanished else 0
    listed_before = _count(connection, "known where is_listed")
    is_believable = allow_vanish or vanished <= listed_before * MAX_VANISHED_SHARE
    with_vanished = "union all from vanished" if vanished and is_believable else ""
    _copy(
        connection,
        f"select {_FIELDS}, {LAST_ACTIVITY_SQL} as last_activity_date, is_listed, "
        f"{content_hash_sql('is_listed')} as content_hash "
        f"from (from changed {with_vanished})",
        versions,
    )
    _copy_new_rejects(connection, now, rejects)
    new, changed = connection.execute(
        "select count(*) filter (where known.id is null), count(known.id) "
        "from changed left join known using (id)"
    ).fetchall()[0]
    return Changes(
        versions=versions,
        rejects=rejects,
        new_count=new,
        changed_count=changed,
        vanished_count=vanished if with_vanished else 0,
        withheld_count=0 if with_vanished else vanished,
        new_reject_count=_count(connection, f"read_parquet({_literal(rejects)})"),
    )


def count_distinct(
    connection: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: str
) -> int:
    """How many distinct values of `columns` stand in Parquet files."""
    return _count(connection, f"(select distinct {columns} from read_parquet({_paths(files)}))")


def _name_inputs(
    connection: duckdb.DuckDBPyConnection,
    referral_files: Sequence[Path],
    reject_files: Sequence[Path],
) -> None:
    """Temporary views: `listed`, `rejected`, `known`, and from them `changed` and `vanished`."""
    known = "(select *, true as is_listed from listed limit 0)"
    if has_table(connection, "referrals"):
        known = CURRENT_REFERRALS
    for name, query in {
        "received": f"from read_parquet({_paths(referral_files)}, filename = 'reading', "
        "file_row_number = true)",
        "listed": _latest(connection, referral_files),
        "rejected": f"from read_parquet({_paths(reject_files)})",
        "known": f"select {_FIELDS}, is_listed from {known}",
        "changed": f"select listed.*, true as is_listed from listed "
        f"left join known using (id) where {_IS_CHANGED}",
        "vanished": f"select {_FIELDS}, false as is_listed from known where is_listed "
        "and id not in (select id from listed) "
        "and id not in (select id from rejected where id is not null)",
    }.items():
        connection.execute(f"create or replace temp view {name} as {query}")


def _latest(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> str:
    """A query for the last received row of each id; the plain one where no id stands twice."""
    rows, ids = connection.execute(
        f"select count(*), count(distinct id) from read_parquet({_paths(files)})"
    ).fetchall()[0]
    latest = (
        ""
        if rows == ids
        else " qualify row_number() over "
        "(partition by id order by reading desc, file_row_number desc) = 1"
    )
    return f"select {_FIELDS} from received{latest}"


def _copy_new_rejects(connection: duckdb.DuckDBPyConnection, now: datetime, file: Path) -> None:
    known = (
        "where not exists (from partner_center.referral_rejects as known "
        "where known.record = rejected.record and known.reason = rejected.reason)"
        if has_table(connection, "referral_rejects")
        else ""
    )
    _copy(
        connection,
        f"select distinct record, reason, timestamp '{now.isoformat()}' as rejected_at "
        f"from rejected {known}",
        file,
    )


def _copy(connection: duckdb.DuckDBPyConnection, query: str, file: Path) -> None:
    connection.execute(f"copy ({query}) to {_literal(file)} (format parquet)")


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return int(connection.execute(f"select count(*) from {relation}").fetchall()[0][0])


def _paths(files: Sequence[Path]) -> str:
    return f"[{', '.join(_literal(file) for file in files)}]"


def _literal(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
