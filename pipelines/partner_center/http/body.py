"""Reads the bytes of an answer: decompressed, of limited size, as UTF-8."""

import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_BE, BOM_UTF32_LE
from typing import Any

from requests import RequestException, Response

# A page of 9,999 referrals has about 4 MB. Reading one takes some ten times its size in memory.
MAX_ANSWER_BYTES = 256_000_000
_PIECE_BYTES = 1_000_000

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_MARKS = (
    (BOM_UTF8, "utf-8"),
    (BOM_UTF32_LE, "utf-32-le"),
    (BOM_UTF32_BE, "utf-32-be"),
    (BOM_UTF16_LE, "utf-16-le"),
    (BOM_UTF16_BE, "utf-16-be"),
)


class AnswerTooLarge(RequestException):
    """The answer is larger than MAX_ANSWER_BYTES after decompression."""


class UnknownEncoding(RequestException):
    """The answer is compressed in a way that was not asked for."""


def read_body(response: Response) -> bytes:
    """The whole body, decompressed as it arrives.

    Raises AnswerTooLarge, UnknownEncoding, zlib.error, and what urllib3 raises.
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    decompress = _decompressor(encoding)
    if decompress is None:
        raise UnknownEncoding(
            f"the body is encoded as {encoding[:40]!r}, but gzip or none was asked for",
            request=response.request,
        )
    pieces: list[bytes] = []
    size = 0
    while piece := response.raw.read(_PIECE_BYTES, decode_content=False):
        pieces.append(decompress(piece, MAX_ANSWER_BYTES + 1 - size))
        size += len(pieces[-1])
        if size > MAX_ANSWER_BYTES:
            raise AnswerTooLarge(
                f"the answer is larger than {MAX_ANSWER_BYTES // 1_000_000} MB, the limit for one "
                "answer; set a smaller sources.partner_center.page_size",
                request=response.request,
            )
    return b"".join(pieces)


def _decompressor(encoding: str) -> Any:
    """What turns a piece of the body, and the most bytes wanted of it, into bytes."""
    if encoding in ("", "identity"):
        return lambda piece, limit: piece[:limit]
    if encoding in ("gzip", "x-gzip"):
        # 16: with the header of gzip.
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress
    return None


def to_utf8(body: bytes, charset: str | None = None) -> bytes:
    """The body as UTF-8 without a byte order mark.

    The mark decides, then zero bytes (JSON in UTF-16 or UTF-32), then whether the bytes are UTF-8,
    then `charset`, which servers often declare wrongly. Bytes that fit nothing stay as they are.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _transcode(body[len(mark) :], encoding)
    if b"\0" in body[:4]:
        return _transcode(body, _find_wide_encoding(body[:4]))
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return _transcode(body, charset or "utf-8")
    return body


def _find_wide_encoding(start: bytes) -> str:
    """UTF-16 or UTF-32, by where the zero bytes of the first character are."""
    if start.startswith(b"\0\0"):
        return "utf-32-be"
    if start.startswith(b"\0"):
        return "utf-16-be"
    return "utf-32-le" if start.endswith(b"\0\0") else "utf-16-le"


def _transcode(body: bytes, encoding: str) -> bytes:
    try:
        return body if encoding == "utf-8" else body.decode(encoding).encode("utf-8")
    except (UnicodeError, LookupError):
        return body
