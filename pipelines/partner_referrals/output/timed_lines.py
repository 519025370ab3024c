"""Text whose lines carry the moment at which they were written."""

import io
from datetime import UTC, datetime
from typing import TextIO


class TimedLines(io.TextIOBase):
    """Writes to `stream`, each line after the time in UTC, as logs are read later."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_at_start = True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write the text at once; its length."""
        for line in io.StringIO(text, newline="\n"):
            time = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} " if self._is_at_start else ""
            self._stream.write(time + line)
            self._is_at_start = line.endswith("\n")
        self._stream.flush()
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def fileno(self) -> int:
        """The descriptor of the stream."""
        return self._stream.fileno()
