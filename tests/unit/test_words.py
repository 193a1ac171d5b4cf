"""Every text that people read stands in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mimik
from mimik import errors
from mimik.types import Emotion, Reason, State
from mimik.weights import records
from mimik.words import (
    EMOTION_COLOURS,
    catalogue,
    choose_language,
    emotion_name,
    font_path,
    per_cent,
    reason_name,
    state_name,
    translate,
)

SOURCE = Path(mimik.__file__).parent
TYPERS = {
    "[OPTIONS]",
    "COMMAND [ARGS]...",
    "Install completion for the current shell.",
    "Show completion for the current shell, to copy it or customize the installation.",
}
"""What Typer itself says in ``--help``."""
SPEAKING = {"translate", "notice", "_notice", "say", "tell", "text", "Told", "_lose", "ProblemError"}


def spoken() -> Iterator[tuple[str, str]]:
    """Where a text stands, and the text: first arguments of errors and of functions that speak."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and node.args):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            first = node.args[1] if name == "tell" and len(node.args) > 1 else node.args[0]
            speaks = name in SPEAKING or (name in errors.__all__)
            if speaks and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", first.value


def recorded() -> set[str]:
    """What the models' cards say of them in words."""
    return {text for record in records() for text in (record.title, record.data, record.licence)}


def test_what_the_models_cards_say_has_its_turkish() -> None:
    assert not recorded() - catalogue("tr").keys()


def test_every_spoken_text_has_its_turkish() -> None:
    turkish = catalogue("tr")
    missing = [f"{place}: {text}" for place, text in spoken() if text not in turkish]
    assert not missing, "\n".join(missing)


def test_no_turkish_is_left_over_from_texts_that_are_gone() -> None:
    constants = recorded()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                constants.add(node.value)
    page = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (SOURCE / "serve" / "page").rglob("*")
        if path.suffix in {".html", ".js"}
    )
    page = re.sub(r"\s+", " ", page)
    stale = [text for text in catalogue("tr") if text not in constants | TYPERS and text not in page]
    assert not stale, "\n".join(stale)


def test_errors_carry_plain_templates() -> None:
    """A template with values filled in beforehand (an f-string) could not be translated."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in errors.__all__:
                assert isinstance(node.args[0], ast.Constant | ast.Attribute | ast.Name), f"{path}:{node.lineno}"


def test_places_survive_translation() -> None:
    for english, turkish in catalogue("tr").items():
        places = sorted(re.findall(r"\{(\w+)", english))
        assert sorted(re.findall(r"\{(\w+)", turkish)) == places, english


@pytest.mark.parametrize(
    ("emotion", "turkish"),
    [
        ("angry", "Kızgın"),
        ("disgust", "Tiksinmiş"),
        ("fear", "Korkmuş"),
        ("happy", "Mutlu"),
        ("sad", "Üzgün"),
        ("surprise", "Şaşkın"),
        ("neutral", "Nötr"),
    ],
)
def test_the_seeds_labels_are_spelt_right(emotion: str, turkish: str) -> None:
    assert emotion_name(emotion, "tr") == turkish


def test_names_are_complete() -> None:
    assert set(EMOTION_COLOURS) == set(Emotion)
    for language in ("en", "tr"):
        assert len({emotion_name(e, language) for e in Emotion}) == 7
        assert len({state_name(s, language) for s in State}) == len(State)
        assert len({reason_name(r, language) for r in Reason}) == len(Reason)


def test_the_font_has_the_turkish_letters() -> None:
    from PIL import ImageFont

    font = ImageFont.truetype(str(font_path()), 20)
    missing = font.getmask("\ufffe").getbbox()
    for letter in "çğıöşüÇĞİÖŞÜ":
        assert font.getmask(letter).getbbox() not in (None, missing), letter


@pytest.mark.parametrize(
    ("environment", "wanted", "language"),
    [
        ({}, "tr", "tr"),
        ({"MIMIK_LANG": "tr", "LANG": "en_GB.UTF-8"}, None, "tr"),
        ({"LANG": "tr_TR.UTF-8"}, None, "tr"),
        ({"LANG": "tr_TR.UTF-8", "LC_ALL": "C"}, None, "en"),
        ({"LANG": "tr_TR.UTF-8"}, "en", "en"),
        ({"LANG": "de_DE.UTF-8"}, None, "en"),
    ],
)
def test_language_choice(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], wanted: str | None, language: str
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "MIMIK_LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert choose_language(wanted) == language


def test_translate_fills_places() -> None:
    assert translate("Happy", "tr") == "Mutlu"
    assert translate("{a} and {b}", "tr", a=1, b=2) == "1 and 2"


def test_what_the_system_says_is_translated_too() -> None:
    said = translate("{path}: cannot be read ({detail}).", "tr", path="x.pem", detail="No such file or directory")
    assert said == "x.pem: okunamıyor (böyle bir dosya ya da klasör yok)."
    assert "Nothing known" in translate("{path}: cannot be read ({detail}).", "tr", path="x", detail="Nothing known")


def test_numbers_in_a_text_are_written_as_its_language_does() -> None:
    text = "For `mimik analyze`, leave --threads as it is: all cores read {gain:.1f} times as many frames as one."
    assert "1,5" in translate(text, "tr", gain=1.54)
    assert "1.5" in translate(text, "en", gain=1.54)
    assert translate("{value:,.1f} {path} {count}", "tr", value=1234.5, path="a.b,c", count=12) == "1.234,5 a.b,c 12"


def test_shares_are_written_as_the_language_does() -> None:
    assert (per_cent(0.6868, "en"), per_cent(0.6868, "tr")) == ("68.7 %", "%68,7")
    assert (per_cent(0.7, "tr"), per_cent(0.7, "tr", 0), per_cent(None, "tr")) == ("%70,0", "%70", "–")
