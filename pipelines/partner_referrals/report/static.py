"""Writes the part of the page that needs no scripts: headline numbers and tables."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from html import escape

import pyarrow as pa
import pyarrow.compute as pc

from partner_referrals.report.figures import Figures, Row, overdue_deals
from partner_referrals.report.words import Words

_TODAY_ROWS = 15
_TODAY_COLUMNS = ("referral_id", "customer_name", "created_on")
_DEADLINES = ("expires_at", "answer_due_at")
_SOON = timedelta(days=3)
_MONTHS = 12
# Of fewer no share is told, as FEW in page/data.js.
_FEW = 10

# Every section in its order.
SECTIONS = (
    "today",
    "standing",
    "ends",
    "funnel",
    "wins",
    "value",
    "forecast",
    "curve",
    "cohorts",
    "respond",
    "steps",
    "open",
    "trust",
)


def write_sections(figures: Figures, words: Words) -> str:
    """All sections as HTML, those that the marts answer with their figures for all referrals."""
    bodies = {
        "today": _today(figures, words),
        "standing": _standing(figures, words),
        "ends": _ends(figures, words),
        "funnel": _funnel(figures, words),
        "wins": _wins(figures, words),
        "value": _value(figures, words),
        "forecast": _forecast(figures, words),
        "steps": _steps(figures, words),
        "trust": _trust(figures, words),
    }
    return "\n".join(_section(name, bodies.get(name, ""), words) for name in SECTIONS)


def write_glossary(words: Words) -> str:
    """The terms of the report and what they mean."""
    terms = "".join(
        f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>"
        for term, meaning in words.entries["glossary"]
    )
    return (
        '<section class="card" id="glossary">'
        f"<h2>{escape(words.say('glossary.title'))}</h2><dl>{terms}</dl></section>"
    )


def _section(name: str, body: str, words: Words) -> str:
    note = words.entries.get(f"{name}.note")
    # Scripts fill, and show, a section that has nothing without them.
    hidden = "" if body else " hidden"
    return (
        f'<section class="card" id="{name}"{hidden}><h2>{escape(words.say(f"{name}.title"))}</h2>'
        f'<div class="answer"></div><div class="body">{body}</div>'
        + (f'<p class="note">{escape(note)}</p>' if note else "")
        + "</section>"
    )


def _table(
    caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1
) -> str:
    """A table whose columns after the first `texts` hold numbers."""

    def column(place: int) -> str:
        return "" if place < texts else ' class="number"'

    head = "".join(
        f'<th scope="col"{column(place)}>{escape(heading)}</th>'
        for place, heading in enumerate(headings)
    )
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(
            f"<td{column(place)}>{escape(cell)}</td>" for place, cell in enumerate(row[1:], 1)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _today(figures: Figures, words: Words) -> str:
    as_of = figures.as_of
    if as_of is None:
        return ""
    rows: list[Row] = (
        figures.referrals.filter(
            pc.field("expires_at").is_valid() | pc.field("answer_due_at").is_valid()
        )
        .select([*_TODAY_COLUMNS, "expires_at", "answer_due_at"])
        .to_pylist()
    )
    running = sorted(
        (min(later), row["referral_id"], row)
        for row in rows
        if (later := [row[name] for name in _DEADLINES if row[name] and row[name] >= as_of])
    )

    def soon(name: str) -> int:
        ends = as_of + _SOON
        return sum(row[name] is not None and as_of <= row[name] < ends for row in rows)

    overdue, slow = _late(figures.referrals, as_of)
    counts = {
        "expiring": soon("expires_at"),
        "answers": soon("answer_due_at"),
        "overdue": overdue,
        "slow": slow,
        "deals": overdue_deals(figures),
    }
    said = [
        words.say(f"today.{name}", n=number, number=words.count(number))
        for name, number in counts.items()
        if number
    ]
    if not counts["expiring"]:
        said.insert(0, words.say("today.none"))
    sentences = "".join(f"<p>{escape(each)}</p>" for each in said)
    if not running:
        return sentences
    names = ("until", "what", "customer", "created", "referral")
    return sentences + _table(
        words.say("today.table"),
        [words.say(f"column.{name}") for name in names],
        (
            [
                words.moment(at),
                words.say("deadline.expires" if at == row["expires_at"] else "deadline.answer"),
                row["customer_name"] or "–",
                words.day(row["created_on"]),
                row["referral_id"],
            ]
            for at, _, row in running[:_TODAY_ROWS]
        ),
        texts=len(names),
    )


def _late(referrals: pa.Table, as_of: datetime) -> tuple[int, int]:
    """How many open referrals are past their expiry, and how many accepted ones are slow.

    Of fewer than ten that closed, nine in ten is no measure.
    """
    is_open = pc.field("outcome").is_null()
    is_accepted = pc.field("furthest_stage") == "accepted"
    overdue = is_open & ~is_accepted & (pc.field("expires_at") < as_of)
    slow = is_open & is_accepted & (pc.field("age_percentile") >= 0.9)
    closed = ~is_open & pc.field("furthest_stage").isin(["accepted", "won"])
    counts = [referrals.filter(each).num_rows for each in (overdue, slow, closed)]
    return counts[0], counts[1] if counts[2] >= _FEW else 0


def _standing(figures: Figures, words: Words) -> str:
    complete = [row for row in figures.marts["trends"] if row["is_complete"]]
    if not complete:
        return f"<p>{escape(words.say('standing.none'))}</p>"
    newest = complete[-1]
    decided = newest["won_count"] + newest["lost_count"]
    month = words.month(newest["period_start"])
    tiles = [
        (words.say("tile.created", month=month), words.count(newest["created_count"])),
        (words.say("tile.won", month=month), words.count(newest["won_count"])),
        (
            words.say("tile.win_rate", month=month),
            words.percent(newest["won_count"] / decided) if decided >= _FEW else "–",
        ),
    ]
    drawn = "".join(
        f'<div class="tile"><h3>{escape(title)}</h3><strong>{escape(figure)}</strong></div>'
        for title, figure in tiles
    )
    table = _table(
        words.say("standing.table"),
        [
            words.say("column.month"),
            *(words.name(name).capitalize() for name in ("created", "won", "lost")),
        ],
        (
            [
                words.month(row["period_start"])
                + ("" if row["is_complete"] else f" {words.say('month.unripe')}"),
                *(words.count(row[f"{name}_count"]) for name in ("created", "won", "lost")),
            ]
            for row in figures.marts["trends"][: -_MONTHS - 1 : -1]
        ),
    )
    return f'<div class="tiles">{drawn}</div>{table}'


def _ends(figures: Figures, words: Words) -> str:
    counted = figures.referrals["outcome"].fill_null("open").value_counts().to_pylist()
    total = figures.referrals.num_rows
    if not total:
        return ""
    return _table(
        words.say("ends.all"),
        [
            words.say("column.outcome"),
            words.say("column.referrals"),
            words.say("column.shares"),
        ],
        (
            [
                words.name(row["values"]).capitalize(),
                words.count(row["counts"]),
                words.percent(row["counts"] / total) if total >= _FEW else "–",
            ]
            for row in sorted(counted, key=lambda row: -row["counts"])
        ),
    )


def _funnel(figures: Figures, words: Words) -> str:
    return _table(
        words.say("funnel.all"),
        [words.say(f"column.{name}") for name in ("stage", "reached", "step", "cumulative")],
        (
            [
                words.name(row["stage"]).capitalize(),
                words.count(row["reached_count"]),
                *(
                    words.percent(row[name] if figures.referrals.num_rows >= _FEW else None)
                    for name in ("step_conversion_rate", "cumulative_conversion_rate")
                ),
            ]
            for row in figures.marts["funnel_stages"]
        ),
    )


def _wins(figures: Figures, words: Words) -> str:
    for row in figures.marts["win_rates"]:
        won, lost = row["won_count"], row["lost_count"]
        if won + lost >= _FEW:
            sentence = words.say(
                "wins.answer",
                rate=words.percent(row["win_rate"]),
                n=won + lost,
                low=words.percent(row["win_rate_low"]),
                high=words.percent(row["win_rate_high"]),
                accepted=words.percent(row["accepted_win_rate"]),
                all=words.percent(row["conversion_rate"]),
            )
            return f"<p>{escape(sentence)}</p>"
        if won + lost:
            return f"<p>{escape(words.say('wins.few', won=won, lost=lost))}</p>"
    return f"<p>{escape(words.say('wins.none'))}</p>"


def _value(figures: Figures, words: Words) -> str:
    """What deals are worth; nothing where none are loaded."""
    open_deals, win_rates, losses = (
        figures.marts[name] for name in ("pipeline", "deal_win_rates", "loss_reasons")
    )
    if not open_deals and not win_rates and not losses:
        return ""
    return (
        _headed(
            words.say("value.pipeline"),
            _table(
                words.say("value.pipeline"),
                [
                    words.say(f"column.{name}")
                    for name in ("stage", "deals", "usd", "overdue", "overdue_usd", "median_age")
                ],
                (
                    [
                        words.name(row["current_stage"]).capitalize(),
                        words.count(row["deal_count"]),
                        _worth(row, "value_usd", "converted_count", row["deal_count"], words),
                        words.count(row["overdue_count"]),
                        words.dollars(row["overdue_value_usd"]),
                        words.duration(row["median_age_days"]),
                    ]
                    for row in open_deals
                ),
            ),
        )
        + _headed(
            words.say("value.win_rates"),
            _table(
                words.say("value.win_rates"),
                [
                    words.say(f"column.{name}")
                    for name in (
                        "deals",
                        "won",
                        "lost",
                        "win_rate",
                        "won_usd",
                        "lost_usd",
                        "by_value",
                    )
                ],
                (
                    [
                        words.say("value.all")
                        if row["segment"] == "all"
                        else words.say(
                            "pair",
                            name=words.name(row["segment"]).capitalize(),
                            value=words.name(row["segment_value"] or words.say("value.none")),
                        ),
                        words.count(row["won_count"]),
                        words.count(row["lost_count"]),
                        *_rates_of_enough(row, words),
                    ]
                    for row in win_rates
                ),
            ),
        )
        + _headed(
            words.say("value.losses"),
            _table(
                words.say("value.losses"),
                [words.say(f"column.{name}") for name in ("reason", "outcome", "deals", "usd")],
                (
                    [
                        row["status_reason"] or words.say("value.none"),
                        words.name(row["outcome"]).capitalize(),
                        words.count(row["deal_count"]),
                        _worth(row, "value_usd", "converted_count", row["deal_count"], words),
                    ]
                    for row in losses
                ),
                texts=2,
            ),
        )
    )


def _worth(row: Row, value: str, converted: str, deals: int, words: Words) -> str:
    """An amount, with how many of these deals have a value where not all have."""
    usd = words.dollars(row[value])
    return (
        words.say("value.converted", usd=usd, n=row[converted])
        if 0 < row[converted] < deals
        else usd
    )


def _rates_of_enough(row: Row, words: Words) -> list[str]:
    """The win rate, both values and the win rate by value; shares only of ten or more."""
    is_enough = row["won_count"] + row["lost_count"] >= _FEW
    return [
        words.percent(row["win_rate"] if is_enough else None),
        *(
            _worth(row, f"{name}_value_usd", f"{name}_converted_count", row[f"{name}_count"], words)
            for name in ("won", "lost")
        ),
        words.percent(row["value_win_rate"] if is_enough else None),
    ]


def _forecast(figures: Figures, words: Words) -> str:
    rows = [row for row in figures.marts["forecasts"] if row["expected_won_count"] is not None]
    if not rows:
        return ""

    def ranged(row: Row, measure: str, show: Callable[[float | None], str]) -> list[str]:
        low, high = (row[f"expected_won_{measure}_{end}"] for end in ("low", "high"))
        interval = "–" if low is None else words.say("range", low=show(low), high=show(high))
        return [show(row[f"expected_won_{measure}"]), interval]

    return _table(
        words.say("forecast.title"),
        [
            words.say(f"column.{name}")
            for name in ("of", "open", "within", "wins", "eighty", "usd", "eighty", "held")
        ],
        (
            [
                words.name(row["source"]).capitalize(),
                words.count(row["open_count"]),
                words.duration(row["horizon_days"]),
                *ranged(row, "count", words.estimate),
                *ranged(row, "value_usd", words.dollars),
                words.say("forecast.held", part=row["within_count"], whole=row["past_count"])
                if row["past_count"]
                else "–",
            ]
            for row in rows
        ),
    )


def _headed(title: str, body: str) -> str:
    return f"<h3>{escape(title)}</h3>{body}"


def _steps(figures: Figures, words: Words) -> str:
    return _table(
        words.say("steps.table"),
        [words.say(f"column.{name}") for name in ("step_name", "referrals", "half", "nine")],
        (
            [
                f"{words.name(row['from_stage'])} → {words.name(row['to_stage'])}",
                words.count(row["referral_count"]),
                words.duration(row["p50_days"]),
                words.duration(row["p90_days"] if row["referral_count"] >= _FEW else None),
            ]
            for row in figures.marts["stage_durations"]
        ),
    )


def _trust(figures: Figures, words: Words) -> str:
    (fresh,) = figures.marts["freshness"]
    reconciled = {True: "true", False: "false", None: "null"}[fresh["is_reconciled"]]
    counted = {
        name: "–" if fresh[name] is None else words.count(fresh[name])
        for name in ("referral_count", "rejected_count", "server_total")
    }
    facts = {
        "last_load_at": words.moment(fresh["last_load_at"]),
        "last_activity_at": words.moment(fresh["last_activity_at"]),
        **counted,
        "is_reconciled": words.say(f"reconciled.{reconciled}"),
    }
    return _table(
        words.say("trust.facts"),
        [words.say("column.what_fact"), words.say("column.value")],
        ([words.say(f"fact.{name}"), value] for name, value in facts.items()),
    ) + _table(
        words.say("trust.table"),
        [words.say(f"column.{name}") for name in ("issue", "severity", "referrals")],
        (
            [
                words.name(row["rule"]).capitalize(),
                words.name(row["severity"]),
                words.count(row["issue_count"]),
            ]
            for row in figures.issue_rules
        ),
    )
