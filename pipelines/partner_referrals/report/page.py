"""Puts figures, style and scripts together into one page."""

import base64
import functools
import hashlib
import json
from pathlib import Path
from string import Template
from typing import Any

import vl_convert

_PAGE = Path(__file__).parent / "page"
_SCRIPTS = (
    "wording.js",
    "figures.js",
    "elements.js",
    "tiles.js",
    "chart.js",
    "sections/funnel.js",
    "sections/trend.js",
    "sections/cohorts.js",
    "sections/wins.js",
    "sections/curves.js",
    "sections/durations.js",
    "sections/open.js",
    "first.js",
    "trust.js",
    "page.js",
)

# In JSON these stand only inside strings; escaped, no name can end the script element around it.
_INERT = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&"})


def render_page(figures: dict[str, Any]) -> str:
    """The whole page as HTML; it may run its own two scripts and fetch nothing."""
    charting = _charting()
    drawing = "(() => {\n'use strict';\n" + "\n".join(map(_read, _SCRIPTS)) + "})();\n"
    return Template(_read("page.html")).substitute(
        script_hashes=f"{_source_hash(charting)} {_source_hash(drawing)}",
        style=_read("page.css"),
        figures=_script_json(figures),
        charting=charting,
        drawing=drawing,
    )


@functools.cache
def _charting() -> str:
    """Vega-Embed with all that it needs in one script, as the package brings it; takes a second."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


def _read(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _script_json(figures: dict[str, Any]) -> str:
    # Everything beyond ASCII is escaped too, U+2028 among it.
    return json.dumps(figures, allow_nan=False, separators=(",", ":")).translate(_INERT)


def _source_hash(script: str) -> str:
    """A script as a content security policy names it."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
