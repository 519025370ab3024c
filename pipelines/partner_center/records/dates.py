"""Reads the API's date strings as naive UTC timestamps."""

import pyarrow as pa
import pyarrow.compute as pc

MOMENT = pa.timestamp("us")

# .NET's "not set", sent by this family of endpoints in place of null.
_UNSET = "0001-01-01"
_UNSET_FROM, _UNSET_TO = (
    pa.scalar(text, pa.string()).cast(MOMENT) for text in (_UNSET, "0001-01-02")
)
# Years that Python can represent.
_FIRST, _LAST = (
    pa.scalar(text, pa.string()).cast(MOMENT) for text in (_UNSET, "9999-12-31T23:59:59.999999")
)
_OFFSET = r"(Z|[+-]\d\d:?\d\d)$"


def read_dates(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Read one column of date strings.

    Returns the timestamps (naive UTC, microseconds) and a mask of the texts that are no dates, or
    lie outside of the years 1 to 9999; their timestamp is null. Empty texts and the unset date
    become null, fractions beyond microseconds are cut, a date is its midnight, offsets are applied.
    """
    none_bad = pa.nulls(len(texts), pa.bool_()).fill_null(False)
    for read in (_read_plain, _read_varied):
        try:
            return read(texts), none_bad
        except pa.ArrowInvalid:
            continue
    return _read_singly(texts)


def _read_plain(texts: pa.Array) -> pa.Array:
    """The common case: ISO dates without a zone, at most six fractional digits."""
    moments = _require_range(pc.cast(texts, MOMENT))
    is_unset = pc.and_(pc.greater_equal(moments, _UNSET_FROM), pc.less(moments, _UNSET_TO))
    return pc.if_else(is_unset, pa.scalar(None, MOMENT), moments)


def _read_varied(texts: pa.Array) -> pa.Array:
    """Every form that this family of endpoints is known to send."""
    is_unset = pc.or_(pc.equal(texts, ""), pc.starts_with(texts, _UNSET))
    given = pc.if_else(is_unset, pa.scalar(None, pa.string()), texts)
    given = pc.replace_substring_regex(given, r"(\.\d{6})\d+", r"\1")
    has_offset = pc.match_substring_regex(given, _OFFSET)
    missing = pa.scalar(None, pa.string())
    zoned = pc.cast(pc.if_else(has_offset, given, missing), pa.timestamp("us", "UTC"))
    naive = pc.cast(pc.if_else(has_offset, missing, given), MOMENT)
    return _require_range(pc.coalesce(pc.cast(zoned, MOMENT), naive))


def _require_range(moments: pa.Array) -> pa.Array:
    """The timestamps as they are; raises ArrowInvalid if one is of no year from 1 to 9999."""
    limits = pc.min_max(moments)
    if limits["min"].is_valid and (
        pc.less(limits["min"], _FIRST).as_py() or pc.greater(limits["max"], _LAST).as_py()
    ):
        raise pa.ArrowInvalid("a year before 1 or after 9999")
    return moments


def _read_singly(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """One distinct text at a time, so that one bad date spoils no other."""
    distinct = pc.unique(texts)
    moments, is_bad = [], []
    for position in range(len(distinct)):
        try:
            moments.append(_read_varied(distinct.slice(position, 1))[0])
            is_bad.append(False)
        except pa.ArrowInvalid:
            moments.append(pa.scalar(None, MOMENT))
            is_bad.append(True)
    place = pc.index_in(texts, distinct)
    return pa.array(moments, MOMENT).take(place), pa.array(is_bad).take(place)
