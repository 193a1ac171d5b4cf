"""What people are told before a lesson, work or a shop is recorded."""

import pytest

from mimik.store.law import legal_notice
from mimik.store.values import Purpose
from mimik.words import LANGUAGES, translate


@pytest.mark.parametrize("purpose", Purpose)
def test_the_notice_stands_where_a_ground_is_needed(purpose: Purpose) -> None:
    assert bool(legal_notice(purpose)) is purpose.needs_ground


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if purpose.needs_ground])
def test_the_notice_names_the_law_in_both_languages(purpose: Purpose, language: str) -> None:
    text = " ".join(translate(paragraph, language) for paragraph in legal_notice(purpose))
    assert all(name in text for name in ("2024/1689", "5(1)(f)", "III 1(c)", "50(3)", "6698"))
    assert ("2 Şubat 2025" if language == "tr" else "2 February 2025") in text


def test_no_paragraph_lacks_its_turkish() -> None:
    for purpose in Purpose:
        for paragraph in legal_notice(purpose):
            assert translate(paragraph, "tr") != paragraph
