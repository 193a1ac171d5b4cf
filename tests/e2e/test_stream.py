"""The browser's snippet of docs/api.md, as printed, on a page of the server."""

import re
from pathlib import Path

import pytest

from mimik.pipeline import Pipeline
from mimik.serve import create_app
from tests.e2e.conftest import Visitor
from tests.serving import served

pytestmark = pytest.mark.e2e
DOCS = Path(__file__).parents[2] / "docs" / "api.md"


def test_a_page_streams_its_camera(pipeline: Pipeline, visit: Visitor) -> None:
    (snippet,) = re.findall(r"```javascript\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    with served(create_app(pipeline)) as server, visit(server.address) as visited:
        with visited.page.expect_console_message(lambda message: "happy" in message.text, timeout=60_000) as told:
            visited.page.evaluate(f"async () => {{ {snippet} }}")
        assert re.match(r"\d+ \[happy\]", told.value.text)
        visited.check()
