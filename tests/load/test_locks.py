"""One load at a time, on file systems of every kind."""

import errno
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from partner_referrals.errors import Locked, UsageError
from partner_referrals.warehouse.connection import open_warehouse
from partner_referrals.warehouse.lock import run_lock

_SOURCE = Path(__file__).parent.parent / "support" / "share.c"


@pytest.fixture(scope="session")
def share(tmp_path_factory):
    """The library that makes system calls fail as on a network share."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    library = tmp_path_factory.mktemp("share") / "share.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True)
    return library


def on_share(library: Path, code: str, **refused: int) -> subprocess.Popen[str]:
    """Starts Python where these system calls fail, with the error numbers given."""
    environment = {"LD_PRELOAD": str(library)}
    environment |= {f"REFUSE_{name.upper()}": str(number) for name, number in refused.items()}
    return subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("refusal", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
def test_one_of_two_refuses_where_files_cannot_be_locked(share, warehouse, refusal):
    """Also without the system's locks, the second load keeps away from the first one's work."""
    hold = (
        "from pathlib import Path\n"
        "from partner_referrals.warehouse.lock import run_lock\n"
        f"with run_lock(Path({str(warehouse)!r}), 0):\n    print('held', flush=True)\n    input()"
    )

    with on_share(share, hold, flock=refusal) as first:
        assert "held\n" == first.stdout.readline()
        with on_share(share, hold, flock=refusal) as second:
            _, told = second.communicate(timeout=30)
        assert f"(process {first.pid})" in told.splitlines()[-1]
        first.communicate("\n", timeout=30)
        assert 0 == first.returncode

    with on_share(share, hold, flock=refusal) as third:
        assert ("held\n", "") == third.communicate("\n", timeout=30)
    assert not list(warehouse.parent.glob("*.held"))


def test_database_that_cannot_be_locked_is_told_for_what_it_is(share, warehouse):
    """No process holds it, so nobody is waited for, and none is named."""
    code = f"import duckdb; duckdb.connect({str(warehouse)!r})"
    with on_share(share, code, fcntl=errno.ENOLCK) as refused:
        _, told = refused.communicate(timeout=30)
    opened = (
        "from pathlib import Path\n"
        "from partner_referrals.warehouse.connection import open_warehouse\n"
        f"with open_warehouse(Path({str(warehouse)!r})): pass"
    )
    with on_share(share, opened, fcntl=errno.ENOLCK) as ours:
        _, said = ours.communicate(timeout=30)

    assert "No locks available" in told
    assert "UsageError: The file system of" in said
    assert "held by" not in said
    assert [] == list(warehouse.parent.glob("*.new"))


def test_waiting_for_another_load_is_said_when_it_begins(warehouse, caplog):
    """With the process that is waited for, and for how long."""
    held, waited = threading.Event(), threading.Event()

    def load():
        with run_lock(warehouse):
            held.set()
            waited.wait(10)

    other = threading.Thread(target=load)
    other.start()
    held.wait(10)
    threading.Timer(0.3, waited.set).start()
    with run_lock(warehouse):
        pass
    other.join()

    (said,) = caplog.messages
    assert f"Another load of {warehouse} is running (process {os.getpid()})" in said
    assert "60 s at most" in said
    assert [] == list(warehouse.parent.glob("*.pid"))


def test_waiting_for_the_warehouse_is_said_when_it_begins(warehouse):
    """On standard error, with the time, before the command ends."""
    duckdb.connect(str(warehouse)).close()
    with open_warehouse(warehouse), subprocess.Popen(
        [sys.executable, "-m", "partner_referrals", "status", "--warehouse", warehouse],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as waiting:  # fmt: skip
        said = waiting.stderr.readline()
        waiting.terminate()
        waiting.communicate(timeout=30)

    assert f"Z The warehouse {warehouse} is held by " in said
    assert f"(PID {os.getpid()})" in said
    assert 130 == waiting.returncode


def test_file_that_windows_says_is_used_is_held(warehouse, monkeypatch):
    """Windows has no locks to ask for; the sentence of the system means the same there."""
    sentence = (
        f'IO Error: Cannot open file "{warehouse}": The process cannot access the file because '
        "it is being used by another process."
    )
    duckdb.connect(str(warehouse)).close()
    monkeypatch.setattr(duckdb, "connect", lambda *_, **__: (_ for _ in ()).throw(
        duckdb.IOException(sentence)
    ))  # fmt: skip

    with pytest.raises(Locked, match="is held by another process"), \
            open_warehouse(warehouse, wait_seconds=0):  # fmt: skip
        pass


def test_lock_that_cannot_be_written_is_told(warehouse):
    """A directory in its place, for one."""
    warehouse.with_name(f"{warehouse.name}.lock").mkdir()

    with pytest.raises(UsageError, match=r"The lock .* cannot be written"), run_lock(warehouse, 0):
        pass


@pytest.mark.parametrize("leads_to", ["unmounted/r.duckdb", "link.duckdb"])
def test_link_that_leads_nowhere_is_refused(tmp_path, leads_to):
    """A disk that is not mounted tonight: no new warehouse takes the place of the link."""
    link = tmp_path / "link.duckdb"
    link.symlink_to(tmp_path / leads_to)

    with pytest.raises(UsageError, match=r"is a link to .* which is not there"), run_lock(link):
        pass

    assert link.is_symlink()


def test_link_to_a_warehouse_is_that_warehouse(warehouse, tmp_path):
    """Its load waits for one of the file itself, and leaves nothing beside the link."""
    with open_warehouse(warehouse):
        pass
    (tmp_path / "other").mkdir()
    link = tmp_path / "other" / "link.duckdb"
    link.symlink_to(warehouse)

    with run_lock(warehouse), pytest.raises(Locked), run_lock(link, 0):
        pass
    with open_warehouse(link) as connection:
        connection.execute("create table made as select 1 as n")
        assert [link] == list(link.parent.iterdir())
    with open_warehouse(warehouse, read_only=True) as connection:
        assert [(1,)] == connection.execute("from made").fetchall()
