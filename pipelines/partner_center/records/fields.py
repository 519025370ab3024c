"""How the fields of a record become columns."""

import html
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from partner_center.records.envelope import NumberText, Record

_SURROGATE = re.compile("[\ud800-\udfff]")
_DECIMAL = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_CENT = Decimal("0.01")
# The first number that DECIMAL(18,2) does not hold.
_TOO_LARGE = Decimal(10) ** 16


@dataclass(frozen=True)
class Field:
    """A field of a record: where it stands, the column it becomes, and of which type.

    `path` has dots where objects are nested; `renamed` is another one, for records that have
    nothing there. `takes_number`: its digits are then the text.
    """

    path: str
    column: str
    kind: pa.DataType
    takes_number: bool = False
    clean: Callable[[str], str] | None = None
    renamed: str = ""

    def read(self, record: Any) -> str | None:
        """The value as text, of which `kind` can be made; dates are only checked to be texts.

        Raises ValueError, which names the field and its value.
        """
        path, value = self.path, find(record, self.path)
        if self.renamed and value is None:
            path, value = self.renamed, find(record, self.renamed)
        if pa.types.is_boolean(self.kind):
            return self._read_flag(value)
        if pa.types.is_decimal(self.kind):
            return self._read_money(value)
        if self.takes_number and type(value) is NumberText and value.isdecimal():
            return str(value)
        if value is not None and type(value) is not str:
            raise ValueError(f"{path} is {show(value)}, not a text")
        if value and not is_unicode(value):
            raise ValueError(f"{path} is {show(value)}, which is no valid Unicode")
        return self.clean(value) if value and self.clean else value

    def _read_flag(self, value: Any) -> str | None:
        text = str(value).strip().lower() if isinstance(value, bool | str) else value
        if text in (None, ""):
            return None
        if text in ("true", "false") and type(value) is not NumberText:
            return str(text)
        raise ValueError(f"{self.path} is {show(value)}, not true or false")

    def _read_money(self, value: Any) -> str | None:
        text = value.strip() if isinstance(value, str) else value
        if text in (None, ""):
            return None
        try:
            if isinstance(text, str) and _DECIMAL.fullmatch(text):
                # Rounded first: that alone copes with every exponent, and may reach the limit.
                amount = Decimal(text).quantize(_CENT, ROUND_HALF_UP)
                if abs(amount) < _TOO_LARGE:
                    return format(amount, "f")
        except InvalidOperation:
            pass
        raise ValueError(f"{self.path} is {show(value)}, not an amount of at most 16 digits")


def find(record: Any, path: str) -> Any:
    """The value at a path, None where it or an object on the way is missing or null.

    Raises ValueError where something else than an object is on the way, or a name stands twice.
    """
    value = record
    names = path.split(".")
    for depth, name in enumerate(names):
        if value is None:
            return None
        if not isinstance(value, Record):
            raise ValueError(f"{'.'.join(names[:depth])} is {kind_of(value)}, not an object")
        if name in value.repeated_names:
            raise ValueError(f"{'.'.join(names[: depth + 1])} stands twice in the record")
        value = value.get(name)
    return value


def unknown_names(value: Any, known: frozenset[str], path: str = "") -> Iterator[str]:
    """The paths in a record that are neither known nor the beginning of a known one."""
    if not isinstance(value, Record):
        return
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        if here in known:
            continue
        if any(each.startswith(f"{here}.") for each in known):
            yield from unknown_names(inner, known, here)
        else:
            yield here


def decode_name(text: str) -> str:
    """A name without HTML entities and without blanks around it."""
    return html.unescape(text).strip()


def is_unicode(text: str) -> bool:
    """Whether a text can be stored."""
    return text.isascii() or not _SURROGATE.search(text)


def plain_number(text: NumberText) -> int | float | str:
    """A JSON number as Python has it, or its text where that would alter it beyond use."""
    if text.isdecimal():
        return int(text) if len(text) < 300 else str(text)
    return float(text) if math.isfinite(float(text)) else str(text)


def kind_of(value: Any) -> str:
    """What JSON calls a value, for a sentence that may not quote it: people may stand in it."""
    if value is None:
        return "null"
    kinds = {NumberText: "a number", str: "a text", bool: "a boolean", list: "a list"}
    return kinds.get(type(value), "an object")


def show(value: Any) -> str:
    """A value as it stood in the JSON, short enough for a sentence."""
    from json import dumps

    try:
        shown = str(value) if isinstance(value, NumberText) else dumps(value)
    except RecursionError:
        # Just not too deep to be read.
        shown = "nested too deep"
    return shown if len(shown) <= 100 else f"{shown[:100]}..."
