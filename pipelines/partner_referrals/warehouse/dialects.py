"""Translates the views of sql/ into the SQL of another engine.

sqlglot translates what is standard, and the functions below what it does not translate. Where a
view needs another query on an engine, `<view>.<engine>.sql` beside its file is used there, and
`<view>.other.sql` on every other engine than DuckDB without a file of its own.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.optimizer.qualify_columns import qualify_columns

from partner_referrals.errors import UsageError
from partner_referrals.warehouse.sla_rules import SlaRule
from partner_referrals.warehouse.view_settings import (
    AS_SHIPPED,
    ViewSettings,
    query_funnel,
    query_fx_rates,
)
from partner_referrals.warehouse.views import SCHEMAS, SQL, ViewDefinition, explained_views

# The engines on which the tests compare every mart with DuckDB.
TESTED = ("postgres", "spark")
_SLA_RULES = "settings.sla_rules"
_MARTS = "marts"
# Spark copies a query into each place that reads it: of the forecasts, which go on from each step
# to the next, it had made no plan after ten minutes.
_NOT_ON_SPARK = "forecast"


def view_ddl(dialect: str, settings: ViewSettings = AS_SHIPPED, folder: Path = SQL) -> list[str]:
    """The statements that make every view on an engine, to be run in this order, also again.

    They read the tables of `partner_center` that docs/scaling.md names, which must be there.
    Spark gets no forecasts, for it cannot plan them; it can read their published Parquet. Raises
    UsageError for a dialect that sqlglot does not know or cannot write, or a bad setting.
    """
    engine = _find_engine(dialect)
    values = settings.read(folder)
    tables = {
        _SLA_RULES: _as_query(values.sla_rules),
        "settings.fx_rates": query_fx_rates(values.fx_rates),
        "settings.funnel": query_funnel(values.funnel),
    }
    definitions = explained_views(folder)
    columns = _columns(definitions)
    if "hive" in _families(engine):
        definitions = tuple(each for each in definitions if not each.name.startswith(_NOT_ON_SPARK))
    statements = [f"create schema if not exists {schema}" for schema in ("settings", *SCHEMAS)]
    if "hive" in _families(engine):
        # Views keep the time zone that they are made in, whoever reads them.
        statements.insert(0, "set time zone 'UTC'")
    if _keeps_marts(engine):
        statements.append(_drop_materialised(definitions))
    for name in reversed([*tables, *(each.qualified_name for each in definitions)]):
        statements.append(f"drop view if exists {name}")
    for name, query in tables.items():
        statements.append(f"create view {name} as {_carry_over(query, engine)}")
    for definition in definitions:
        statements += _create(definition, engine, folder, columns, settings.materialise)
    return statements


def _drop_materialised(definitions: tuple[ViewDefinition, ...]) -> str:
    """What drops those of our marts that are materialised; `drop view` refuses them.

    No mart reads another, so that their order does not matter.
    """
    names = ", ".join(f"'{each.name}'" for each in definitions if each.schema == _MARTS)
    return (
        "do $$ declare mart name; begin for mart in select matviewname from pg_matviews "
        f"where schemaname = '{_MARTS}' and matviewname in ({names}) loop "
        f"execute format('drop materialized view {_MARTS}.%I', mart); end loop; end $$"
    )


def _find_engine(dialect: str) -> Dialect:
    known = sorted(name for name in Dialect.classes if name)
    if dialect.lower() not in known:
        raise UsageError(
            f"There is no dialect '{dialect}'. Tested are {' and '.join(TESTED)}; sqlglot knows "
            f"{', '.join(known)}."
        )
    return Dialect.get_or_raise(dialect.lower())


def _keeps_marts(engine: Dialect) -> bool:
    """Whether marts can be materialised there: on PostgreSQL, not on what descends from it."""
    return _families(engine)[0] == "postgres"


def _families(engine: Dialect) -> list[str]:
    """The engine and those that it descends from, as redshift does from postgres."""
    return [each.__name__.lower() for each in type(engine).mro()]


def _columns(definitions: tuple[ViewDefinition, ...]) -> dict[str, Any]:
    """The columns of every view, in sqlglot's form of a schema; no type is asked for."""
    schema: dict[str, Any] = {}
    for each in definitions:
        schema.setdefault(each.schema, {})[each.name] = dict.fromkeys(each.columns, "unknown")
    return schema


