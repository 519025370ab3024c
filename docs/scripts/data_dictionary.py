"""Writes docs/data-dictionary.md from an empty warehouse and the SQL: `make docs`."""

import tempfile
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from partner_center.schema.fields import DATE_FIELDS, TEXT_FIELDS
from partner_center.schema.versions import VERSION_SCHEMA
from partner_referrals.load.merge import REJECT_SCHEMA, Merge, merge_changes
from partner_referrals.warehouse.connection import open_warehouse
from partner_referrals.warehouse.tables import create_tables
from partner_referrals.warehouse.views import refresh_views, view_definitions

DOCUMENT = Path(__file__).parent.parent / "data-dictionary.md"

# Table -> what it holds and one row of it is, and the meaning of each column in its order.
TABLE_MEANINGS = {
    "partner_center.referrals": (
        "Every observed version of every referral, field by field as Partner Center gave it. No "
        "row is ever deleted.\nGrain: one row per id, valid_from",
        {column: f"`{field}` of the endpoint" for field, column in TEXT_FIELDS.items()}
        | {column: f"`{field}` of the endpoint, UTC" for field, column in DATE_FIELDS.items()}
        | {
            "last_activity_date": "the latest of the ten dates, UTC; null if none is set",
            "is_listed": "false once Partner Center no longer listed the referral",
            "content_hash": "hash of the sixteen fields and is_listed, which tells versions apart",
            "valid_from": "when the warehouse first saw this version, UTC",
            "valid_to": "when the next version took its place, UTC; null while current",
        },
    ),
    "partner_center.referral_rejects": (
        "Records that could not be read as a referral.\nGrain: one row per record, reason",
        {
            "record": "the record as it was received, JSON",
            "reason": "the field and value that could not be read",
            "rejected_at": "when it was first seen, UTC",
        },
    ),
    "partner_center.referral_totals": (
        "Partner Center's own counts at each load; after 400 days only the last ones of each "
        "month are kept.\nGrain: one row per counted_at, status, created_month",
        {
            "counted_at": "when the load that asked for them ended, UTC",
            "status": "the status as Partner Center spelt it",
            "created_month": "first day of the month of creation, UTC; null if undated",
            "referral_count": "referrals that Partner Center counted",
        },
    ),
    "partner_center.load_runs": (
        "Runs of `referrals load`, the failed ones too.\nGrain: one row per run_id",
        {
            "run_id": "identifier of the run",
            "started_at": "when the run began, UTC",
            "finished_at": "when it ended, UTC",
            "mode": "full: everything was listed; incremental: what changed lately; filtered: "
            "what `--filter` asked for",
            "succeeded": "true when its rows were merged and the views in place",
            "rows_received": "records that Partner Center sent, repeated ones too",
            "rows_new": "referrals seen for the first time",
            "rows_changed": "known referrals that had changed",
            "rows_unchanged": "known referrals that were as before",
            "rows_rejected": "records that could not be read",
            "rows_vanished": "referrals found to be no longer listed",
            "requests": "requests sent",
            "retries": "of these, the ones that were sent again",
            "server_total": "referrals that Partner Center counted; null if it did not",
            "warehouse_total": "what Partner Center should have counted: listed referrals, and "
            "rejects of the run; null if it did not come to that",
            "reconciled": "whether the counts agreed; null if not compared",
            "error": "why it failed, a sentence; null if it did not",
        },
    ),
    "settings.sla_rules": (
        "Rules for how soon a referral must be responded to: the shipped ones, or those of the "
        "file that `sla_rules` names in `[views]`.\nGrain: one row per rule, applies_from",
        {
            "rule": "name of the rule",
            "applies_from": "first creation moment that it covers, UTC; null: any",
            "applies_to": "first creation moment that it no longer covers, UTC; null: none",
            "limit_hours": "hours from creation within which to respond",
        },
    ),
}

_INTRODUCTION = """\
# Data dictionary

What the warehouse holds, column by column. `make docs` writes this page from the comments in the
database and from the SQL; `make check` fails where it is out of date.

Times are UTC, as `TIMESTAMP` without a zone. Durations are in days, rates 0 to 1. The views of
`marts` and the tables keep their names and meanings; `staging` and `intermediate`, which the marts
are made of, may change at any time.
"""
_LINEAGE = """\
## Lineage

From left to right: what is read, and the views that read it.
"""


