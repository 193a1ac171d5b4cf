"""What people read: texts in English and Turkish, the emotions' colours and the font that has all the letters.

English texts stand in the code and are their own keys, as with gettext; ``tr/*.json`` maps each to Turkish. Text may
hold named places: ``translate("{count} faces", "tr", count=3)``.
"""

import json
import locale
import os
import string
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

__all__ = [
    "EMOTION_COLOURS",
    "LANGUAGES",
    "catalogue",
    "choose_language",
    "emotion_name",
    "font_path",
    "gender_name",
    "numeral",
    "per_cent",
    "reason_name",
    "state_name",
    "translate",
]

LANGUAGES = ("en", "tr")

EMOTION_COLOURS = MappingProxyType(
    {
        "angry": "#D55E00",
        "disgust": "#009E73",
        "fear": "#CC79A7",
        "happy": "#E6B800",
        "sad": "#0072B2",
        "surprise": "#56B4E9",
        "neutral": "#8A8A8A",
    }
)
"""One colour an emotion, safe for colour-blind readers (after Okabe and Ito 2008)."""

_EMOTIONS = {
    "angry": "Angry",
    "disgust": "Disgusted",
    "fear": "Afraid",
    "happy": "Happy",
    "sad": "Sad",
    "surprise": "Surprised",
    "neutral": "Neutral",
}
_STATES = {
    "sure": "sure",
    "uncertain": "uncertain",
    "withheld": "withheld",
    "no_face": "no face",
    "failed": "failed",
}
_GENDERS = {"female": "female", "male": "male"}
_REASONS = {
    "low_confidence": "not clear enough",
    "too_small": "too small",
    "blurred": "blurred",
    "dark": "dark",
    "overexposed": "overexposed",
    "turned_away": "turned away",
    "cut_off": "cut off",
}


_SYSTEM = (
    "No such file or directory",
    "Permission denied",
    "Operation not permitted",
    "Is a directory",
    "Not a directory",
    "File exists",
    "File name too long",
    "No space left on device",
    "Read-only file system",
    "Input/output error",
    "Too many open files",
    "Connection refused",
)
"""What operating systems say of files and addresses, where an error passes it on."""


class _Turkish(string.Formatter):
    """Numbers that are written in a given way get the Turkish comma and points."""

    def format_field(self, value: Any, form: str) -> str:
        number = isinstance(value, int | float) and form
        return numeral(value, form, "tr") if number else str(super().format_field(value, form))


_FORMATTERS = {"en": string.Formatter(), "tr": _Turkish()}


def translate(text: str, language: str, /, **values: object) -> str:
    """The text in a language, with its places filled; in English where the catalogue lacks it."""
    known = catalogue(language)
    text = known.get(text, text)
    systems = {name: value for name, value in values.items() if isinstance(value, str) and value in _SYSTEM}
    said = {name: known.get(value, value) for name, value in systems.items()}
    return _FORMATTERS[language].vformat(text, (), {**values, **said}) if values else text


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """English text → text in the language; empty for English itself.

    Raises:
        ValueError: the language is not in `LANGUAGES`.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language {language!r} is none of {', '.join(LANGUAGES)}")
    texts: dict[str, str] = {}
    if language != "en":
        for part in sorted((files("mimik.words") / language).iterdir(), key=lambda part: part.name):
            if part.name.endswith(".json"):
                texts |= json.loads(part.read_text(encoding="utf-8"))
    return MappingProxyType(texts)


def choose_language(wanted: str | None = None) -> str:
    """The language to speak: the wanted one, else ``MIMIK_LANG``, else the locale's, else English."""
    locales = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    for name in (wanted, os.environ.get("MIMIK_LANG"), next(filter(None, locales), None) or locale.getlocale()[0]):
        if name:
            return "tr" if name.lower().startswith(("tr", "turkish")) else "en"
    return "en"


def numeral(number: float, form: str, language: str) -> str:
    """A number in the language's way of writing: ``numeral(1234.5, ",.1f", "tr")`` → ``1.234,5``."""
    written = format(number, form)
    return written.translate(str.maketrans(",.", ".,")) if language == "tr" else written


def per_cent(value: float | None, language: str, digits: int = 1) -> str:
    """``0.6868`` → ``68.7 %`` or ``%68,7``, with so many decimals; a dash where there is none."""
    if value is None:
        return "–"
    number = numeral(100 * value, f".{digits}f", language)
    return f"%{number}" if language == "tr" else f"{number} %"


def emotion_name(emotion: str, language: str) -> str:
    """``happy`` → ``Happy`` or ``Mutlu``."""
    return translate(_EMOTIONS[emotion], language)


def state_name(state: str, language: str) -> str:
    """``withheld`` → ``withheld`` or ``Gösterilmiyor``."""
    return translate(_STATES[state], language)


def gender_name(gender: str, language: str) -> str:
    """``female`` → ``female`` or ``kadın``."""
    return translate(_GENDERS[gender], language)


def reason_name(reason: str, language: str) -> str:
    """``too_small`` → ``too small`` or ``Çok küçük``."""
    return translate(_REASONS[reason], language)


@cache
def font_path() -> Path:
    """DejaVu Sans, which has the Turkish letters that OpenCV's own fonts lack; it comes with matplotlib."""
    return Path(str(files("matplotlib"))) / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
