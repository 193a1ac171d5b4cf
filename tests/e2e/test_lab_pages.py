"""The laboratory's page of a model's evaluation, opened from the disk in a real browser."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mimik.lab.evaluate import evaluate
from mimik.lab.evaluation_page import write_evaluation
from tests.unit.lab.pictures import faces

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(("language", "half", "tenth"), [("en", "50%", r"\d{2}\.\d%"), ("tr", "%50", r"%\d{2},\d")])
def test_numbers_in_figures_are_the_languages(
    browser: Browser, tmp_path: Path, language: str, half: str, tenth: str
) -> None:
    """At the axes and where the mouse points: Turkish has its sign before the number, and a comma."""
    file, _, _ = write_evaluation(evaluate("tiny", faces(42), corruptions=True), tmp_path, language)
    with browser.new_context(viewport={"width": 1280, "height": 900}, offline=True) as context:
        page = context.new_page()
        troubles: list[str] = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(file.as_uri())
        plots = page.locator(".plot")
        assert plots.locator(".main-svg").first.is_visible()
        ticks = plots.locator(".xtick text, .ytick text, .x2tick text, .y2tick text").all_text_contents()
        assert half in ticks
        assert not [tick for tick in ticks if "%" in tick and tick.startswith("%") != half.startswith("%")]
        bar = plots.locator("g.barlayer path").first
        bar.scroll_into_view_if_needed()
        bar.hover(force=True)
        label = page.locator(".hoverlayer .hovertext").first
        label.wait_for()
        if folder := os.environ.get("MIMIK_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"evaluation-{language}.png")
        assert re.search(tenth, label.text_content() or "")
        assert troubles == []
