"""Writes docs/power-bi: a Power BI project over the published Parquet files.

Tables and columns, with what they mean, come from the views; the measures stand below. Desktop
opens `referrals.pbip`; the model is TMDL, so that a change can be read in a diff.
"""

import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from partner_referrals.warehouse.connection import open_warehouse
from partner_referrals.warehouse.tables import create_tables
from partner_referrals.warehouse.views import refresh_views

FOLDER = Path(__file__).parents[1] / "power-bi"
_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
# Ids that stay the same as long as the names do.
_NAMESPACE = uuid.UUID("6d1f8a52-9f0e-4c39-9a0b-6a2f4f1b7c11")

TABLES = ("dates", "referrals", "deals", "response_sla", "forecast", "freshness")
# Timestamps by whose day a table is related to the calendar; the first is the active relation.
DAYS = {"referrals": ("created_at", "closed_at"), "deals": ("created_at", "closed_at")}
_TYPES = {
    "VARCHAR": "string",
    "TIMESTAMP": "dateTime",
    "DATE": "dateTime",
    "BOOLEAN": "boolean",
    "BIGINT": "int64",
    "INTEGER": "int64",
    "DOUBLE": "double",
    "DECIMAL(18,2)": "decimal",
}


@dataclass(frozen=True)
class Measure:
    """A figure that Power BI computes for whatever is selected."""

    table: str
    name: str
    dax: str
    format: str
    meaning: str


def _count(table: str, condition: str) -> str:
    return f"CALCULATE(COUNTROWS({table}), {condition})"


MEASURES = (
    Measure(
        "referrals", "Referrals", _count("referrals", "referrals[is_counted] = TRUE()"), "#,0",
        "referrals created in the period, without those closed as an error",
    ),
    Measure(
        "referrals", "Open referrals", _count("referrals", "referrals[is_open] = TRUE()"), "#,0",
        "referrals without an outcome",
    ),
    Measure(
        "referrals", "Won referrals", _count("referrals", 'referrals[outcome] = "won"'), "#,0",
        "referrals created in the period that were won, whenever that was",
    ),
    Measure(
        "referrals", "Lost referrals", _count("referrals", 'referrals[outcome] = "lost"'), "#,0",
        "referrals created in the period that were lost, whenever that was",
    ),
    Measure(
        "referrals", "Win rate",
        "DIVIDE([Won referrals], [Won referrals] + [Lost referrals])", "0.0%",
        "won referrals over won and lost ones",
    ),
    Measure(
        "referrals", "Median days to respond",
        "CALCULATE(MEDIAN(referrals[days_to_respond]), referrals[is_counted] = TRUE())", "0.0",
        "days from creation to the first sign of the partner, in the middle",
    ),
    Measure(
        "referrals", "Closed referrals by closing day",
        "CALCULATE([Referrals], USERELATIONSHIP(referrals[closed_day], dates[date]), "
        "NOT ISBLANK(referrals[closed_day]))", "#,0",
        "referrals whose outcome is dated in the period",
    ),
    Measure(
        "response_sla", "SLA met",
        'DIVIDE(CALCULATE(COUNTROWS(response_sla), response_sla[state] = "met"), '
        'CALCULATE(COUNTROWS(response_sla), response_sla[state] <> "pending"))', "0.0%",
        "answers in time over answers due; filter by `rule` for one of the rules",
    ),
    Measure(
        "deals", "Deals", _count("deals", "deals[is_counted] = TRUE()"), "#,0",
        "deals created in the period, without those closed as an error",
    ),
    Measure(
        "deals", "Pipeline USD",
        "CALCULATE(SUM(deals[deal_value_usd]), deals[is_open] = TRUE())", "$#,0",
        "what open deals are worth, as far as their values could be converted",
    ),
    Measure(
        "deals", "Overdue USD",
        "CALCULATE(SUM(deals[deal_value_usd]), deals[is_overdue] = TRUE())", "$#,0",
        "what open deals are worth that should have closed before today",
    ),
    Measure(
        "deals", "Won USD", 'CALCULATE(SUM(deals[deal_value_usd]), deals[outcome] = "won")', "$#,0",
        "what deals created in the period and won are worth",
    ),
    Measure(
        "deals", "Lost USD", 'CALCULATE(SUM(deals[deal_value_usd]), deals[outcome] = "lost")',
        "$#,0", "what deals created in the period and lost are worth",
    ),
    Measure(
        "deals", "Win rate by value", "DIVIDE([Won USD], [Won USD] + [Lost USD])", "0.0%",
        "won value over won and lost value",
    ),
)  # fmt: skip

