"""One answer of the endpoint, taken out of whichever envelope it came in."""

import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.json

# The referrals page of the reference does not show its envelope; these are the names that its
# relatives use, read without regard to case.
_LIST_START = re.compile(r'"(value|items)"\s*:\s*\[', re.IGNORECASE)
_TOTAL_NAMES = ("totalcount",)
_NEXT_LINK_NAMES = ("@nextlink", "nextlink", "@odata.nextlink")


_ENVELOPE_NAME = re.compile(
    rf'"({"|".join([*_TOTAL_NAMES, *_NEXT_LINK_NAMES])})"\s*:', re.IGNORECASE
)
# The envelope's own names are looked for so far from either end of an answer.
_EDGE = 4_096

# Referrals are two levels deep.
_MAX_DEPTH = 100
_BRACKET = re.compile(rb"[\[\]{}]")


class BrokenAnswer(Exception):
    """The body of a 200 is no collection: HTML, cut short, or without rows."""


class NumberText(str):
    """A JSON number by its own digits."""


class Record(dict[str, Any]):
    """One JSON object, with the names that stood in it twice."""

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
    carries_next_link: bool
    next_link: str | None


def read_columns(body: bytes, fields: Sequence[str]) -> tuple[Envelope, pa.StructArray] | None:
    """Read a whole answer at once, its items as one struct array with `fields` as texts.

    Fields that are not in `fields` come along with the type that Arrow infers. Returns None where
    the answer is not that regular (a number where a text belongs, a name twice, bytes that are no
    UTF-8) and has to be taken apart with `read_items`.
    """
    is_array = body.lstrip()[:1] == b"["
    if is_array:
        body = b'{"items":' + body + b"}"
    start = _LIST_START.search(body[:_EDGE].decode("utf-8", "replace"))
    if start is None:
        return None
    item = pa.struct([(field, pa.string()) for field in fields])
    table = _read_table(body, pa.schema([(start[1], pa.list_(item)), *_find_envelope(body)]))
    if table is None:
        return None
    items = table[start[1]].combine_chunks()
    if len(items) != 1 or items.null_count or items.flatten().null_count:
        return None
    rest = table.drop_columns([start[1]]).to_pylist()[0]
    return _read_envelope(rest), items.flatten()


def _find_envelope(body: bytes) -> list[tuple[str, pa.DataType]]:
    """The names of the envelope that stand before or behind the items, with their usual types."""
    edges = (body[:_EDGE] + body[-_EDGE:]).decode("utf-8", "replace")
    return [
        (name, pa.int64() if name.lower() in _TOTAL_NAMES else pa.string())
        for name in dict.fromkeys(_ENVELOPE_NAME.findall(edges))
    ]


def _read_table(body: bytes, schema: pa.Schema) -> pa.Table | None:
    """One JSON object as a table of one row; None where it is not regular.

    What is not in the schema makes Arrow infer types, for which it goes down as deep as the
    brackets stand in each other, some thousands of levels being the end of the process.
    """
    try:
        # Arrow takes any bytes for text; the warehouse does not.
        body.decode("utf-8")
        try:
            return _parse(body, schema, "error")
        except pa.ArrowInvalid:
            # Only the items' schema is sure.
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
    """Whether brackets stand in each other more than _MAX_DEPTH deep, those in texts included."""
    depth = 0
    for bracket in _BRACKET.finditer(body):
        depth += 1 if bracket[0] in b"{[" else -1
        if depth > _MAX_DEPTH:
            return True
    return False


def read_items(body: bytes) -> tuple[Envelope, list[tuple[str, Any]]]:
    """Read an answer item by item, each as its own JSON text and its value.

    Numbers come as NumberText, so that none is rounded. Raises BrokenAnswer.
    """
    text = body.decode("utf-8", "surrogateescape").strip()
    start, rest = 1, '{"items":[]}'
    if not text.startswith("["):
        found = _LIST_START.search(text)
        if found is None:
            raise BrokenAnswer(f"no collection of referrals, but {_glimpse(text)}")
        start = found.end()
    try:
        items = list(_split_items(text, start))
        end = _skip_space(text, items[-1][2] if items else start)
        if not text.startswith("["):
            rest = text[:start] + text[end:]
        elif text[end:] != "]":
            raise BrokenAnswer(f"JSON that goes on after its end: {_glimpse(text[end:])}")
        envelope = _DECODER.decode(rest)
    except (ValueError, RecursionError) as error:
        raise BrokenAnswer(f"broken JSON ({error})") from error
    return _read_envelope(envelope), [(raw, value) for raw, value, _ in items]


def _split_items(text: str, position: int) -> Iterator[tuple[str, Any, int]]:
    """Each element of the array whose bracket opened before `position`, and where it ends."""
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
    total = next((by_name[name] for name in _TOTAL_NAMES if name in by_name), None)
    links = [by_name[name] for name in _NEXT_LINK_NAMES if name in by_name]
    # Elsewhere in Partner Center a link is an object with its address in "uri".
    link = links[0].get("uri") if links and isinstance(links[0], dict) else None
    if links and isinstance(links[0], str):
        link = links[0]
    return Envelope(
        total=int(str(total)) if str(total).isdecimal() else None,
        carries_next_link=bool(links),
        next_link=link or None,
    )


def _glimpse(text: str) -> str:
    """The beginning of a body, short enough for a message."""
    return "an empty body" if not text else f"'{text[:60]}'"
