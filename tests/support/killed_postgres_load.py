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

from partner_referrals.load.postgres import load_into_postgres
from partner_referrals.load.postgres_server import PostgresServer
from support.records import NOW

# Every way in which this program changes the server.
CALLS = ("execute", "copy", "commit")


def main() -> None:
    place, kill_at, hours = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    count = 0

    def watch(name: str) -> None:
        real = getattr(PostgresServer, name)

        def watched(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        setattr(PostgresServer, name, watched)

    for name in CALLS:
        watch(name)
    now = NOW + timedelta(hours=hours)
    load_into_postgres(place / "referrals.duckdb", clock=lambda: now)
    print(count)


if __name__ == "__main__":
    main()
