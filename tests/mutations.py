"""Makes plausible mistakes in the code of a load, and counts how many the simulation finds.

    python tests/mutations.py [NAME ...]

Each mistake is made in a copy of the packages, for which `tests/load/test_simulation.py` plays up
to a year of nights. Takes one to three minutes for each.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LOAD = "partner_referrals/load"
SEEDS = ("1", "2")


class Mutation(NamedTuple):
    """A text of a file, and what stands in its place."""

    file: str
    old: str
    new: str


MUTATIONS = {
    "changes of known records are overlooked": Mutation(
        f"{LOAD}/changes.py",
        "from listed anti join current_versions using (id, content_hash)",
        "from listed anti join current_versions using (id)",
    ),
    "any number of records may vanish": Mutation(
        f"{LOAD}/changes.py", "MAX_VANISHED_SHARE = 0.2", "MAX_VANISHED_SHARE = 1.0"
    ),
    "a known record that is rejected now has vanished": Mutation(
        f"{LOAD}/changes.py", "where id not in (select id from listed) ", "where true "
    ),
    "rejects are kept anew each night": Mutation(
        f"{LOAD}/changes.py",
        "from rejected anti join partner_center.referral_rejects using (record, reason)",
        "from rejected",
    ),
    "a clock set back ends versions before they began": Mutation(
        f"{LOAD}/state.py",
        "return now if newest is None else max(now, newest + timedelta(microseconds=1))",
        "return now",
    ),
    "a date in the future moves the cursor": Mutation(
        f"{LOAD}/state.py", "from {table} where {cursor} <= $now)", "from {table})"
    ),
    "a full listing with other counts is taken for verified": Mutation(
        f"{LOAD}/state.py", "mode = 'full' and is_good and", "mode = 'full' and"
    ),
    "loads of another resource verify this one": Mutation(
        f"{LOAD}/state.py", "where resource = $resource and mode = 'full'", "where mode = 'full'"
    ),
    "a listing from after now verifies": Mutation(
        f"{LOAD}/state.py", "and is_good and finished_at <= $now ", "and is_good "
    ),
    "everything is listed only once a year": Mutation(
        f"{LOAD}/passes.py", "timedelta(days=7)", "timedelta(days=365)"
    ),
    "nothing before the newest activity is asked for again": Mutation(
        f"{LOAD}/passes.py",
        "since = state.newest_activity - timedelta",
        "since = job.started_at - 0 * timedelta",
    ),
    "counts that differ are not looked into": Mutation(
        f"{LOAD}/passes.py",
        'if last.mode == "incremental" and last.is_unreconciled:',
        "if False:",
    ),
    "what a filtered listing lacks has vanished": Mutation(
        f"{LOAD}/passes.py",
        "if listing.filter is not None or listing.is_complete is False:",
        "if listing.is_complete is False:",
    ),
    "what an unverified listing lacks has vanished": Mutation(
        f"{LOAD}/passes.py",
        "return counts.is_consistent and counts.total == listing.counted",
        "return True",
    ),
    "another user's listing makes records vanish": Mutation(
        f"{LOAD}/run.py", "user == before or job", "True or job"
    ),
    "the views are not made": Mutation(
        f"{LOAD}/run.py",
        "record_rates(connection, rates)",
        "record_rates(connection, rates); return run",
    ),
    "tags of a deal are never renewed": Mutation(
        f"{LOAD}/tags.py", "if changed == [(0,)]:", "if changed != [(-1,)]:"
    ),
    "days that lost searches are kept": Mutation(
        f"{LOAD}/days.py", 'having = "" if everything else', 'having = "" if False else'
    ),
    "any counts agree": Mutation(
        f"{LOAD}/reconcile.py",
        "return Reconciliation(is_reconciled=False, differences=_in_order(differences))",
        "return Reconciliation(is_reconciled=True)",
    ),
    "a new warehouse is not made whole": Mutation(
        "partner_referrals/warehouse/connection.py", "draft.replace(path)", "path.touch()"
    ),
    "two loads may run at once": Mutation(
        "partner_referrals/warehouse/lock.py",
        '    with lock_file(file, f"Another load of {warehouse}", wait_seconds):\n        yield',
        "    yield",
    ),
}


def is_found(mutation: Mutation) -> bool:
    """Whether the simulation fails with this mistake."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as place:
        for folder in ("pipelines", "sql"):
            shutil.copytree(ROOT / folder, Path(place) / folder)
        file = Path(place) / "pipelines" / mutation.file
        text = file.read_text("utf-8")
        assert text.count(mutation.old) == 1, mutation
        file.write_text(text.replace(mutation.old, mutation.new), "utf-8")
        return any(not _passes(Path(place) / "pipelines", seed) for seed in SEEDS)


def _passes(packages: Path, seed: str) -> bool:
    command = [
        sys.executable, "-m", "pytest", "-q", "-x", "-m", "sweep", "--short", "--timeout=0",
        f"--hypothesis-seed={seed}", "tests/load/test_simulation.py",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(packages), "WITHOUT_SHRINKING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True).returncode == 0


def main() -> None:
    """Try the mutations that are named, or all."""
    names = sys.argv[1:] or list(MUTATIONS)
    found = 0
    for name in names:
        outcome = is_found(MUTATIONS[name])
        found += outcome
        print(f"{'found ' if outcome else 'MISSED'}  {name}", flush=True)
    print(f"{found} of {len(names)} found")


if __name__ == "__main__":
    main()