def _create(
    definition: ViewDefinition,
    engine: Dialect,
    folder: Path,
    columns: dict[str, Any],
    materialise: bool,
) -> Iterator[str]:
    name = definition.qualified_name
    query = _carry_over(_read_query(definition, engine, folder), engine, columns)
    comment = _quoted(definition.comment, engine)
    comments = {column: _quoted(text, engine) for column, text in definition.columns.items()}
    families = _families(engine)
    if "hive" in families:
        explained = ",\n".join(f"  {column} comment {text}" for column, text in comments.items())
        yield f"create view {name} (\n{explained}\n)\ncomment {comment}\nas {query}"
        return
    is_kept = materialise and _keeps_marts(engine) and definition.schema == _MARTS
    kind = "materialized view" if is_kept else "view"
    yield f"create {kind} {name} as\n{query}"
    if {"postgres", "duckdb", "snowflake"} & set(families):
        yield f"comment on {kind} {name} is {comment}"
        for column, text in comments.items():
            yield f"comment on column {name}.{column} is {text}"


def _read_query(definition: ViewDefinition, engine: Dialect, folder: Path) -> str:
    families = _families(engine)
    if "duckdb" in families:
        return definition.sql
    for suffix in (*families, "other"):
        own = folder / definition.schema / f"{definition.name}.{suffix}.sql"
        if own.exists():
            return own.read_text(encoding="utf-8")
    return definition.sql


def _as_query(rules: list[SlaRule]) -> str:
    """The SLA rules as rows of a query."""
    rows = [
        f"({_quoted(rule.rule)}, {_moment(rule.applies_from)}, {_moment(rule.applies_to)}, "
        f"{rule.limit_hours})"
        for rule in rules
    ]
    # There are no values without a row.
    rows = rows or [f"(cast(null as varchar), {_moment(None)}, {_moment(None)}, 0)"]
    columns = ", ".join(SlaRule._fields)
    return (
        f"select {columns} from (values {', '.join(rows)}) as rules ({columns}) "
        "where rule is not null"
    )


def _moment(moment: datetime | None) -> str:
    return f"cast({_quoted(str(moment)) if moment else 'null'} as timestamp)"


def _carry_over(query: str, engine: Dialect, columns: dict[str, Any] | None = None) -> str:
    tree = sqlglot.parse_one(query, read="duckdb")
    families = _families(engine)
    if any(
        star.args.get("except_") or star.args.get("replace") for star in tree.find_all(exp.Star)
    ):
        # No two engines leave out and replace columns of a star in the same way.
        tree = qualify_columns(tree, columns or {}, expand_alias_refs=False)
    if "hive" in families:
        tree = tree.transform(_exact_percentiles)
    if "postgres" in families:
        tree = tree.transform(_plain_series).transform(_hashable_equality)
    try:
        return tree.sql(engine, pretty=True, comments=False)
    except AttributeError as error:
        # What sqlglot raises where it lacks a part of a dialect.
        name = type(engine).__name__.lower()
        raise UsageError(
            f"sqlglot cannot write these views in the SQL of {name}. Choose another dialect; "
            f"tested are {' and '.join(TESTED)}."
        ) from error


def _exact_percentiles(node: exp.Expr) -> exp.Expr:
    """Spark's exact percentile is called `percentile`, and takes the column first."""
    if isinstance(node, exp.PercentileCont):
        return exp.Anonymous(this="percentile", expressions=[node.this, node.expression])
    return node


def _plain_series(node: exp.Expr) -> exp.Expr:
    """PostgreSQL's generate_series returns rows, which need no unnest."""
    if isinstance(node, exp.Explode | exp.Unnest) and isinstance(node.this, exp.GenerateSeries):
        return node.this
    return node


def _hashable_equality(node: exp.Expr) -> exp.Expr:
    """PostgreSQL joins on `is not distinct from` only by comparing all pairs; arrays it hashes."""
    if isinstance(node, exp.NullSafeEQ) and node.find_ancestor(exp.Join):
        return exp.EQ(
            this=exp.Array(expressions=[node.this]),
            expression=exp.Array(expressions=[node.expression]),
        )
    return node


def _quoted(text: str, engine: Dialect | None = None) -> str:
    return exp.Literal.string(text).sql(engine or "duckdb")
