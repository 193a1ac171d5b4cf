"""The page's texts."""

import re
from importlib.resources import files

from mimik.words import catalogue

_PAGE = files("mimik.serve") / "page"


def _texts() -> set[str]:
    """English texts in the page: marked in the HTML, and every sentence or handed-over word in the scripts."""
    html = (_PAGE / "index.html").read_text("utf-8")
    texts = set(re.findall(r'data-t(?:-label)?="([^"]+)"', html))
    for part in _PAGE.iterdir():
        if part.name.endswith(".js"):
            script = re.sub(r"^\s*(//|/\*\*).*$", "", part.read_text("utf-8"), flags=re.MULTILINE)
            texts |= set(re.findall(r'\bt\(\s*"([^"]+)"', script))
            texts |= set(re.findall(r'\b(?:t|label|title|text|agree): "([^"]+)"', script))
            texts |= set(re.findall(r'(?<!\.)\b(?:field|box|toggle)\(\s*"([^"]+)"', script))
            texts |= set(re.findall(r'\bsay\([^,]+, "([^"]+)"', script))
            texts |= {
                text for text in re.findall(r'"([A-Z][^"\n]+)"', script) if " " in text and "system-ui" not in text
            }
    return texts - {"Segoe UI", "Helvetica Neue", "DejaVu Sans"}


def test_every_text_of_the_page_has_its_turkish() -> None:
    texts = _texts()
    assert len(texts) > 50
    assert sorted(texts - set(catalogue("tr"))) == []


def test_html_shows_the_text_that_it_names() -> None:
    """Without words, the page would read the same."""
    html = (_PAGE / "index.html").read_text("utf-8")
    for key, shown in re.findall(r'data-t="([^"]+)"[^>]*>([^<]+)<', html):
        assert shown == key


def test_page_never_claims_to_know_what_people_feel() -> None:
    """“Looks happy”, never “is happy” or “feels”."""
    for text in _texts():
        assert not re.search(r"\b(feels?|truth|lying|lies)\b", text), text
