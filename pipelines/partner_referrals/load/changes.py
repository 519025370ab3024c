"""What a listing changes: only these rows go on to the merge."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from partner_center.schema.content_hash import content_hash_sql
from partner_center.schema.fields import FIELD_COLUMNS
from partner_referrals.warehouse.tables import CURRENT_REFERRALS, has_table

# An answer that would wipe more than this share of the table is more likely wrong than true.
MAX_VANISHED_SHARE = 0.2

_FIELDS = ", ".join(FIELD_COLUMNS)
_VERSION = f"{_FIELDS}, last_activity_date, is_listed, content_hash"


@dataclass(frozen=True)
class Changes:
    """New versions and new rejects, as Parquet files for the merge, and their counts.

    `is_first` where the warehouse holds nothing yet: the versions then say themselves since when
    they hold. `withheld_count` referrals are missing from a complete listing, but too many to be
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
    referral_files: Sequence[Path],
    reject_files: Sequence[Path],
    *,
    may_repeat: bool,
    judge_vanished: bool,
    allow_vanish: bool,
    now: datetime,
    directory: Path,
) -> Changes:
    """Compare a listing with the current versions by their content hashes.

    The files are Parquet in the order received: where ids `may_repeat`, the last row of each
    counts. Vanished referrals are looked for only where `judge_vanished` says that the listing is
    complete.
    """
    _name_inputs(connection, referral_files, reject_files, may_repeat)
    rejects = directory / "new-rejects.parquet"
    _copy_new_rejects(connection, now, rejects)
    is_first = not may_repeat and len(referral_files) == 1 and _is_empty(connection)
    versions = directory / "versions.parquet"
    if is_first:
        # What the spool wrote is what the warehouse takes; nothing is copied.
        (versions,) = referral_files
    else:
        _copy(connection, "from listed anti join known using (id, content_hash)", versions)
    _name(connection, "changed", f"from {_parquet([versions])}")
    new, changed, relisted = connection.execute(
        "select count(*) filter (known.id is null), count(known.id), "
        "count(*) filter (not known.is_listed) from changed left join known using (id)"
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


def _is_empty(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether nothing is known, and the table is there or will be made."""
    # Where only the table is gone, dlt believes it there as long as its schema stays the same.
    is_usable = has_table(connection, "referrals") or not has_table(connection, "_dlt_version")
    return is_usable and _count(connection, "known") == 0


class _Vanished(NamedTuple):
    row_count: int
    withheld_count: int
    files: tuple[Path, ...] = ()


def _find_vanished(
    connection: duckdb.DuckDBPyConnection, met_count: int, allow_vanish: bool, directory: Path
) -> _Vanished:
    """The referrals that a complete listing lacks; it met `met_count` of those listed before."""
    listed_before = _count(connection, "known where is_listed")
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


def _name_inputs(
    connection: duckdb.DuckDBPyConnection,
    referral_files: Sequence[Path],
    reject_files: Sequence[Path],
    may_repeat: bool,
) -> None:
    """Temporary views of what was listed, what is known, and what of that is gone."""
    received = f"read_parquet({_paths(referral_files)}"
    if may_repeat:
        listed = (
            f"select {_VERSION} from {received}, filename = 'reading', file_row_number = true) "
            "qualify row_number() over "
            "(partition by id order by reading desc, file_row_number desc) = 1"
        )
    else:
        listed = f"select {_VERSION} from {received})"
    _name(connection, "listed", listed)
    _name(connection, "rejected", f"from {_parquet(reject_files)}")
    is_known = has_table(connection, "referrals")
    _name(connection, "known", f"from {CURRENT_REFERRALS}" if is_known else "from listed limit 0")
    _name(
        connection,
        "vanished",
        f"select {_FIELDS}, last_activity_date, false as is_listed, "
        f"{content_hash_sql('false')} as content_hash from known where is_listed "
        "and id not in (select id from listed) "
        "and id not in (select id from rejected where id is not null)",
    )


def _name(connection: duckdb.DuckDBPyConnection, view: str, query: str) -> None:
    connection.execute(f"create or replace temp view {view} as {query}")


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


def _parquet(files: Sequence[Path]) -> str:
    return f"read_parquet({_paths(files)})"


def _paths(files: Sequence[Path]) -> str:
    return f"[{', '.join(_literal(file) for file in files)}]"


def _literal(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
