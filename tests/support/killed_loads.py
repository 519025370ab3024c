"""Runs loads in forked children that die at their n-th statement or file operation.

Reads one JSON object a line from stdin, {"warehouse": ..., "kill_at": n, "hours": h}, and answers
each with one: the points that the load passed, and how it ended. A text as n is the SQL to die at.
With "signal" another one than SIGKILL is sent, and with "file_bytes" no file may grow larger.
A statement that follows one which only reads is no point of its own: what a kill leaves on disk is
the same before both.
Forking saves importing dlt anew for each of hundreds of loads.
"""

import json
import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from partner_referrals.errors import ReferralsError
from partner_referrals.load import LoadOptions, load_resources
from support.records import NOW

# Every way in which this program and dlt reach DuckDB or change a file's name.
STATEMENTS = ("execute", "executemany", "sql", "begin", "commit", "rollback")
READS = re.compile(r"\s*(select|from|set|pragma|describe)\b", re.IGNORECASE)
FILE_OPERATIONS = ("rename", "replace", "remove", "unlink", "rmdir", "mkdir")


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(ours)
            _load(order, theirs)
        os.close(theirs)
        with os.fdopen(ours) as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        answer = {"code": os.waitstatus_to_exitcode(status)}
        print(json.dumps(answer | (json.loads(told) if told else {})), flush=True)


def _load(order: dict[str, Any], pipe: int) -> None:
    """One load; this process ends in here."""
    points: list[str] = []
    last = ""
    signal_number = signal.Signals[order.get("signal", "SIGKILL")]

    def pass_point(what: Any) -> None:
        nonlocal last
        is_new = not READS.match(last)
        last = str(what)
        if is_new:
            points.append(last)
        if order["kill_at"] == what or (is_new and order["kill_at"] == len(points)):
            os.kill(os.getpid(), signal_number)

    os.environ.update(order["environment"])
    now: datetime = NOW + timedelta(hours=order["hours"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if limit := order.get("file_bytes"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for name in STATEMENTS:
        _watch(duckdb.DuckDBPyConnection, name, 1, pass_point)
    for name in FILE_OPERATIONS:
        _watch(os, name, 0, pass_point)
    code, said = 0, ""
    try:
        warehouse, options = Path(order["warehouse"]), LoadOptions(allow_vanish=True)
        load_resources(warehouse, options, clock=lambda: now).raise_worst()
    except ReferralsError as error:
        code = error.exit_code
        said = str(error)
    except KeyboardInterrupt:
        code = 130
    os.write(pipe, json.dumps({"points": points, "said": said}).encode())
    os._exit(code)


def _watch(owner: Any, name: str, subject: int, pass_point: Callable[[Any], None]) -> None:
    """Tell the subject of each call (SQL, path) just before it; the call itself is the real one."""
    real = getattr(owner, name)

    def watched(*arguments: Any, **options: Any) -> Any:
        pass_point(arguments[subject] if len(arguments) > subject else name)
        return real(*arguments, **options)

    setattr(owner, name, watched)


if __name__ == "__main__":
    main()
