"""Timestamps that people write."""

from datetime import datetime

import pytest

from partner_referrals.errors import UsageError
from partner_referrals.timestamps import read_timestamp


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31)),
        ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12)),
        ("2026-01-31 12:00:00.5", datetime(2026, 1, 31, 12, 0, 0, 500_000)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12)),
        ("2020-01-01T12:00:00+12:00", datetime(2020, 1, 1)),
        (" 2020-01-01T12:00-05:30 ", datetime(2020, 1, 1, 17, 30)),
    ],
)
def test_timestamp_is_read_as_utc(text, moment):
    """An offset is converted; without one it is UTC."""
    assert moment == read_timestamp(text)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "infinity", "2026-02-30", "12000-01-01", "0001-01-01", "epoch",
     "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+08:00", "2026-01-01\x1b[31m"],
)  # fmt: skip
def test_what_is_no_timestamp_is_refused(text):
    """With a sentence that shows how one is written, and no control characters."""
    with pytest.raises(UsageError) as refused:
        read_timestamp(text)

    assert str(refused.value).isprintable()
