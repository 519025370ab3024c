"""Takes the records out of one answer, whichever envelope they came in."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.json

# The reference does not show the envelope of referrals; these are the names that related endpoints
# use, read without regard to case.
_LIST_NAMES = ("value", "items")
_TOTAL_NAMES = ("totalcount", "@odata.count")
_NEXT_LINK_NAMES = ("@nextlink", "nextlink", "@odata.nextlink")

_LIST_START = re.compile(rf'"({"|".join(_LIST_NAMES)})"\s*:\s*\[', re.IGNORECASE)
_ENVELOPE_NAME = re.compile(
    rf'"({"|".join([*_TOTAL_NAMES, *_NEXT_LINK_NAMES])})"\s*:', re.IGNORECASE
)
# How far from either end of an answer the envelope's own names are looked for.
_EDGE = 4_096

# No table has more rows, and sums of it still fit 64 bits. Larger totals are taken for this one.
MAX_COUNT = 10**15

# Referrals are two levels deep.
_MAX_DEPTH = 100
_BRACKET = re.compile(rb"[\[\]{}]")


class BrokenAnswer(Exception):
    """The body of a 200 is no list of records: HTML, cut short, or other JSON."""


class NumberText(str):
    """A JSON number by its own digits."""


class Record(dict[str, Any]):
    """One JSON object, and the names that occur in it more than once."""

    repeated_names: frozenset[str] = frozenset()


def _read_object(pairs: list[tuple[str, Any]]) -> Record:
    record = Record(pairs)
    if len(record) < len(pairs):
        names = Counter(name for name, _ in pairs)
        record.repeated_names = frozenset(name for name, count in names.items() if count > 1)
    return record


_DECODER = json.JSONDecoder(
    object_pairs_hook=_read_object,
    parse_int=NumberText,
    parse_float=NumberText,
    parse_constant=NumberText,
)


@dataclass(frozen=True)
class Envelope:
    """What an answer says about itself, beside its items."""

    total: int | None
    next_link: str | None


def read_columns(body: bytes, fields: Sequence[str]) -> tuple[Envelope, pa.StructArray] | None:
    """Read a whole answer at once, its items as one struct array with `fields` as texts.

    Fields that are not in `fields` come along with the type that Arrow infers. Returns None where
    the answer is less regular (a number in a text field, a repeated name, bytes that are not UTF-8,
    several lists) and has to be read with `read_items`.
    """
    if body.lstrip()[:1] == b"[":
        body = b'{"items":' + body + b"}"
    list_name = _find_list(body)
    if list_name is None:
        return None
    item = pa.struct([(field, pa.string()) for field in fields])
    table = _read_table(body, pa.schema([(list_name, pa.list_(item)), *_find_envelope(body)]))
    if table is None:
        return None
    items = table[list_name].combine_chunks()
    if len(items) != 1 or items.null_count or items.flatten().null_count:
        return None
    try:
        rest = table.drop_columns([list_name]).to_pylist()[0]
    except (OverflowError, ValueError):
        # Some text beside the list looks like a date that Python does not have.
        return None
    # Of a number beyond 64 bits Arrow keeps the size, not the digits.
    if any(name.lower() in _LIST_NAMES or isinstance(rest[name], float) for name in rest):
        return None
    return _read_envelope(rest), items.flatten()


def _find_list(body: bytes) -> str | None:
    """The name of the list, if it is near the start of the answer and at its top level."""
    text = body[:_EDGE].decode("utf-8", "replace")
    start = _LIST_START.search(text)
    if start is None:
        return None
    try:
        # What comes before it is an object by itself only if no bracket is open.
        json.loads(text[: start.start()] + '"":0}')
    except (ValueError, RecursionError):
        return None
    return start[1]


def _find_envelope(body: bytes) -> list[tuple[str, pa.DataType]]:
    """The names of the envelope before and after the items, with their usual types."""
    edges = (body[:_EDGE] + body[-_EDGE:]).decode("utf-8", "replace")
    return [
        (name, pa.int64() if name.lower() in _TOTAL_NAMES else pa.string())
        for name in dict.fromkeys(_ENVELOPE_NAME.findall(edges))
    ]


def _read_table(body: bytes, schema: pa.Schema) -> pa.Table | None:
    """One JSON object as a table of one row; None where it is not regular.

    Fields outside of the schema make Arrow infer types, which recurses as deep as the brackets are
    nested; some thousands of levels would crash the process.
    """
    try:
        # Arrow accepts any bytes as text; the warehouse does not.
        body.decode("utf-8")
        try:
            return _parse(body, schema, "error")
        except pa.ArrowInvalid:
            # Some field is not as expected: infer all types but those of the items.
            return None if _is_deep(body) else _parse(body, pa.schema([schema[0]]), "infer")
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None


def _parse(body: bytes, schema: pa.Schema, unexpected: str) -> pa.Table:
    return pyarrow.json.read_json(
        io.BytesIO(body),
        pyarrow.json.ReadOptions(use_threads=False, block_size=len(body) + 1),
        pyarrow.json.ParseOptions(
            explicit_schema=schema, newlines_in_values=True, unexpected_field_behavior=unexpected
        ),
    )


def _is_deep(body: bytes) -> bool:
    """Whether brackets are nested more than _MAX_DEPTH deep, those inside of texts included."""
    depth = 0
    for bracket in _BRACKET.finditer(body):
        depth += 1 if bracket[0] in b"{[" else -1
        if depth > _MAX_DEPTH:
            return True
    return False


def read_items(body: bytes) -> tuple[Envelope, list[tuple[str, Any]]]:
    """Read an answer item by item, each as its own JSON text and its value.

    Numbers come as NumberText, so that none is rounded. A null list, and a total of 0 without a
    list, are an empty answer. Raises BrokenAnswer.
    """
    text = body.decode("utf-8", "surrogateescape").strip()
    try:
        if text.startswith("["):
            items, end = _read_list(text, 0)
            rest: dict[str, Any] = {}
            lists = [items]
        else:
            rest, lists, end = _read_members(text)
    except (ValueError, RecursionError) as error:
        raise BrokenAnswer(f"broken JSON ({error}): {_glimpse(text)}") from error
    if text[end:].strip():
        raise BrokenAnswer(f"JSON that goes on after its end: {_glimpse(text[end:])}")
    envelope = _read_envelope(rest)
    filled = [each for each in lists if each]
    if len(filled) > 1:
        raise BrokenAnswer("several lists of records in one answer")
    is_empty = bool(lists) or envelope.total == 0 or _has_null_list(rest)
    if not filled and not is_empty:
        raise BrokenAnswer(f"no list of records, but {_glimpse(text)}")
    return envelope, filled[0] if filled else []


def _has_null_list(rest: dict[str, Any]) -> bool:
    return any(name.lower() in _LIST_NAMES and value is None for name, value in rest.items())


def _read_members(text: str) -> tuple[dict[str, Any], list[list[tuple[str, Any]]], int]:
    """An object's members without its lists of records, these lists, and where it ends."""
    rest: dict[str, Any] = {}
    lists = []
    position = _expect(text, 0, "{")
    while text[position : position + 1] != "}":
        name, position = _DECODER.raw_decode(text, position)
        if not isinstance(name, str) or isinstance(name, NumberText):
            raise ValueError(f"no name at character {position}")
        position = _expect(text, position, ":")
        if name.lower() in _LIST_NAMES and text[position : position + 1] == "[":
            items, position = _read_list(text, position)
            lists.append(items)
        else:
            rest[name], position = _DECODER.raw_decode(text, position)
        position = _skip_space(text, position)
        if text[position : position + 1] == ",":
            position = _skip_space(text, position + 1)
        elif text[position : position + 1] != "}":
            raise ValueError(f"object cut short at character {position}")
    return rest, lists, position + 1


