"""Runs publishes in forked children that die at their n-th statement or file operation.

Reads one JSON object a line from stdin, {"warehouse": ..., "target": ..., "kill_at": n}, and
answers each with one: how many points the publish passed, and how it ended.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from partner_referrals.errors import ReferralsError
from partner_referrals.publish.publish import publish

# Every way in which a publish reaches DuckDB or changes a file.
POINTS = {
    "execute",
    "open", "fsync", "chmod", "mkdir", "rename", "replace", "remove", "unlink", "rmdir",
}  # fmt: skip


def main() -> None:
    for line in sys.stdin:
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            _publish(json.loads(line), theirs)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps({"code": code, "points": int(told or 0)}), flush=True)


def _publish(order: dict[str, Any], pipe: int) -> None:
    """One publish; this process ends in here."""
    point_count = 0

    def watch(frame: Any, event: str, called: Any) -> None:
        nonlocal point_count
        if event == "c_call" and called.__name__ in POINTS and _is_point(called):
            point_count += 1
            if point_count == order["kill_at"]:
                os.kill(os.getpid(), signal.SIGKILL)

    threading.setprofile(watch)
    sys.setprofile(watch)
    code = 0
    try:
        publish(Path(order["warehouse"]), Path(order["target"]))
    except ReferralsError as error:
        code = error.exit_code
    sys.setprofile(None)
    os.write(pipe, str(point_count).encode())
    os._exit(code)


def _is_point(called: Any) -> bool:
    owner = type(getattr(called, "__self__", None)).__name__
    return owner == "DuckDBPyConnection" or getattr(called, "__module__", "") == "posix"


if __name__ == "__main__":
    main()
