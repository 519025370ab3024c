"""Puts figures, style and scripts together into one page."""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from partner_referrals.report.columns import pack_columns
from partner_referrals.report.figures import Figures, first_months
from partner_referrals.report.static import write_glossary, write_sections
from partner_referrals.report.words import Words

_PAGE = Path(__file__).parent / "page"
_SCRIPTS = (
    "wording.js",
    "data.js",
    "measures.js",
    "elements.js",
    "charts.js",
    "filters.js",
    "listing.js",
    "sections/today.js",
    "sections/standing.js",
    "sections/ends.js",
    "sections/funnel.js",
    "sections/wins.js",
    "sections/value.js",
    "sections/forecast.js",
    "sections/curve.js",
    "sections/cohorts.js",
    "sections/respond.js",
    "sections/steps.js",
    "sections/open.js",
    "sections/trust.js",
    "page.js",
)
# So many referrals, and deals, are listed with their names; all are counted.
LISTED = 50_000

# In JSON these stand only inside strings; escaped, no name can end the script element around it.
_INERT = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&"})


def render_page(
    figures: Figures,
    words: Words,
    *,
    targets: Mapping[str, float] | None = None,
    is_anonymous: bool = False,
) -> str:
    """The whole page as HTML; it may run its own script and fetch nothing."""
    script = "(() => {\n'use strict';\n" + "\n".join(map(_read, _SCRIPTS)) + "})();\n"
    as_of = figures.as_of
    scope = words.say("scope", moment=words.moment(as_of)) if as_of else words.say("scope.none")
    if is_anonymous:
        scope += f" {words.say('scope.anonymous')}"
    labels = {
        key.replace(".", "_"): escape(words.say(key))
        for key, entry in words.entries.items()
        if isinstance(entry, str) and "{" not in entry
    }
    return Template(_read("page.html")).substitute(
        labels,
        language_code=words.code,
        script_hash=_source_hash(script),
        style=_read("page.css"),
        document_title=escape(
            words.say("title.as_of", moment=words.moment(as_of)) if as_of else words.say("title")
        ),
        scope=escape(scope),
        referral_count=escape(words.say("count.referrals", n=figures.referrals.num_rows)),
        sections=write_sections(figures, words),
        glossary=write_glossary(words),
        language=_script_json({"code": words.code, "words": words.entries}),
        figures=_script_json(_describe(figures, dict(targets or {}))),
        script=script,
    )


def _describe(figures: Figures, targets: dict[str, float]) -> dict[str, Any]:
    """What the scripts get; moments in seconds, months counted from January 1970."""
    first, first_complete = first_months(figures)
    last_month = None if figures.as_of is None else _month_number(figures.as_of)
    (freshness,) = figures.marts["freshness"]
    facts = {name: _plain(value) for name, value in freshness.items()}
    facts |= {
        "as_of": _plain(figures.as_of),
        "first_month": last_month if first is None else _month_number(first),
        "first_complete_month": (
            last_month if first_complete is None else _month_number(first_complete)
        ),
        "last_month": last_month,
        "org_sizes": [row["customer_org_size"] for row in figures.marts["org_sizes"]],
    }
    return {
        "facts": facts,
        "targets": targets,
        "rules": figures.rules,
        "issue_rules": figures.issue_rules,
        "forecasts": figures.marts["forecasts"],
        "chances": figures.marts["chances"],
        "referrals": pack_columns(
            figures.referrals,
            {"referral_id": LISTED, "customer_name": LISTED},
        ),
        "deals": pack_columns(
            figures.deals,
            {"deal_id": LISTED, "deal_name": LISTED, "customer_name": LISTED},
        ),
    }


def _month_number(day: date) -> int:
    return (day.year - 1970) * 12 + day.month - 1


def _plain(value: Any) -> Any:
    """A value as JSON has it; moments in seconds since 1970."""
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1)).total_seconds()
    return value


def _read(name: str) -> str:
    return (_PAGE / name).read_text(encoding="utf-8")


def _script_json(values: dict[str, Any]) -> str:
    # Everything beyond ASCII is escaped too, U+2028 among it.
    return json.dumps(values, allow_nan=False, separators=(",", ":")).translate(_INERT)


def _source_hash(script: str) -> str:
    """A script as a content security policy names it."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
