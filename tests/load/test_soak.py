"""Two hundred nights in a row: nothing grows but the data."""

import gc
import os
import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse

from partner_center_sandbox import Sandbox
from partner_referrals.errors import ReferralsError
from support.crash import assert_right
from support.records import NOW, referral


def resident_megabytes() -> float:
    """Memory of this process that is really in use (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_file_count() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.sweep
@pytest.mark.timeout(0)
def test_two_hundred_nights_leave_no_litter(configure, load, warehouse, is_short, tmp_path):
    """A changing source under random faults: memory, open files and directories stay flat."""
    nights = 40 if is_short else 200
    chance = random.Random(5)
    figures = []
    with Sandbox([referral(f"r{n:03}") for n in range(300)], now=NOW) as source:
        configure(source)
        for night in range(nights):
            for number in range(5):
                status = chance.choice(["Won", "Lost", "Accepted"])
                source.put(referral(f"r{chance.randrange(400):03}", status=status))
                source.put(referral(f"odd{number}", wonDate=f"night {night}"))
            faults = iter(
                [PlainTextResponse("", 500)] * chance.choice([0, 0, 1, 2, 5])
                + [PlainTextResponse("<html>")] * chance.choice([0, 1])
            )
            source.behaviour.on_request = lambda _, faults=faults: next(faults, None)
            try:
                load(NOW + timedelta(days=night))
            except ReferralsError:
                # Five failures in a row end a run, as they should; the next night makes it good.
                load(NOW + timedelta(days=night, hours=1))
            gc.collect()
            figures.append((resident_megabytes(), open_file_count(), len(list(tmp_path.iterdir()))))
        source.behaviour.on_request = None
        load(NOW + timedelta(days=nights))
        assert_right(warehouse, source)
    settled, last = figures[nights // 4], figures[-1]
    print(
        f"{nights} nights: memory {settled[0]:.0f} -> {last[0]:.0f} MB, open files {settled[1]} -> "
        f"{last[1]}, warehouse {warehouse.stat().st_size / 1e6:.1f} MB"
    )
    assert last[0] < settled[0] * 1.2
    assert last[1] <= settled[1] + 2
    assert last[2] == settled[2]
    shutil.rmtree(tmp_path, ignore_errors=True)