Columns = dict[str, tuple[str, str]]


def files() -> dict[str, str]:
    """The text of each file, by its path in the folder."""
    model = "referrals.SemanticModel/definition"
    tables = _read_tables()
    texts = {
        f"{model}/database.tmdl": "database\n\tcompatibilityLevel: 1567\n",
        f"{model}/model.tmdl": _model(),
        f"{model}/expressions.tmdl": _folder_parameter(),
        f"{model}/relationships.tmdl": "\n".join(_relations()),
    }
    for name, (comment, columns) in tables.items():
        texts[f"{model}/tables/{name}.tmdl"] = "\n".join(_table(name, comment, columns))
    texts |= {path: json.dumps(content, indent=2) + "\n" for path, content in _items().items()}
    return texts


def _read_tables() -> dict[str, tuple[str, Columns]]:
    """What each mart says of itself, and the type and meaning of its columns."""
    with (
        tempfile.TemporaryDirectory(prefix="referrals-") as directory,
        open_warehouse(Path(directory) / "empty.duckdb") as connection,
    ):
        create_tables(connection)
        refresh_views(connection)
        return {name: _read_table(connection, name) for name in TABLES}


def _read_table(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, Columns]:
    ((comment,),) = connection.execute(
        "select comment from duckdb_views() where schema_name = 'marts' and view_name = $1", [name]
    ).fetchall()
    rows = connection.execute(
        "select column_name, data_type, comment from duckdb_columns() "
        "where schema_name = 'marts' and table_name = $1 order by column_index",
        [name],
    ).fetchall()
    return comment.partition("\n")[0], {column: (kind, text) for column, kind, text in rows}


def _tag(*names: str) -> str:
    return f"lineageTag: {uuid.uuid5(_NAMESPACE, '/'.join(names))}"


def _model() -> str:
    lines = [
        "model Model",
        "\tculture: en-US",
        "\tdefaultPowerBIDataSourceVersion: powerBI_V3",
        "\tdiscourageImplicitMeasures",
        "\tsourceQueryCulture: en-US",
        "\tdataAccessOptions",
        "\t\tlegacyRedirects",
        "\t\treturnErrorValuesAsNull",
        "",
        "annotation __PBI_TimeIntelligenceEnabled = 0",
        "",
        *(f"ref table {name}" for name in TABLES),
        "",
    ]
    return "\n".join(lines)


def _folder_parameter() -> str:
    meta = 'meta [IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]'
    return f'expression Folder = "C:\\bi\\referrals" {meta}\n\t{_tag("Folder")}\n'


def _relations() -> Iterator[str]:
    for table, moments in DAYS.items():
        for number, moment in enumerate(moments):
            day = _day_of(moment)
            yield f"relationship {uuid.uuid5(_NAMESPACE, f'{table}/{day}')}"
            if number:
                yield "\tisActive: false"
            yield from (f"\tfromColumn: {table}.{day}", "\ttoColumn: dates.date", "")
    yield f"relationship {uuid.uuid5(_NAMESPACE, 'response_sla/referrals')}"
    yield from ("\tfromColumn: response_sla.referral_id", "\ttoColumn: referrals.referral_id", "")


