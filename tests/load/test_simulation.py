"""Whatever befalls the loads of many nights in a row, every night leaves the warehouse right."""

import gc
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from support.simulated_nights import WORLDS, play


def resident_megabytes() -> float:
    """Memory of this process that is really in use (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_file_count() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.sweep
@pytest.mark.timeout(0)
def test_every_night_ends_right(killed_loads, is_short, request):
    """Ten years of nights (short: one), from a seed that is printed and may be given."""
    # Continuous integration judges the change, not the luck of the day.
    fresh = 0 if is_short else random.SystemRandom().randrange(2**32)
    number = int(request.config.getoption("hypothesis_seed") or fresh)
    nights = 0
    used: list[tuple[float, int]] = []

    @seed(number)
    @settings(
        max_examples=30 if is_short else 400,
        # Whoever only wants to know whether it fails does not wait for the smallest example.
        phases=[Phase.generate] if "WITHOUT_SHRINKING" in os.environ else tuple(Phase),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(WORLDS)
    def play_worlds(world):
        nonlocal nights
        nights += play(world, killed_loads)
        gc.collect()
        used.append((resident_megabytes(), open_file_count()))

    print(f"--hypothesis-seed={number} plays these nights again")
    play_worlds()
    settled, last = used[len(used) // 4], used[-1]
    print(
        f"{nights} nights of {len(used)} worlds: memory {settled[0]:.0f} -> {last[0]:.0f} MB, "
        f"open files {settled[1]} -> {last[1]}"
    )
    assert last[0] < settled[0] * 1.2
    assert last[1] <= settled[1] + 2
