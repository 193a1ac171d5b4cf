"""Reports as files: HTML parsed, PDF read back."""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from subprocess import run
from typing import IO, Any

import pytest
from pypdf import PdfReader

from mimik import report
from mimik.errors import StoreError
from mimik.report.plotly import PLOTLY, PLOTLY_SHA256
from mimik.store.values import Purpose
from tests.unit.report.lessons import HOSTILE, groups, lesson, lesson_session, relative, tiny, week

Write = Callable[[IO[bytes], str], None]
WRITERS: dict[str, tuple[Write, Write]] = {
    "lesson": (
        lambda file, language: report.write_html(file, lesson_session(), lesson(), language),
        lambda file, language: report.write_pdf(file, lesson_session(), lesson(), language),
    ),
    "relative": (
        lambda file, language: report.write_html(file, lesson_session(), relative(), language),
        lambda file, language: report.write_pdf(file, lesson_session(), relative(), language),
    ),
    "empty": (
        lambda file, language: report.write_html(file, lesson_session(), tiny(0), language),
        lambda file, language: report.write_pdf(file, lesson_session(), tiny(0), language),
    ),
    "thin": (
        lambda file, language: report.write_compare_html(file, groups(2, seconds=30), language, [lesson_session()]),
        lambda file, language: report.write_compare_pdf(file, groups(2, seconds=30), language, [lesson_session()]),
    ),
    "groups": (
        lambda file, language: report.write_compare_html(file, groups(), language),
        lambda file, language: report.write_compare_pdf(file, groups(), language),
    ),
    "week": (
        lambda file, language: report.write_hours_html(file, week(), language),
        lambda file, language: report.write_hours_pdf(file, week(), language),
    ),
}


