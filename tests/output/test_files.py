"""Files that are written for users."""

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from partner_referrals.errors import ReferralsError, UsageError
from partner_referrals.output.files import write_file


def write(path: Path, contents: bytes = b"new", **options: object) -> None:
    with write_file(path, **options) as file:
        file.write(contents)


def test_file_is_whole_or_as_before(tmp_path):
    """A failure on the way leaves the old contents, and no draft."""
    file = tmp_path / "out.html"
    file.write_bytes(b"old")

    with pytest.raises(RuntimeError), write_file(file) as out:  # noqa: PT012
        out.write(b"half")
        raise RuntimeError

    assert {file: b"old"} == {path: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize("alias", ["same", "link", "hard link", "through a linked folder", "dots"])
def test_output_is_never_an_input(tmp_path, alias):
    """By whatever path it is named, a file that is read is not written."""
    source = tmp_path / "warehouse.duckdb"
    source.write_bytes(b"precious")
    names = {"same": source, "dots": tmp_path / ".." / tmp_path.name / source.name}
    names["link"] = tmp_path / "link"
    names["link"].symlink_to(source)
    names["hard link"] = tmp_path / "hard"
    names["hard link"].hardlink_to(source)
    (tmp_path / "folder").symlink_to(tmp_path)
    names["through a linked folder"] = tmp_path / "folder" / source.name

    with pytest.raises(UsageError, match="same file"):
        write(names[alias], inputs=[source])

    assert b"precious" == source.read_bytes()


def test_link_is_written_through(tmp_path):
    """The link stays a link, and its target gets the contents."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)

    write(link)

    assert (True, b"new") == (link.is_symlink(), target.read_bytes())


def test_fifo_is_written_through(tmp_path):
    """Whoever reads the FIFO gets the contents, and it stays a FIFO."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()

    write(fifo)
    reader.join()

    assert ([b"new"], True) == (read, fifo.is_fifo())


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "is a directory"), ("nowhere/x", "no directory"), ("x" * 300, "x" * 300)],
)
def test_unusable_path_is_refused(tmp_path, name, said):
    """Before anything is written, with the path named."""
    with pytest.raises(UsageError, match=said):
        write(tmp_path / name)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_permissions_follow_the_umask(tmp_path, umask, mode):
    """As of any file that a program makes."""
    before = os.umask(umask)
    try:
        write(tmp_path / "out")
    finally:
        os.umask(before)

    assert mode == stat.S_IMODE((tmp_path / "out").stat().st_mode)


@pytest.mark.parametrize(
    ("code", "fails"), [(errno.EINVAL, False), (errno.EPERM, False), (errno.ENOSPC, True)]
)
def test_durability_is_tried_not_required(tmp_path, monkeypatch, code, fails):
    """A share without fsync gets its file; a full disk is told."""

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    file = tmp_path / "out"
    if fails:
        with pytest.raises(ReferralsError, match="could not be written"):
            write(file)
    else:
        write(file)
    assert fails is not file.exists()
    assert [] == list(tmp_path.glob(".*"))
