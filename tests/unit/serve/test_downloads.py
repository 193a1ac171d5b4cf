"""Files to be saved."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.serve.downloads import disposition


@pytest.mark.parametrize(
    ("title", "plain", "exact"),
    [
        ("Cut A", "Cut-A", "Cut-A"),
        ("Ders: ışık ve gölge", "Ders-isik-ve-golge", "Ders-ışık-ve-gölge"),
        ("../../etc/passwd", "etc-passwd", "etc-passwd"),
        ('a"; filename=evil.exe', "a-filename-evil-exe", "a-filename-evil-exe"),
        ("日本", "mimik", "日本"),
        ("   ", "mimik", "mimik"),
        ("CON.txt\r\nSet-Cookie: x", "CON-txt-Set-Cookie-x", "CON-txt-Set-Cookie-x"),
    ],
)
def test_a_name_is_made_of_the_title(title: str, plain: str, exact: str) -> None:
    name = disposition(title, ".csv")
    assert f'filename="{plain}.csv"' in name
    assert unquote(name.partition("UTF-8''")[2]) == f"{exact}.csv"


@given(st.text(st.characters()))
def test_any_title_makes_a_safe_name(title: str) -> None:
    """Letters, digits, hyphens and underscores, in a header of one line."""
    name = disposition(title, ".pdf")
    match = re.fullmatch(r"attachment; filename=\"([A-Za-z0-9_-]+)\.pdf\"; filename\*=UTF-8''([A-Za-z0-9_.~%-]+)", name)
    assert match is not None
    assert not set(unquote(match[2])) & set('/\\:*?"<>|\0\r\n')
