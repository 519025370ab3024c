"""Finds the code in the project's documents, so that the tests can run it."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
SUPPORT = Path(__file__).parent
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str, heading: str = "") -> list[str]:
    """The code blocks in a language, of a document or of the section below a heading."""
    text = (ROOT / document).read_text("utf-8")
    if heading:
        (text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return [code for name, code in _FENCE.findall(text) if name == language]


def documents() -> list[str]:
    """What users read: the README, how to contribute, and everything in docs."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [str(path.relative_to(ROOT)) for path in paths]


def commands(document: str) -> list[list[str]]:
    """The arguments of each `referrals` command in a document's consoles and texts, once each."""
    shown = [
        line.removeprefix("$ ")
        for block in blocks(document, "console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    named = re.findall(r"`(referrals [^`\n]+)`", (ROOT / document).read_text("utf-8"))
    found = []
    for line in [*shown, *named]:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.commenters = "#" if line in shown else ""
        words = list(lexer)
        for start, word in enumerate(words, start=1):
            if word in ("referrals", ".venv/bin/referrals"):
                rest = words[start:]
                ends = (n for n, each in enumerate(rest) if set(each) <= set("|&;<>"))
                command = rest[: next(ends, len(rest))]
                found += [command] if command not in found else []
    return found
