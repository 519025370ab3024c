"""Wording, numbers and dates of the report's languages, for what stands in the HTML itself."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from partner_referrals.errors import UsageError

_LANGUAGES = Path(__file__).parent / "languages"


class Words:
    """The words of one language, as languages/<code>.json has them."""

    def __init__(self, code: str) -> None:
        known = sorted(path.stem for path in _LANGUAGES.glob("*.json"))
        if code not in known:
            raise UsageError(f"--language '{code}' is not known. Write one of: {', '.join(known)}.")
        self.code = code
        self.entries: dict[str, Any] = json.loads(
            (_LANGUAGES / f"{code}.json").read_text(encoding="utf-8")
        )
        self._format: dict[str, Any] = self.entries["format"]

    def say(self, key: str, **values: Any) -> str:
        """The sentence for `key` with `values` in it; whole numbers are formatted."""
        entry = self.entries[key]
        if isinstance(entry, dict):
            number = values["n"]
            is_one = number == 1 or (self._format["plural_from"] == 2 and number == 0)
            entry = entry["one" if is_one else "other"]
        shown = {
            name: self.count(value) if isinstance(value, int) else value
            for name, value in values.items()
        }
        return str(entry).format(**shown)

    def name(self, word: str) -> str:
        """A stage, an outcome or a rule by its name in this language."""
        key = f"name.{word}"
        return str(self.entries[key]) if key in self.entries else word.replace("_", " ")

    def count(self, number: int) -> str:
        """A whole number with its thousands set apart."""
        return f"{number:,}".replace(",", self._format["thousands"])

    def estimate(self, number: float | None) -> str:
        """An expected count: a small one to a tenth, as 0.4 wins are not none."""
        if number is None:
            return "–"
        if number >= 10:
            return self.count(round(number))
        return f"{number:.1f}".removesuffix(".0").replace(".", self._format["decimal"])

    def dollars(self, value: float | None) -> str:
        """An amount of US dollars without cents; a dash for None."""
        if value is None:
            return "–"
        return str(self._format["dollars"]).format(number=self.count(round(value)))

    def percent(self, rate: float | None) -> str:
        """A rate, with as many decimals as keep it apart from 0% and 100%; a dash for None."""
        if rate is None:
            return "–"
        first = 1 if 0 < rate < 0.1 or 0.9 < rate < 1 else 0
        for digits in range(first, 4):
            text = f"{rate * 100:.{digits}f}"
            text = text.rstrip("0").rstrip(".") if "." in text else text
            if rate in (0, 1) or text not in ("0", "100"):
                break
        return str(self._format["percent"]).format(
            number=text.replace(".", self._format["decimal"])
        )

    def duration(self, days: float | None) -> str:
        """A duration in the unit that suits it."""
        if days is None:
            return "–"
        if days * 24 < 1:
            return self.say("duration.minutes", n=round(days * 1440))
        if days < 2:
            return self.say("duration.hours", n=round(days * 24))
        shown = f"{days:.1f}".removesuffix(".0") if days < 10 else f"{days:.0f}"
        return self.say(
            "duration.days", n=float(shown), days=shown.replace(".", self._format["decimal"])
        )

    def month(self, day: date) -> str:
        """A month with its year."""
        return f"{self._format['months'][day.month - 1]} {day.year}"

    def day(self, day: date | None) -> str:
        """A date."""
        if day is None:
            return "–"
        return str(self._format["date"]).format(
            day=day.day, month=self._format["months"][day.month - 1], year=day.year
        )

    def moment(self, moment: datetime | None) -> str:
        """A naive UTC timestamp with its date and time."""
        if moment is None:
            return "–"
        return str(self._format["moment"]).format(date=self.day(moment), time=f"{moment:%H:%M}")
