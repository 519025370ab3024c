"""PostgreSQL and Spark on this machine, each started for the tests that need it."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from support.environments import make_environment

SPARK_PACKAGES = ("pyspark==4.3.0",)
_USER = "referrals"


@contextmanager
def running_postgres() -> Iterator[str]:
    """A new PostgreSQL, gone at the end; its address, without the database's name."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as directory:
        with _serving(Path(directory)) as address:
            yield address


@contextmanager
def _serving(directory: Path) -> Iterator[str]:
    programs = _find_postgres()
    data, port = directory / "data", _free_port()
    directory.chmod(0o755)
    data.mkdir()
    as_user = _without_root(data)
    _run(*as_user, programs / "initdb", "-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8",
         "--locale=C", "--no-sync")  # fmt: skip
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            [*as_user, programs / "postgres", "-D", data, "-p", str(port), "-k", data,
             "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
            stdout=log, stderr=log, cwd="/",
        )  # fmt: skip
    try:
        _wait_until_it_answers(server, f"postgresql://{_USER}@127.0.0.1:{port}")
        yield f"postgresql://{_USER}@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _wait_until_it_answers(server: subprocess.Popen[bytes], address: str) -> None:
    while True:
        assert server.poll() is None, "PostgreSQL did not start; its data directory has a log"
        try:
            psycopg2.connect(f"{address}/postgres").close()
        except psycopg2.OperationalError:
            time.sleep(0.1)
        else:
            return


def _find_postgres() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    assert on_path, "PostgreSQL is not installed; on Debian: apt install postgresql"
    return Path(on_path).parent


def _without_root(data: Path) -> list[str]:
    """What goes before a command, since PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(data, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def run_statements(address: str, statements: list[str]) -> None:
    """Run statements in one transaction."""
    with psycopg2.connect(address) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def make_spark(directory: Path) -> Path:
    """An environment with PySpark; its Python."""
    assert shutil.which("java"), (
        "Java is not installed; on Debian: apt install openjdk-17-jre-headless"
    )
    return make_environment(directory, *SPARK_PACKAGES)


def run_script(python: Path, script: Path, order: dict[str, Any]) -> str:
    """What a script of Spark's prints; it reads from a JSON file what to do."""
    with tempfile.TemporaryDirectory() as directory:
        # The statements are longer than an argument may be.
        path = Path(directory) / "order.json"
        path.write_text(json.dumps(order), encoding="utf-8")
        return _run(
            python,
            script,
            path,
            PYTHONPATH=str(Path(__file__).parents[1]),
            SPARK_LOCAL_IP="127.0.0.1",
        )


def _run(*command: object, **environment: str) -> str:
    with tempfile.TemporaryDirectory() as place:
        # For what a program leaves wherever it is started.
        Path(place).chmod(0o755)
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            cwd=place,
            env={**os.environ, **environment},
        )
    assert 0 == done.returncode, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
