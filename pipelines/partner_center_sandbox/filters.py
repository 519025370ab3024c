"""Translates the analytics API's `filter` into an SQL condition on the stand-in's table.

Only the documented grammar is accepted, so that a client that uses anything else gets an error:
`eq ne` on texts and dates, `gt ge lt le` on dates, `contains(field,'x')`, `and`, `or`, parentheses,
`null`, and dates written as `cast('2018-01-01',Edm.DateTimeOffset)`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from odata_query import ast
from odata_query.exceptions import ODataException
from odata_query.grammar import ODATA_FUNCTIONS, ODataLexer, ODataParser
from odata_query.visitor import NodeVisitor

from partner_center_sandbox.resources import AnalyticsResource

# OData has `cast`; odata-query checks calls against this table, which lacks it.
ODATA_FUNCTIONS.setdefault("cast", 2)

# A null field differs from every text and every date, but is neither before nor after one.
_EQUALITIES = {"Eq": "is not distinct from", "NotEq": "is distinct from"}
_ORDERS = {"Gt": ">", "GtE": ">=", "Lt": "<", "LtE": "<="}


class FilterRefused(Exception):
    """The filter is not supported; the message says why."""


@dataclass(frozen=True)
class Condition:
    """A parameterised SQL condition, and whether it compares a date."""

    sql: str
    values: tuple[object, ...] = ()
    has_dates: bool = False


def parse_filter(text: str, resource: AnalyticsResource) -> Condition:
    """The condition that the filter asks for; raises FilterRefused for anything else."""
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(text.strip()))
    except ODataException as error:
        raise FilterRefused(f"The filter cannot be read: {error}.") from error
    condition = _ToSql(resource).visit(tree)
    if not isinstance(condition, Condition):
        raise FilterRefused(f"The filter is not a condition: {text}.")
    return condition


class _ToSql(NodeVisitor):
    """Visits conditions; nodes without a method of their own here are refused."""

    def __init__(self, resource: AnalyticsResource) -> None:
        self._resource = resource

    def visit_BoolOp(self, node: ast.BoolOp) -> Condition:  # noqa: N802 - named by odata-query
        left, right = self.visit(node.left), self.visit(node.right)
        return Condition(
            f"({left.sql} {type(node.op).__name__.lower()} {right.sql})",
            left.values + right.values,
            left.has_dates or right.has_dates,
        )

    def visit_Compare(self, node: ast.Compare) -> Condition:  # noqa: N802
        field, operator = self._field(node.left), type(node.comparator).__name__
        is_date = field in self._resource.dates
        value = _timestamp(node.right) if is_date else _text(node.right)
        if operator in _EQUALITIES:
            sign = _EQUALITIES[operator]
        elif operator in _ORDERS and is_date and value is not None:
            sign = _ORDERS[operator]
        else:
            raise FilterRefused(f"{field} cannot be compared in this way.")
        return Condition(f'"{field}" {sign} ?', (value,), is_date)

    def visit_Call(self, node: ast.Call) -> Condition:  # noqa: N802
        if _full_name(node.func) != "contains":
            raise FilterRefused(f"{_full_name(node.func)} is not supported in a filter.")
        field, value = self._field(node.args[0]), _text(node.args[1])
        if field in self._resource.dates or value is None:
            raise FilterRefused(f"contains needs a text field and a text, not {field}.")
        return Condition(f'coalesce(contains("{field}", ?), false)', (value,))

    def _field(self, node: Any) -> str:
        name = _full_name(node) if isinstance(node, ast.Identifier) else type(node).__name__
        if name not in self._resource.fields:
            raise FilterRefused(f"A {self._resource.item} has no field {name}.")
        return name

    def generic_visit(self, node: Any) -> NoReturn:
        raise FilterRefused(f"{type(node).__name__} is not supported in a filter.")


def _full_name(identifier: ast.Identifier) -> str:
    return ".".join((*identifier.namespace, identifier.name))


def _text(node: Any) -> str | None:
    if isinstance(node, ast.Null):
        return None
    if isinstance(node, ast.String):
        return node.val
    raise FilterRefused("A text field is compared with a text in single quotes, or with null.")


def _timestamp(node: Any) -> datetime | None:
    """The naive UTC timestamp in `cast('...',Edm.DateTimeOffset)`, None for null."""
    match node:
        case ast.Null():
            return None
        case ast.Call(
            func=ast.Identifier(name="cast", namespace=()),
            args=[ast.String(val=text), ast.Identifier(name="DateTimeOffset", namespace=("Edm",))],
        ):
            try:
                value = datetime.fromisoformat(text)
            except ValueError as error:
                raise FilterRefused(f"{text} is not a date.") from error
            return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    raise FilterRefused("A date field is compared with cast('...',Edm.DateTimeOffset) or null.")
