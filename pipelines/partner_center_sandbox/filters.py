"""Translates the endpoint's `filter` into a SQL condition on the stand-in's table.

The grammar is the documented one and nothing else, so that a client that strays is told:
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

from partner_center.schema.fields import DATE_FIELDS, TEXT_FIELDS

# OData has `cast`; odata-query checks calls against this table, which lacks it.
ODATA_FUNCTIONS.setdefault("cast", 2)

# A field that is null differs from every text and every date, but is neither before nor after one.
_EQUALITIES = {"Eq": "is not distinct from", "NotEq": "is distinct from"}
_ORDERS = {"Gt": ">", "GtE": ">=", "Lt": "<", "LtE": "<="}


class FilterRefused(Exception):
    """The filter is not one of this endpoint; the message says why."""


@dataclass(frozen=True)
class Condition:
    """A parameterised SQL condition, and whether it looks at a date."""

    sql: str
    values: tuple[object, ...] = ()
    has_dates: bool = False


def parse_filter(text: str) -> Condition:
    """The condition that the filter asks for; raises FilterRefused for anything else."""
    try:
        tree = ODataParser().parse(ODataLexer().tokenize(text.strip()))
    except ODataException as error:
        raise FilterRefused(f"The filter cannot be read: {error}.") from error
    condition = _ToSql().visit(tree)
    if not isinstance(condition, Condition):
        raise FilterRefused(f"The filter is no condition: {text}.")
    return condition


class _ToSql(NodeVisitor):
    """Visits conditions; whatever has no method of its own here is refused."""

    def visit_BoolOp(self, node: ast.BoolOp) -> Condition:  # noqa: N802 - named by odata-query
        left, right = self.visit(node.left), self.visit(node.right)
        return Condition(
            f"({left.sql} {type(node.op).__name__.lower()} {right.sql})",
            left.values + right.values,
            left.has_dates or right.has_dates,
        )

    def visit_Compare(self, node: ast.Compare) -> Condition:  # noqa: N802
        field, operator = _field(node.left), type(node.comparator).__name__
        is_date = field in DATE_FIELDS
        value = _moment(node.right) if is_date else _text(node.right)
        if operator in _EQUALITIES:
            sign = _EQUALITIES[operator]
        elif operator in _ORDERS and is_date and value is not None:
            sign = _ORDERS[operator]
        else:
            raise FilterRefused(f"{field} cannot be compared in this way.")
        return Condition(f'"{field}" {sign} ?', (value,), is_date)

    def visit_Call(self, node: ast.Call) -> Condition:  # noqa: N802
        if _full_name(node.func) != "contains":
            raise FilterRefused(f"{_full_name(node.func)} is no condition here.")
        field, value = _field(node.args[0]), _text(node.args[1])
        if field in DATE_FIELDS or value is None:
            raise FilterRefused(f"contains needs a text field and a text, not {field}.")
        return Condition(f'coalesce(contains("{field}", ?), false)', (value,))

    def generic_visit(self, node: Any) -> NoReturn:
        raise FilterRefused(f"{type(node).__name__} is not supported in a filter.")


def _full_name(identifier: ast.Identifier) -> str:
    return ".".join((*identifier.namespace, identifier.name))


def _field(node: Any) -> str:
    name = _full_name(node) if isinstance(node, ast.Identifier) else type(node).__name__
    if name not in TEXT_FIELDS and name not in DATE_FIELDS:
        raise FilterRefused(f"{name} is no field of a referral.")
    return name


def _text(node: Any) -> str | None:
    if isinstance(node, ast.Null):
        return None
    if isinstance(node, ast.String):
        return node.val
    raise FilterRefused("A text field is compared with a text in single quotes, or with null.")


def _moment(node: Any) -> datetime | None:
    """The naive UTC moment of `cast('...',Edm.DateTimeOffset)`, None for null."""
    match node:
        case ast.Null():
            return None
        case ast.Call(
            func=ast.Identifier(name="cast", namespace=()),
            args=[ast.String(val=text), ast.Identifier(name="DateTimeOffset", namespace=("Edm",))],
        ):
            try:
                moment = datetime.fromisoformat(text)
            except ValueError as error:
                raise FilterRefused(f"{text} is no date.") from error
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    raise FilterRefused("A date field is compared with cast('...',Edm.DateTimeOffset) or null.")
