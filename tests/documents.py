"""Finds the code in the project's documents, so that the tests can run it."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: str, language: str, heading: str = "") -> list[str]:
    """The code blocks in a language, of a document or of the section below a heading."""
    text = (ROOT / document).read_text("utf-8")
    if heading:
        (text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return [code for name, code in _FENCE.findall(text) if name == language]
