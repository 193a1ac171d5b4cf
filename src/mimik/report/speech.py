"""How a report speaks: texts, numbers, times and dates in the reader's language, in this one place.

Turkish puts the per cent sign in front (``%43``), a comma into decimals (``0,4``) and joins case endings to figures
with an apostrophe by vowel harmony (``%43'ünde``).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mimik.words import LANGUAGES, emotion_name, reason_name, translate

__all__ = ["Speech", "clean"]

_HARD_SPACE = "\u00a0"
_MINUS = "\u2212"

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# "In N of a hundred", the ending that N takes after its last word: sıfır, bir, iki, üç, …; on, yirmi, otuz, …; yüz.
_ONES = ("ında", "inde", "sinde", "ünde", "ünde", "inde", "sında", "sinde", "inde", "unda")
_TENS = ("", "unda", "sinde", "unda", "ında", "sinde", "ında", "inde", "inde", "ında")
_HUNDRED = "ünde"


def clean(text: str, longest: int = 200) -> str:
    """A user's text made safe to set: one line, no control or direction characters, at most so many characters."""
    kept = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn"}
    )
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Speech:
    """One language.

    Attributes:
        language: ``en`` or ``tr``.

    Raises:
        ValueError: the language is neither.
    """

    language: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"language {self.language!r} is none of {', '.join(LANGUAGES)}")

    @property
    def turkish(self) -> bool:
        """Whether it is Turkish."""
        return self.language == "tr"

    def say(self, text: str, /, **values: object) -> str:
        """An English template in the language, with its places filled."""
        return translate(text, self.language, **values)

    def emotion(self, emotion: str) -> str:
        """``Happy``, ``Mutlu``."""
        return emotion_name(emotion, self.language)

    def looks(self, emotion: str) -> str:
        """The emotion's name within a sentence: ``happy``, ``mutlu``."""
        return self.lower(emotion_name(emotion, self.language))

    def lower(self, text: str) -> str:
        """Small letters; in Turkish İ becomes i and I becomes ı."""
        return (text.replace("İ", "i").replace("I", "ı") if self.turkish else text).lower()

    def reason(self, reason: str) -> str:
        """The reason's name within a sentence: ``too small``, ``çok küçük``."""
        name = reason_name(reason, self.language)
        return name[:1].lower() + name[1:]

    def number(self, value: float, digits: int = 0) -> str:
        """A number with so many decimals: ``1,234.5``, ``1.234,5``; an en dash where it is not finite."""
        if not math.isfinite(value):
            return "–"
        text = f"{abs(value):,.{digits}f}"
        if self.turkish:
            text = text.translate(str.maketrans(",.", ".,"))
        return text if value >= 0 or not text.strip("0.,") else _MINUS + text

    def signed(self, value: float, digits: int = 0) -> str:
        """A difference: its sign is always there, but for zero."""
        text = self.number(value, digits)
        return "+" + text if value > 0 and text.strip("0.,") else text

    def percent(self, share: float) -> str:
        """A share of 0–1: ``43 %``, ``%43``; below one per cent as such, for nothing is told finer."""
        if not math.isfinite(share):
            return "–"
        whole = _whole(share)
        if whole == 0 and share > 0:
            return "%1'den az" if self.turkish else f"under{_HARD_SPACE}1{_HARD_SPACE}%"
        return f"%{self.number(whole)}" if self.turkish else f"{self.number(whole)}{_HARD_SPACE}%"

    def of(self, share: float) -> str:
        """A share as it stands in "… of the time": ``43 %``, ``%43'ünde``."""
        text = self.percent(share)
        if not self.turkish or not math.isfinite(share):
            return text
        whole = _whole(share)
        if whole == 0 and share > 0:
            return "%1'inden azında"
        if whole and whole % 100 == 0:
            return f"{text}'{_HUNDRED}"
        return f"{text}'{_ONES[whole % 10] if whole % 10 or not whole else _TENS[whole // 10 % 10]}"

    def range(self, low: float | None, high: float | None) -> str:
        """An interval of shares: ``35–51 %``, ``%35–51``; empty where it is not known."""
        if low is None or high is None:
            return ""
        ends = f"{self.number(_whole(low))}–{self.number(_whole(high))}"
        return f"%{ends}" if self.turkish else f"{ends}{_HARD_SPACE}%"

    def points(self, difference: float) -> str:
        """A difference of two shares, in percentage points: ``+12 points``, ``+12 puan``."""
        return self.say("{count} points", count=self.signed(_whole(difference)))

    def clock(self, seconds: float) -> str:
        """A position within a session: ``02:10``, ``1:02:10``."""
        whole = round(max(0.0, seconds))
        hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
        return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"

    def span(self, seconds: float) -> str:
        """How long: ``45 s``, ``3 min 20 s``, ``1 h 5 min``; tenths below ten seconds."""
        if not math.isfinite(seconds):
            return "–"
        if round(seconds, 1) < 10:
            return self.say("{count} s", count=self.number(seconds, 0 if seconds == round(seconds) else 1))
        whole = round(seconds)
        parts = [
            self.say("{count} h", count=self.number(whole // 3600)) if whole >= 3600 else "",
            self.say("{count} min", count=whole // 60 % 60) if whole // 60 % 60 else "",
            self.say("{count} s", count=whole % 60) if whole % 60 and whole < 3600 else "",
        ]
        return " ".join(filter(None, parts)).replace(" ", _HARD_SPACE)

    def day(self, when: date) -> str:
        """``5 March 2026``, ``5 Mart 2026``."""
        return f"{when.day} {translate(_MONTHS[when.month - 1], self.language)} {when.year}"

    def moment(self, when: datetime) -> str:
        """``Thursday, 5 March 2026, 14:05``, ``5 Mart 2026 Perşembe, 14:05``."""
        weekday = self.weekday(when.weekday())
        day = f"{self.day(when)} {weekday}" if self.turkish else f"{weekday}, {self.day(when)}"
        return f"{day}, {when:%H:%M}"

    def weekday(self, number: int) -> str:
        """The name of a weekday, 0 being Monday."""
        return translate(_DAYS[number], self.language)

    def hour(self, hour: int) -> str:
        """An hour of the day: ``14:00``."""
        return f"{hour:02d}:00"

    def quote(self, words: str, longest: int = 80) -> str:
        """A user's words, cleaned and in quotation marks."""
        return f"“{clean(words, longest)}”"

    def person(self, number: int) -> str:
        """``Person 2``, ``Kişi 2``."""
        return self.say("Person {number}", number=number)

    def people(self, count: int) -> str:
        """``1 person``, ``4 people``, ``4 kişi``."""
        return self.say("{count} person", count=1) if count == 1 else self.say("{count} people", count=count)

    def stretches(self, count: int) -> str:
        """``1 stretch of time``, ``12 stretches of time``."""
        return (
            self.say("{count} stretch of time", count=1)
            if count == 1
            else self.say("{count} stretches of time", count=self.number(count))
        )

    def sessions(self, count: int) -> str:
        """``1 session``, ``24 sessions``."""
        return (
            self.say("{count} session", count=1)
            if count == 1
            else self.say("{count} sessions", count=self.number(count))
        )

    def days(self, count: int) -> str:
        """``1 day``, ``6 days``."""
        return self.say("{count} day", count=1) if count == 1 else self.say("{count} days", count=self.number(count))

    def join(self, parts: Sequence[str]) -> str:
        """``a, b and c``, ``a, b ve c``."""
        if len(parts) < 2:
            return "".join(parts)
        return self.say("{some} and {last}", some=", ".join(parts[:-1]), last=parts[-1])


def _whole(share: float) -> int:
    """Per cent, halves away from zero as people round."""
    return int(math.copysign(math.floor(abs(share) * 100 + 0.5 + 1e-9), share))
