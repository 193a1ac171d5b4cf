"""What sessions say, over HTTP: analyses, figures, comparisons and reports."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from pypdf import PdfReader

from mimik.serve import create_app
from mimik.store import Draft, Marker, MarkerKind, SessionWriter, Store
from mimik.types import Emotion, Face, Frame, FrameResult, Quality, State
from tests.fakes import detection, fake_pipeline, scores
from tests.serving import Served, served

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("store") / "sessions.db") as store:
        yield store


@pytest.fixture(scope="module")
def sessions(store: Store) -> list[str]:
    """Two sessions of a minute: the first looks happy, the second sad."""
    return [_recorded(store, title, emotion) for title, emotion in (("Cut A", Emotion.HAPPY), ("Cut B", Emotion.SAD))]


@pytest.fixture(scope="module")
def server(store: Store) -> Iterator[Served]:
    with served(create_app(fake_pipeline(), store=store)) as server:
        yield server


def _recorded(store: Store, title: str, emotion: Emotion) -> str:
    picture = np.zeros((90, 160, 3), np.uint8)
    face = Face(detection(), Quality(0.9), scores(emotion), State.SURE, label=emotion, track_id=1)
    with SessionWriter(store, Draft(title, live=False), wall_clock=False) as writer:
        for index in range(300):
            faces = tuple(replace(face, track_id=person) for person in (1, 2, 3))
            writer.write(FrameResult(Frame(picture, index, index / 5), faces, 1.0))
    store.add_markers(writer.session.id, [Marker(0, kind=MarkerKind.BASELINE, end_s=10), Marker(30, "second half")])
    return writer.session.id


def test_an_analysis(server: Served, sessions: list[str]) -> None:
    """As JSON without any NaN, absolute and relative to rest."""
    path = f"/v1/sessions/{sessions[0]}/analysis"
    answer = server.http.get(path)
    analysis = json.loads(answer.text, parse_constant=lambda name: pytest.fail(name))
    assert analysis["coverage"]["frames"] == 300
    assert len(analysis["people"]) == 3
    assert server.http.get(path, params={"relative": True}).json()["relative"] is True


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_in_the_readers_language(server: Served, sessions: list[str], theme: str) -> None:
    answers = {
        language: server.http.get(
            f"/v1/sessions/{sessions[0]}/figures", params={"lang": language, "theme": theme}
        ).json()
        for language in ("en", "tr")
    }
    assert answers["en"]["findings"] != answers["tr"]["findings"]
    assert "happy" in " ".join(answers["en"]["findings"]).lower()
    for answer in answers.values():
        assert len(answer["figures"]) >= 3
        for figure in answer["figures"]:
            assert {"name", "title", "alt", "plotly"} <= figure.keys()
            assert figure["plotly"]["data"]


@pytest.mark.parametrize("language", ["en", "tr"])
def test_reports(server: Served, sessions: list[str], language: str) -> None:
    """To be saved, under the session's name."""
    path = f"/v1/sessions/{sessions[0]}/report"
    page = server.http.get(f"{path}.html", params={"lang": language})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-disposition"].startswith('attachment; filename="Cut-A.html"')
    assert f'<html lang="{language}"' in page.text
    paper = server.http.get(f"{path}.pdf", params={"lang": language})
    assert paper.headers["content-disposition"].startswith('attachment; filename="Cut-A.pdf"')
    assert "Cut A" in PdfReader(io.BytesIO(paper.content)).pages[0].extract_text()


def test_a_comparison(server: Served, sessions: list[str]) -> None:
    asked = {"a": sessions[0], "b": sessions[1]}
    answer = server.http.get("/v1/compare", params=asked).json()
    assert [group["name"] for group in answer["comparison"]["groups"]] == ["Cut A", "Cut B"]
    assert answer["findings"]
    assert answer["figures"]
    page = server.http.get("/v1/compare/report.html", params=asked)
    assert page.headers["content-disposition"].startswith('attachment; filename="Cut-A-Cut-B.html"')
    assert server.http.get("/v1/compare/report.pdf", params=asked).content[:5] == b"%PDF-"
    twice = server.http.get("/v1/compare", params={"a": sessions[0], "b": sessions[0]})
    assert (twice.status_code, twice.json()["field"]) == (422, "b")


def test_hours(server: Served, sessions: list[str]) -> None:
    answer = server.http.get("/v1/hours", params={"search": "cut"}).json()
    assert answer["hours"]["sessions"] == 2
    assert answer["hours"]["cells"]
    assert server.http.get("/v1/hours", params={"search": "nothing"}).json()["figures"] == []
    assert server.http.get("/v1/hours/report.pdf").content[:5] == b"%PDF-"


@pytest.mark.parametrize("table", ["people", "markers", "seconds", "samples"])
def test_tables(server: Served, sessions: list[str], table: str) -> None:
    """One by one; the samples come in several pieces."""
    answer = server.http.get(f"/v1/sessions/{sessions[0]}/export.csv", params={"table": table})
    rows = {"people": 3, "markers": 2, "seconds": 240, "samples": 900}
    assert len(answer.text.splitlines()) == 1 + rows[table]


def test_a_reader_who_leaves_early_holds_nobody_up(server: Served, sessions: list[str]) -> None:
    """More often than there are threads for it."""
    for _ in range(6):
        with server.http.stream("GET", f"/v1/sessions/{sessions[0]}/export.json") as answer:
            next(answer.iter_bytes(100))
    assert server.http.get("/v1/sessions").status_code == 200