def data_dictionary() -> str:
    """The page as Markdown: the marts, the tables, the views below the marts, what reads what."""
    with (
        tempfile.TemporaryDirectory(prefix="referrals-") as directory,
        open_warehouse(Path(directory) / "empty.duckdb") as connection,
    ):
        _fill(connection, Path(directory))
        names = sorted(view.qualified_name for view in view_definitions())
        marts = [name for name in names if name.startswith("marts.")]
        sections = [
            _INTRODUCTION,
            "## Marts\n",
            *(_describe(connection, name, *_read_comments(connection, name)) for name in marts),
            "## Tables\n",
            *(_describe(connection, name, *TABLE_MEANINGS[name]) for name in TABLE_MEANINGS),
            "## Below the marts\n",
            _list(connection, [name for name in names if name not in marts]),
            _LINEAGE,
            _draw_lineage(),
        ]
    return "\n".join(sections)


def _fill(connection: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Every table as a load makes it, and every view."""
    versions, rejects = directory / "versions.parquet", directory / "rejects.parquet"
    pq.write_table(VERSION_SCHEMA.empty_table(), versions)
    pq.write_table(REJECT_SCHEMA.empty_table(), rejects)
    create_tables(connection)
    merge_changes(connection, Merge((versions,), rejects, datetime(2024, 1, 1)), directory / "dlt")
    refresh_views(connection)


def _read_comments(connection: duckdb.DuckDBPyConnection, view: str) -> tuple[str, dict[str, str]]:
    """The comment on a view, and those on its columns in their order."""
    rows = connection.execute(
        "select views.comment, column_name, columns.comment "
        "from duckdb_views() as views inner join duckdb_columns() as columns "
        "on views.view_oid = columns.table_oid "
        "where concat(views.schema_name, '.', view_name) = $1 order by column_index",
        [view],
    ).fetchall()
    return rows[0][0], {column: meaning for _, column, meaning in rows}


def _describe(
    connection: duckdb.DuckDBPyConnection, name: str, comment: str, meanings: dict[str, str]
) -> str:
    """The section on a view or a table; ValueError where `meanings` are not of its columns."""
    types = dict(
        connection.execute(f"select column_name, column_type from (describe {name})").fetchall()
    )
    if odd := types.keys() ^ meanings.keys():
        raise ValueError(f"{name}: {', '.join(sorted(odd))} has no meaning, or is no column.")
    lines = [
        f"### {name}",
        "",
        # A blank line makes a paragraph each of what it holds, its grain and what it answers.
        *comment.replace("\n", "\n\n").splitlines(),
        "",
        "| column | type | meaning |",
        "|---|---|---|",
        *(f"| `{column}` | {types[column]} | {meaning} |" for column, meaning in meanings.items()),
        "",
    ]
    return "\n".join(lines)


def _list(connection: duckdb.DuckDBPyConnection, views: list[str]) -> str:
    """A table with one row per view."""
    lines = ["| view | one row per | holds |", "|---|---|---|"]
    for view in views:
        holds, grain, _ = _read_comments(connection, view)[0].splitlines()
        first_sentence = holds.partition(". ")[0].rstrip(".")
        one_row_per = grain.removeprefix("Grain: one row").removeprefix(" per ") or "(one row)"
        lines.append(f"| `{view}` | {one_row_per} | {first_sentence} |")
    return "\n".join([*lines, ""])


def _draw_lineage() -> str:
    """A Mermaid flowchart, with a box around each schema."""
    reads = {view.qualified_name: sorted(view.dependencies) for view in view_definitions()}
    names = sorted({*reads, *(name for read in reads.values() for name in read)})
    lines = ["```mermaid", "flowchart LR"]
    for schema in ("partner_center", "settings", "staging", "intermediate", "marts"):
        lines.append(f"    subgraph {schema}")
        lines += [
            f"        {name}[{name.removeprefix(schema + '.')}]"
            for name in names
            if name.startswith(schema + ".")
        ]
        lines.append("    end")
    lines += [f"    {read} --> {name}" for name in sorted(reads) for read in reads[name]]
    return "\n".join([*lines, "```", ""])


if __name__ == "__main__":
    DOCUMENT.write_text(data_dictionary(), "utf-8")
