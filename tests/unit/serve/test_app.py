"""The page's routes."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mimik.errors import DetectorError
from mimik.serve import create_app
from mimik.types import Detection, Emotion, Image
from mimik.weights import records
from mimik.words import EMOTION_COLOURS
from tests.fakes import FakeDetector, FakeSource, fake_pipeline
from tests.serving import Served, served


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """A server for visitors' cameras."""
    with served(create_app(fake_pipeline())) as server:
        yield server


def _settings(app: FastAPI) -> dict[str, Any]:
    with served(app) as server:
        settings: dict[str, Any] = server.http.get("/settings.json").json()
        return settings


def _until(server: Served, settled: Callable[[httpx.Response], bool]) -> httpx.Response:
    """The readiness, asked for until it is as wished."""
    for _ in range(1500):
        if settled(answer := server.http.get("/readyz")):
            return answer
        time.sleep(0.02)
    raise AssertionError(answer.text)


def test_health(server: Served) -> None:
    assert server.http.get("/healthz").json()["status"] == "ok"


def test_ready_after_the_networks_ran_once() -> None:
    """Not before: the first visitor would wait for it."""
    may_go = threading.Event()

    class Slow(FakeDetector):
        def detect(self, image: Image) -> tuple[Detection, ...]:
            may_go.wait(60)
            return ()

    pipeline = fake_pipeline()
    pipeline._detector = Slow()
    with served(create_app(pipeline)) as server:
        assert server.http.get("/readyz").status_code == 503
        may_go.set()
        answer = _until(server, lambda answer: answer.status_code == 200)
        assert answer.json() == {"status": "ready"}


def test_never_ready_where_the_networks_cannot_run() -> None:
    """And says why."""

    class Broken(FakeDetector):
        def detect(self, image: Image) -> tuple[Detection, ...]:
            raise DetectorError("no such layer")

    pipeline = fake_pipeline()
    pipeline._detector = Broken()
    with served(create_app(pipeline)) as server:
        answer = _until(server, lambda answer: "error" in answer.json())
        assert (answer.status_code, answer.json()["error"]) == (503, "no such layer")


@pytest.mark.parametrize(
    ("query", "accepted", "default", "language"),
    [
        ("", "", None, "en"),
        ("", "tr-TR,tr;q=0.9,en;q=0.8", None, "tr"),
        ("", "de,en;q=0.7,tr;q=0.9", None, "tr"),
        ("", "tr;q=oops,en", None, "en"),
        ("?lang=en", "tr", None, "en"),
        ("?lang=tr", "en", "en", "tr"),
        ("?lang=xx", "", "tr", "tr"),
        ("", "tr", "en", "en"),
    ],
)
def test_language_of_the_page(query: str, accepted: str, default: str | None, language: str) -> None:
    """Asked for, then the server's, then the browser's, then English."""
    with served(create_app(fake_pipeline(), language=default)) as server:
        assert f'<html lang="{language}">' in server.http.get(f"/{query}", headers={"Accept-Language": accepted}).text


@pytest.mark.parametrize(("language", "happy"), [("en", "Happy"), ("tr", "Mutlu")])
def test_words(server: Served, language: str, happy: str) -> None:
    """Names and colours come from one place."""
    words = server.http.get(f"/words/{language}.json").json()
    assert [emotion["key"] for emotion in words["emotions"]] == list(Emotion)
    assert [emotion["colour"] for emotion in words["emotions"]] == list(EMOTION_COLOURS.values())
    assert words["emotions"][3]["name"] == happy
    assert set(words["states"]) >= {"sure", "uncertain", "withheld"}


def test_no_other_language(server: Served) -> None:
    assert server.http.get("/words/xx.json").status_code == 404


def test_settings_tell_which_page_it_is() -> None:
    camera = _settings(create_app(fake_pipeline()))
    source = _settings(create_app(fake_pipeline(), source=FakeSource(1)))
    assert (camera["mode"], camera["source"], camera["recorded"]) == ("camera", None, False)
    assert (source["mode"], source["source"]) == ("source", "fake")


def test_settings_hold_the_models_cards() -> None:
    models = _settings(create_app(fake_pipeline()))["models"]
    assert [model["name"] for model in models] == [record.name for record in records()]
    assert "FER-2013" in models[0]["data"]
    assert models[0]["shown"]["agreement"] > models[0]["accuracy"]
    assert models[0]["shown"]["sure"] > models[0]["shown"]["uncertain"]
    assert [model["name"] for model in models if model["shown"] is None] == ["seed", "seed-5"]
    assert not any(model["used"] for model in models), "these fakes read without a model"


def test_page_says_when_results_are_recorded() -> None:
    """“Nothing is stored” would be untrue."""
    app = create_app(fake_pipeline(), source=FakeSource(1), on_result=lambda result: None)
    assert _settings(app)["recorded"] is True


def test_plotly_comes_from_the_package(server: Served) -> None:
    answer = server.http.get("/plotly.min.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert len(answer.content) > 1_000_000


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/page/../app.py", "/page/%2e%2e/app.py"])
def test_nothing_else_is_served(server: Served, path: str) -> None:
    assert server.http.get(path).status_code == 404


def test_page_holds_nothing_inline_and_nothing_from_elsewhere() -> None:
    """What the policy would refuse is not there to begin with."""
    page = files("mimik.serve") / "page"
    html = (page / "index.html").read_text("utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", html)
    for part in page.iterdir():
        text = part.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"""["'(](https?:)?//(?!127\.0\.0\.1)""", text), part.name
