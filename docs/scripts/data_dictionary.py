"""Writes docs/data-dictionary.md from an empty warehouse and the SQL: `make docs`."""

import tempfile
from pathlib import Path

import duckdb

from partner_referrals.warehouse.connection import open_warehouse
from partner_referrals.warehouse.tables import TABLES, create_tables
from partner_referrals.warehouse.views import refresh_views, view_definitions

DOCUMENT = Path(__file__).parent.parent / "data-dictionary.md"

# Table -> what it holds and one row of it is, and the meaning of each column in its order.
TABLE_MEANINGS = {
    f"partner_center.{table.name}": (table.meaning, table.column_meanings) for table in TABLES
} | {
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
    "settings.fx_rates": (
        "The user's own exchange rates, of the file that `fx_rates` names in `[views]`.\n"
        "Grain: one row per currency_code, month",
        {
            "currency_code": "the currency, ISO 4217",
            "month": "first day of the month",
            "usd_per_unit": "US dollars for one unit",
        },
    ),
    "settings.funnel": (
        "What the funnel counts, as `funnel` in `[views]` says.\nGrain: one row",
        {"source": "referrals or engagements; null: whichever has rows, referrals first"},
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
        create_tables(connection)
        refresh_views(connection)
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
