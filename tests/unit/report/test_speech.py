"""Numbers, times and users' words, as both languages write them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.report.speech import Speech, clean

EN, TR = Speech("en"), Speech("tr")


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("share", "english", "turkish", "within"),
    [
        (0.43, "43 %", "%43", "%43'ünde"),
        (0.5, "50 %", "%50", "%50'sinde"),
        (0.405, "41 %", "%41", "%41'inde"),
        (0.4, "40 %", "%40", "%40'ında"),
        (0.1, "10 %", "%10", "%10'unda"),
        (0.06, "6 %", "%6", "%6'sında"),
        (0.89, "89 %", "%89", "%89'unda"),
        (0.7, "70 %", "%70", "%70'inde"),
        (1.0, "100 %", "%100", "%100'ünde"),
        (0.0, "0 %", "%0", "%0'ında"),
        (0.002, "under 1 %", "%1'den az", "%1'inden azında"),
        (float("nan"), "–", "–", "–"),
    ],
)
def test_shares(share: float, english: str, turkish: str, within: str) -> None:
    assert plain(EN.percent(share)) == english
    assert plain(EN.of(share)) == english
    assert TR.percent(share) == turkish
    assert TR.of(share) == within


def test_ranges_have_one_sign() -> None:
    assert plain(EN.range(0.354, 0.51)) == "35–51 %"
    assert TR.range(0.354, 0.51) == "%35–51"
    assert EN.range(None, 0.5) == ""


def test_numbers_and_differences() -> None:
    assert (EN.number(1234.56, 1), TR.number(1234.56, 1)) == ("1,234.6", "1.234,6")
    assert (EN.signed(0.25, 2), TR.signed(-0.25, 2), EN.signed(0.001, 2)) == ("+0.25", "−0,25", "0.00")
    assert (EN.signed(-0.001, 2), EN.number(float("inf"))) == ("0.00", "–")
    assert (EN.points(0.123), TR.points(-0.123)) == ("+12 points", "−12 puan")


@pytest.mark.parametrize(
    ("seconds", "clock", "english", "turkish"),
    [
        (0, "00:00", "0 s", "0 sn"),
        (3.25, "00:03", "3.2 s", "3,2 sn"),
        (9.97, "00:10", "10 s", "10 sn"),
        (130, "02:10", "2 min 10 s", "2 dk 10 sn"),
        (3600, "1:00:00", "1 h", "1 sa"),
        (3905, "1:05:05", "1 h 5 min", "1 sa 5 dk"),
        (400000, "111:06:40", "111 h 6 min", "111 sa 6 dk"),
    ],
)
def test_times(seconds: float, clock: str, english: str, turkish: str) -> None:
    assert EN.clock(seconds) == TR.clock(seconds) == clock
    assert plain(EN.span(seconds)) == english
    assert plain(TR.span(seconds)) == turkish


def test_dates() -> None:
    when = datetime(2026, 3, 5, 14, 5)
    assert EN.moment(when) == "Thursday, 5 March 2026, 14:05"
    assert TR.moment(when) == "5 Mart 2026 Perşembe, 14:05"


def test_lists_and_people() -> None:
    assert (EN.join([]), EN.join(["a"]), EN.join(["a", "b", "c"]), TR.join(["a", "b"])) == (
        "",
        "a",
        "a, b and c",
        "a ve b",
    )
    assert (EN.people(1), EN.people(4), TR.people(1), TR.people(4)) == ("1 person", "4 people", "1 kişi", "4 kişi")


def test_small_letters_in_turkish() -> None:
    assert TR.lower("İFADE Işık") == "ifade ışık"
    assert EN.lower("Happy") == "happy"


def test_another_language_is_refused() -> None:
    with pytest.raises(ValueError, match="none of en, tr"):
        Speech("de")


def test_users_words_lose_control_and_direction_characters_only() -> None:
    assert clean("a\u202eb\x00c\n d\t \u200fe 😀 ü") == "abc d e 😀 ü"
    assert clean("\ud800x") == "x"
    assert clean("x" * 300) == "x" * 199 + "…"


@given(st.text())
def test_clean_text_is_one_line_and_can_be_encoded(text: str) -> None:
    cleaned = clean(text, 50)
    assert len(cleaned) <= 50
    assert cleaned == clean(cleaned, 50)
    assert "\n" not in cleaned
    cleaned.encode()


@given(st.floats(0, 1))
def test_turkish_sign_is_in_front_and_english_behind(share: float) -> None:
    assert TR.percent(share).startswith("%")
    assert EN.percent(share).endswith("\u00a0%")
    assert TR.of(share).rpartition("'")[2].endswith(("nda", "nde"))
