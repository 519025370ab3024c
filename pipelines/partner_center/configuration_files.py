"""The files of dlt's configuration: where they are, what they hold, whether every key is known."""

import os
import re
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from partner_center.errors import UsageError

Document = dict[str, Any]
_FOLDER = ".dlt"
_POSITION = re.compile(r" \(at (line (?P<line>\d+), column \d+|end of document)\)$")
# How alike names of sections must be: dlt and other sources have sections of their own.
_SECTION_CUTOFF = 0.8
_KEY_CUTOFF = 0.6


def find_files() -> list[Path]:
    """The files that exist, those that win first: secrets before config, ours before the user's."""
    names = ("secrets.toml", "config.toml")
    files = [place / name for name in names for place in settings_directories()]
    return [file for file in files if file.is_file()]


def settings_directories() -> tuple[Path, Path]:
    """The project's directory and the user's, as dlt has them.

    dlt could be asked itself, but is imported in half a second, which `referrals query` can do
    without.
    """
    return Path(os.environ.get("DLT_PROJECT_DIR", "."), _folder()), _user_directory()


def _folder() -> str:
    return os.environ.get("DLT_CONFIG_FOLDER", _FOLDER)


def _user_directory() -> Path:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/dlt")
    # Path's own raises where there is no home.
    home = os.path.expanduser("~")  # noqa: PTH111
    if not os.access(home, os.W_OK):
        return Path(tempfile.gettempdir(), "dlt")
    if "XDG_DATA_HOME" in os.environ and not Path(home, _folder()).is_dir():
        return Path(os.environ["XDG_DATA_HOME"], "dlt")
    return Path(home, _folder())


def base_directory(file: Path) -> Path:
    """From where a relative path in `file` starts: the directory that holds `.dlt`."""
    return file.parent.parent if file.parent.name == _folder() else file.parent


def look_up(section: str, key: str) -> tuple[Any, Path]:
    """A value, and the directory from which a relative path in it starts; "" if there is none.

    Files that cannot be read are passed over: `read_file` reports them.
    """
    for file in find_files():
        try:
            found = _section(read_file(file), section).get(key, "")
        except UsageError:
            continue
        if found != "":
            return found, base_directory(file)
    return "", Path()


def resolve_path(text: str, directory: Path, option: str) -> Path:
    """The path that a setting names, from `directory` if it is relative.

    Raises UsageError for one that nobody can have meant; `option` is the setting's name.
    """
    if not text.isprintable():
        raise UsageError(
            f"{option} is {text!r}, which holds a control character. Write a Windows path in "
            r"single quotes: 'C:\new'."
        )
    if not text.startswith("~"):
        return directory / Path(text)
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UsageError(
            f"{option} is '{text}', but nothing says where the home directory is. Write the whole "
            "path, or set HOME."
        ) from error


def read_files() -> dict[Path, Document]:
    """What each file holds; raises UsageError where one is not TOML."""
    return {path: read_file(path) for path in find_files()}


def read_file(file: Path) -> Document:
    """What a file holds; raises UsageError, with its line, where it is not TOML."""
    try:
        text = file.read_bytes().decode()
        if text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"):
            raise UsageError(
                f"{file} begins with a byte order mark, which TOML does not allow. Save it as "
                "'UTF-8', not 'UTF-8 with BOM'. Nothing was done."
            )
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{file} is not UTF-8 text (byte {error.start}). Save it as UTF-8 without a byte order "
            "mark. Nothing was done."
        ) from error
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}. Nothing was done; correct its permissions."
        ) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(_explain(file, text, str(error))) from error


def _explain(file: Path, text: str, error: str) -> str:
    position = _POSITION.search(error)
    lines = text.split("\n")
    number = int(position["line"]) if position and position["line"] else len(lines)
    has_backslash = "\\" in lines[number - 1]
    hint = r" Write Windows paths in single quotes: 'C:\srv'." if has_backslash else ""
    reason = _POSITION.sub("", error)
    return (
        f"{file}, line {number}, is not TOML: {reason}.{hint} Nothing was done; correct the line."
    )


def check_names(
    documents: Mapping[Path, Document],
    variables: Iterable[str],
    known: Mapping[str, set[str]],
    *,
    are_alone: bool = True,
) -> None:
    """Raise UsageError for a key in one of our sections that nobody knows.

    `known` has the keys by section, dots between the levels. A section spelt nearly like one of
    ours is refused too, unless others stand beside ours (`are_alone` false); all others are dlt's,
    or another source's.
    """
    for file, document in documents.items():
        _check_section(document, "", known, f"in {file}", are_alone)
    for variable in variables:
        *levels, key = variable.lower().split("__")
        keys = known.get(".".join(levels))
        if keys is not None and key not in keys:
            raise _unknown(variable, key, keys, "in the environment")


def _check_section(
    document: Document, section: str, known: Mapping[str, set[str]], place: str, are_alone: bool
) -> None:
    """Check the keys of one section, and the sections inside it."""
    prefix = f"{section}." if section else ""
    keys = known.get(section)
    inner = {
        each.removeprefix(prefix).partition(".")[0] for each in known if each.startswith(prefix)
    }
    for key, value in document.items():
        if isinstance(value, dict) and key in inner:
            _check_section(value, f"{prefix}{key}", known, place, are_alone)
        elif isinstance(value, dict) and are_alone:
            # A second account of the same source may have a section whose name begins like ours.
            others = [each for each in inner if not key.startswith(each)]
            if get_close_matches(key, others, cutoff=_SECTION_CUTOFF):
                raise _unknown(f"[{prefix}{key}]", key, inner, place)
        elif keys is not None and key not in keys and not isinstance(value, dict):
            raise _unknown(f"'{key}' in [{section}]", key, keys, place)
        elif keys is None and key in inner:
            raise UsageError(f"[{prefix}{key}] must be a section, but is a value {place}.")


def _unknown(name: str, key: str, known: Iterable[str], place: str) -> UsageError:
    near = get_close_matches(key, known, n=1, cutoff=_KEY_CUTOFF)
    hint = f"Did you mean '{near[0]}'?" if near else f"Known are: {', '.join(sorted(known))}."
    return UsageError(f"There is no setting {name}, found {place}. {hint} Nothing was done.")


def _section(document: Document, section: str) -> Document:
    for level in section.split("."):
        found = document.get(level)
        document = found if isinstance(found, dict) else {}
    return document
