"""Age and gender on a person's card, quietly, and only where they were switched on."""

import re

import pytest
from playwright.sync_api import expect

from mimik.serve import create_app
from tests.e2e.conftest import Visitor
from tests.fakes import detection, fake_pipeline
from tests.serving import served
from tests.unit.attributes.test_stream import line

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.timing]

SOON = 30_000


def test_a_card_says_how_old_a_person_looks_in_both_languages(visit: Visitor) -> None:
    with served(create_app(line(detection(30)))) as server, visit(server.address, locale="en-GB") as visitor:
        page = visitor.page
        page.locator("#start").click()
        looks = page.locator(".card .state").nth(1)
        expect(looks).to_have_text("Looks about 25–35 · appears female, 90%", timeout=SOON)
        expect(looks).to_have_attribute("title", re.compile("may well be wrong"))
        visitor.picture("attributes")
        visitor.check()
    with served(create_app(line(detection(30)))) as server, visit(server.address, locale="tr-TR") as visitor:
        page = visitor.page
        page.locator("#start").click()
        looks = page.locator(".card .state").nth(1)
        expect(looks).to_have_text("Yaklaşık 25–35 yaşında görünüyor · kadın görünüyor, %90", timeout=SOON)


def test_a_card_says_nothing_of_age_by_itself(visit: Visitor) -> None:
    with served(create_app(fake_pipeline())) as server, visit(server.address, locale="en-GB") as visitor:
        page = visitor.page
        page.locator("#start").click()
        expect(page.locator(".card .label")).to_have_text("Happy", timeout=SOON)
        page.wait_for_timeout(1500)
        expect(page.locator(".card .state").nth(1)).to_be_hidden()