def _expect(text: str, position: int, sign: str) -> int:
    """Where the text goes on after `sign` and the blanks around it."""
    position = _skip_space(text, position)
    if text[position : position + 1] != sign:
        raise ValueError(f"no '{sign}' at character {position}")
    return _skip_space(text, position + 1)


def _read_list(text: str, position: int) -> tuple[list[tuple[str, Any]], int]:
    """The items of the array that opens at `position`, and where it ends."""
    items = list(_split_items(text, position + 1))
    end = _skip_space(text, items[-1][2] if items else position + 1)
    return [(raw, value) for raw, value, _ in items], end + 1


def _split_items(text: str, position: int) -> Iterator[tuple[str, Any, int]]:
    """Each element of the array whose bracket is just before `position`, and where it ends."""
    position = _skip_space(text, position)
    while text[position : position + 1] != "]":
        value, end = _DECODER.raw_decode(text, position)
        yield text[position:end], value, end
        position = _skip_space(text, end)
        if text[position : position + 1] == ",":
            position = _skip_space(text, position + 1)
        elif text[position : position + 1] != "]":
            raise ValueError(f"array cut short at character {position}")


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1] in tuple(" \t\r\n"):
        position += 1
    return position


def _read_envelope(rest: dict[str, Any]) -> Envelope:
    by_name = {name.lower(): value for name, value in rest.items()}
    totals = [read_count(by_name[name]) for name in _TOTAL_NAMES if name in by_name]
    links = [by_name[name] for name in _NEXT_LINK_NAMES if name in by_name]
    # Elsewhere in Partner Center a link is an object with its address in "uri".
    link = links[0].get("uri") if links and isinstance(links[0], dict) else None
    if links and isinstance(links[0], str):
        link = links[0]
    return Envelope(
        total=next((total for total in totals if total is not None), None),
        next_link=link if isinstance(link, str) and link else None,
    )


def read_count(value: Any) -> int | None:
    """A number of rows, also where it is sent as text or as 7.0; at most MAX_COUNT, else None."""
    text = "" if isinstance(value, bool) else str(value).strip()
    whole, _, fraction = text.partition(".")
    if not (whole.isascii() and whole.isdecimal()) or fraction.strip("0"):
        return None
    return min(int(whole), MAX_COUNT) if len(whole) <= len(str(MAX_COUNT)) else MAX_COUNT


def _glimpse(text: str) -> str:
    """The beginning of a body, short, and without its records: people are in them."""
    start, bracket, _ = text[:60].partition("[")
    return "an empty body" if not text else f"'{start}{bracket}'"