class Page(HTMLParser):
    """What a test asks of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._within = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts[-1] += data
        elif self._within != "style":
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def html(name: str, language: str) -> str:
    file = io.BytesIO()
    WRITERS[name][0](file, language)
    return file.getvalue().decode()


def pdf(name: str, language: str) -> PdfReader:
    file = io.BytesIO()
    WRITERS[name][1](file, language)
    return PdfReader(io.BytesIO(file.getvalue()))


def words(reader: PdfReader) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("language", ["en", "tr"])
def test_html_stands_alone_and_can_be_heard(name: str, language: str) -> None:
    source = html(name, language)
    page = Page(source)
    assert page.all("html") == [{"lang": language}]
    for tag, attributes in page.tags:
        assert not attributes.keys() & {"src", "href", "srcset", "action"}, tag
    own = source.replace(PLOTLY.read_text(encoding="utf-8"), "")
    assert not re.search(r"https?:|//[a-z]", own.replace("// ", ""))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    drawn = [attributes for attributes in page.all("div") if "data-chart" in attributes]
    assert len(drawn) == len(page.all("figure")) == source.count('type="application/json"')
    assert all(attributes["role"] == "img" and len(attributes["aria-label"] or "") > 10 for attributes in drawn)
    assert len(page.all("table")) == len(drawn)


@pytest.mark.parametrize("name", WRITERS)
def test_the_policy_lets_no_other_script_run(name: str) -> None:
    page = Page(html(name, "en"))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert policy.count("'sha256-") == 2
    assert "unsafe-inline" not in policy.partition("script-src")[2]


def test_plotlys_script_is_the_one_that_was_checked_and_cannot_end_its_element() -> None:
    content = PLOTLY.read_bytes()
    assert hashlib.sha256(content).hexdigest() == PLOTLY_SHA256
    assert b"</script" not in content.lower()
    assert b"<!--" not in content


def test_the_order_is_findings_figures_facts_method_limits_use() -> None:
    page = Page(html("lesson", "en"))
    order = [
        "In short",
        "Figures",
        "About this session",
        "How it was read",
        "What it cannot tell",
        "Use it responsibly",
    ]
    places = [page.text.index(f" {title} ") for title in order]
    assert places == sorted(places)
    text = words(pdf("lesson", "en"))
    places = [text.index(title) for title in order]
    assert places == sorted(places)


@pytest.mark.parametrize("make", [html, lambda name, language: words(pdf(name, language))])
def test_the_ground_and_the_law_stand_in_a_lessons_report(make: Callable[[str, str], str]) -> None:
    source = make("lesson", "en")
    for part in (
        "ethics board 2026/14",
        "Article 5(1)(f)",
        "Velilerden yazılı onay alındı.",
        "default 2026-02 (3f2a9c)",
    ):
        assert part in source, part
    assert "5(1)(f)" in make("lesson", "tr")
    assert "ethics board 2026/14" in make("thin", "tr")


def test_another_purpose_gets_the_short_note() -> None:
    file = io.BytesIO()
    report.write_html(file, lesson_session(purpose=Purpose.PRODUCT, ground=""), lesson(), "en")
    page = Page(file.getvalue().decode())
    assert "forbids inferring emotions at work and in education" in page.text
    assert "The law: people at work or in education" not in page.text


def test_relative_figures_are_marked_at_the_top() -> None:
    for language, mark in (
        ("en", "These figures are differences from rest"),
        ("tr", "Bu değerler dinlenmeden farklardır"),
    ):
        text = Page(html("relative", language)).text
        assert text.index(mark) < text.index({"en": " In short ", "tr": " Kısaca "}[language])
        assert mark in words(pdf("relative", language))
        assert mark not in words(pdf("lesson", language))


def test_thin_comparisons_warn_before_anything_else() -> None:
    text = Page(html("thin", "en")).text
    assert text.index("Caution: the data are thin") < text.index(" In short ")
    assert "Caution: the data are thin" not in html("groups", "en")
    assert words(pdf("thin", "tr")).index("Dikkat: veri az") < 120


def hostile_html() -> str:
    file = io.BytesIO()
    session = lesson_session(
        title=HOSTILE, tags=(HOSTILE,), consent=HOSTILE * 20, ground=HOSTILE, model=HOSTILE, source=HOSTILE
    )
    report.write_html(file, session, lesson((HOSTILE, "</script>", "c", "d")), "tr")
    return file.getvalue().decode()


def test_hostile_words_are_only_words_in_html() -> None:
    source = hostile_html()
    page = Page(source)
    assert not page.all("img")
    assert not page.all("b")
    assert len(page.scripts) == len(Page(html("lesson", "tr")).scripts)
    assert "</script><img src=x onerror=alert(1)>" in page.text
    assert "{{ 7*7 }}" in page.text
    for script in page.scripts[:-2]:
        assert json.loads(script)["layout"]
    assert "\u202e" not in source


def test_hostile_words_do_not_break_a_pdf() -> None:
    file = io.BytesIO()
    title = "مرحبا שלום 😀🏳️‍🌈 日本語 " + "x" * 150
    session = lesson_session(title=title, tags=("y" * 500,), consent=HOSTILE * 20, ground="z" * 1500, model=HOSTILE)
    report.write_pdf(file, session, lesson((HOSTILE, "w" * 180, "c", "d")), "en")
    reader = PdfReader(io.BytesIO(file.getvalue()))
    text = "".join(page.extract_text() for page in reader.pages)
    assert "z" * 60 in text
    assert re.sub(r"\s", "", text).count("z") >= 1500
    assert "alert(1)" in text


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("language", ["en", "tr"])
def test_pdf_pages_language_fonts_and_words_for_the_blind(name: str, language: str) -> None:
    reader = pdf(name, language)
    assert 1 <= len(reader.pages) <= 4
    catalogue: Any = reader.trailer["/Root"]
    assert str(catalogue["/Lang"]).startswith(language)
    assert reader.metadata is not None
    assert reader.metadata.title
    assert reader.metadata.subject
    for number, page in enumerate(reader.pages, 1):
        assert f"{number} / {len(reader.pages)}" in page.extract_text()
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            descendant = font.get_object()["/DescendantFonts"][0].get_object()
            assert "DejaVuSans" in descendant["/BaseFont"]
            assert "/FontFile2" in descendant["/FontDescriptor"].get_object()
    told = [element.get_object().get("/Alt") for element in _figures(catalogue["/StructTreeRoot"])]
    assert len([words for words in told if words]) == html(name, language).count("<figure")


def _figures(tree: Any) -> list[Any]:
    found = list(tree["/K"])
    for child in list(found):
        inner = child.get_object()
        if isinstance(inner, dict) and isinstance(inner.get("/K"), list):
            found += [one for one in inner["/K"] if not isinstance(one, int) and hasattr(one, "get_object")]
    return [one for one in found if isinstance(one.get_object(), dict)]


def test_turkish_letters_come_back_from_the_pdf() -> None:
    text = words(pdf("lesson", "tr"))
    for part in (
        "Kesirler: dördüncü sınıf",
        "Kısaca",
        "Zamanın yaklaşık %",
        "göründü",
        "İşaretler arasında",
        "Şaşkın",
        "Üzgün",
    ):
        assert part in text, part
    assert "2 Mart 2026 Pazartesi, 09:00 · Ders" in text


def test_reports_go_to_paths_and_streams_alike(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    report.write_html(path, lesson_session(), tiny(), "en")
    file = io.BytesIO()
    report.write_html(file, lesson_session(), tiny(), "en")
    assert path.read_bytes() == file.getvalue()
    assert not file.closed


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        report.write_pdf(tmp_path / "no" / "report.pdf", lesson_session(), tiny(), "en")


def test_no_module_stands_where_a_name_is_exported() -> None:
    folder = Path(str(report.__file__)).parent
    assert not {path.stem for path in folder.glob("*.py")} & set(report.__all__)


def test_importing_and_writing_load_only_what_they_need() -> None:
    program = (
        "import sys; import mimik.report; "
        "assert not {'jinja2', 'fpdf', 'plotly', 'matplotlib', 'numpy'} & set(sys.modules); "
        "from mimik.report import write_html, write_pdf; "
        "assert not {'fpdf', 'plotly', 'matplotlib'} & set(sys.modules)"
    )
    run([sys.executable, "-c", program], check=True)
