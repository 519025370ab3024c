"""One load into PostgreSQL that dies at its n-th call of the server.

Takes the working directory, n (0: never) and the hours that have passed; prints how many calls
there were.
"""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient

from partner_center import connect
from partner_center.settings import resolve_settings
from partner_referrals.load.postgres import mirrored
from partner_referrals.load.run import Load, Wishes
from support.loads import Notes
from support.records import NOW

# Every way in which this program and dlt reach the server.
CALLS = ("execute_query", "begin_transaction", "commit_transaction", "close_connection")


def main() -> None:
    place, kill_at, hours = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    count = 0

    def watch(name: str) -> None:
        real = getattr(Psycopg2SqlClient, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(Psycopg2SqlClient, name, watched)

    for name in CALLS:
        watch(name)
    settings = resolve_settings()
    now = NOW + timedelta(hours=hours)
    with mirrored("postgres", place / "referrals.duckdb", None) as mirror:
        Load(settings, connect(settings), mirror, Wishes(), lambda: now, Notes()).run()
    print(count)


if __name__ == "__main__":
    main()