def _day_of(moment: str) -> str:
    return f"{moment.removesuffix('_at')}_day"


def _table(name: str, comment: str, columns: Columns) -> Iterator[str]:
    yield from (f"/// {comment}", f"table {name}", f"\t{_tag(name)}")
    if name == "dates":
        yield "\tdataCategory: Time"
    yield ""
    for measure in (each for each in MEASURES if each.table == name):
        yield from (
            f"\t/// {measure.meaning}",
            f"\tmeasure '{measure.name}' = {measure.dax}",
            f"\t\tformatString: {measure.format}",
            f"\t\t{_tag(name, measure.name)}",
            "",
        )
    days = {_day_of(each): ("DATE", f"the day of {each}, UTC") for each in DAYS.get(name, ())}
    for column, (kind, meaning) in (columns | days).items():
        yield f"\t/// {meaning}"
        yield f"\tcolumn {column}"
        yield f"\t\tdataType: {_TYPES[kind]}"
        if name == "dates" and column == "date":
            yield "\t\tisKey"
        if kind == "DATE":
            yield "\t\tformatString: yyyy-mm-dd"
        yield from (
            f"\t\t{_tag(name, column)}",
            "\t\tsummarizeBy: none",
            f"\t\tsourceColumn: {column}",
            "",
        )
    yield from (f"\tpartition {name} = m", "\t\tmode: import", "\t\tsource =")
    yield from (f"\t\t\t{line}" for line in _query(name))
    yield ""


def _query(name: str) -> Iterator[str]:
    """The steps of Power Query that read a table."""
    yield "let"
    yield f'    Read = Parquet.Document(File.Contents(Folder & "\\{name}.parquet")),'
    step = "Read"
    for moment in DAYS.get(name, ()):
        day = _day_of(moment)
        yield (
            f'    #"{day}" = Table.AddColumn({step}, "{day}", '
            f"each DateTime.Date([{moment}]), type date),"
        )
        step = f'#"{day}"'
    yield from (f"    Rows = {step}", "in", "    Rows")


def _items() -> dict[str, object]:
    report = "referrals.Report"
    parts = f"{_SCHEMAS}/item/report/definition"
    return {
        "referrals.pbip": {
            "$schema": f"{_SCHEMAS}/pbip/pbipProperties/1.0.0/schema.json",
            "version": "1.0",
            "artifacts": [{"report": {"path": report}}],
            "settings": {"enableAutoRecovery": True},
        },
        "referrals.SemanticModel/definition.pbism": {
            "$schema": f"{_SCHEMAS}/item/semanticModel/definitionProperties/1.0.0/schema.json",
            "version": "4.2",
            "settings": {},
        },
        f"{report}/definition.pbir": {
            "$schema": f"{_SCHEMAS}/item/report/definitionProperties/2.0.0/schema.json",
            "version": "4.0",
            "datasetReference": {"byPath": {"path": "../referrals.SemanticModel"}},
        },
        f"{report}/definition/version.json": {
            "$schema": f"{parts}/versionMetadata/1.0.0/schema.json",
            "version": "2.0.0",
        },
        f"{report}/definition/report.json": {
            "$schema": f"{parts}/report/1.0.0/schema.json",
            "layoutOptimization": "None",
            "themeCollection": {},
        },
        f"{report}/definition/pages/pages.json": {
            "$schema": f"{parts}/pagesMetadata/1.0.0/schema.json",
            "pageOrder": ["referrals"],
            "activePageName": "referrals",
        },
        f"{report}/definition/pages/referrals/page.json": {
            "$schema": f"{parts}/page/1.0.0/schema.json",
            "name": "referrals",
            "displayName": "Referrals",
            "displayOption": "FitToPage",
            "height": 720,
            "width": 1280,
        },
    }


def main() -> None:
    """Write the folder anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for path, text in files().items():
        file = FOLDER / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
