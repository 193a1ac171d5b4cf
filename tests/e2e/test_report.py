"""A report opened from the disk in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mimik.report import figures, write_html
from tests.unit.report.lessons import HOSTILE, lesson, lesson_session

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("language", "width"), [("tr", 390), ("en", 1280)])
def test_a_report_opens_offline_and_draws_every_figure(
    browser: Browser, tmp_path: Path, language: str, width: int
) -> None:
    path = tmp_path / "report.html"
    analysis = lesson((HOSTILE, "topic 2", "soru", "ödev"))
    write_html(path, lesson_session(title=HOSTILE), analysis, language)
    with browser.new_context(viewport={"width": width, "height": 900}, offline=True) as context:
        page = context.new_page()
        troubles: list[str] = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: troubles.append(request.url) if request.url != path.as_uri() else None)
        page.goto(path.as_uri())
        page.locator("html.spoken").wait_for()
        expected = len(figures(analysis, language))
        assert page.locator(".chart .main-svg").first.is_visible()
        assert page.locator(".chart .plot-container").count() == expected
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
        page.locator("summary").first.click()
        assert page.locator("table").first.is_visible()
        page.emulate_media(media="print")
        assert not page.locator("table").first.is_visible()
        assert troubles == []
