"""Reads the `$filter` of the engagements API: `eq`, `and`, nested paths and `any()`.

Nothing else is documented, so everything else is refused, comparisons of dates included.
"""

import re
from collections.abc import Callable
from typing import Any

from partner_center_sandbox.engagements.fields import DATE_FIELDS, FIELDS
from partner_center_sandbox.filters import FilterRefused

# Whether a record meets the filter.
Condition = Callable[[Any], bool]

_TOKEN = re.compile(r"""\s*(?:
    (?P<text>'(?:[^']|'')*')
  | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
  | (?P<number>-?\d+(?:\.\d+)?)(?![\w:-])
  | (?P<name>[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*)
  | (?P<sign>[():])
)""", re.VERBOSE)  # fmt: skip
_WORDS: dict[str, object] = {"true": True, "false": False, "null": None}


def parse_filter(text: str) -> Condition:
    """The condition that the filter asks for; raises FilterRefused for anything else."""
    parser = _Parser(_tokens(text))
    condition = parser.conjunction(None)
    parser.expect_end()
    return condition


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise FilterRefused(f"The filter cannot be read from here on: {text[position:]}")
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind]))
        position = match.end()
    return tokens


class _Parser:
    """A parser by recursive descent; `variable` is the name that the lambda around gives."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._position = 0

    def conjunction(self, variable: str | None) -> Condition:
        conditions = [self._comparison(variable)]
        while self._is_next("name", "and"):
            self._position += 1
            conditions.append(self._comparison(variable))
        return lambda record: all(condition(record) for condition in conditions)

    def expect_end(self) -> None:
        self._take("end", "")

    def _comparison(self, variable: str | None) -> Condition:
        if self._is_next("sign", "("):
            self._position += 1
            condition = self.conjunction(variable)
            self._take("sign", ")")
            return condition
        segments = self._take("name").split("/")
        if segments[-1] == "any" and len(segments) > 1:
            return self._any(_path(segments[:-1], variable))
        path = _path(segments, variable)
        self._take("name", "eq")
        expected = self._literal()
        return lambda record: _is_equal(_value(record, path), expected)

    def _any(self, path: list[str]) -> Condition:
        self._take("sign", "(")
        condition: Condition = lambda item: True  # noqa: E731 - any() without a lambda
        if not self._is_next("sign", ")"):
            variable = self._take("name")
            self._take("sign", ":")
            condition = self.conjunction(variable)
        self._take("sign", ")")
        return lambda record: any(condition(item) for item in _items(_value(record, path)))

    def _literal(self) -> object:
        kind, token = self._tokens[self._position]
        self._position += 1
        match kind:
            case "text":
                return token[1:-1].replace("''", "'")
            case "guid":
                return token.lower()
            case "number":
                return float(token)
            case "name" if token in _WORDS:
                return _WORDS[token]
        raise FilterRefused(f"A field is compared with a text, a number or null, not {token!r}.")

    def _is_next(self, kind: str, token: str) -> bool:
        return self._tokens[self._position] == (kind, token)

    def _take(self, kind: str, token: str | None = None) -> str:
        found_kind, found = self._tokens[self._position]
        if found_kind != kind or (token is not None and found != token):
            raise FilterRefused(
                f"The filter has {found or 'its end'!r} where {token or kind} is expected; "
                "eq, and, nested paths and any() are supported."
            )
        self._position += 1
        return found


def _path(segments: list[str], variable: str | None) -> list[str]:
    """The names to follow from a record, or from the item that the lambda's variable stands for."""
    if variable is not None:
        if segments[0] != variable:
            raise FilterRefused(f"{segments[0]} is not the variable of this any().")
        return segments[1:]
    if segments[0] not in FIELDS:
        raise FilterRefused(f"A referral has no field {segments[0]}.")
    if segments[-1] in DATE_FIELDS:
        raise FilterRefused(f"{segments[-1]} is a date; dates are not supported in a filter.")
    return segments


def _value(record: Any, path: list[str]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_equal(value: Any, expected: object) -> bool:
    # True == 1 in Python, but a boolean is never a number in JSON.
    return isinstance(value, bool) == isinstance(expected, bool) and bool(value == expected)
