"""The benchmarks still run; what they measure is not judged here."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(name, *options):
    command = [sys.executable, str(BENCHMARKS / name), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_load_benchmark_prints_its_table():
    """Every kind of work, with its time beside the floor's."""
    ended = run("load.py", "--rows", "12000", "--runs", "1")

    assert 0 == ended.returncode, ended.stderr
    works = [line.split()[0] for line in ended.stdout.splitlines()[3:]]
    assert ["floor", "first", "again", "incremental", "quiet"] == works


@pytest.mark.slow
def test_marts_benchmark_prints_its_table():
    """Every mart, whether it keeps to its goal or not."""
    ended = run("marts.py", "2000")

    assert "conversion_curve" in ended.stdout, ended.stderr
    assert "(the scan)" in ended.stdout
