"""The client, against a real server with fake stages."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from mimik import AsyncClient, Client, Emotion, MimikError, Reason, ServerError, SourceError, State
from mimik.serve import create_app
from mimik.types import Box
from tests.fakes import FakeClassifier, fake_pipeline
from tests.serving import Served, served
from tests.unit.serve.test_analyze import JPEG, PNG
from tests.unit.serve.test_facades import LARGE, POINTS, READING, SMALL, Looks


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    pipeline = fake_pipeline(SMALL, LARGE, classifier=FakeClassifier(READING))
    pipeline._estimator = Looks()
    with served(create_app(pipeline)) as server:
        yield server


def test_faces_are_the_pipelines_own_types(server: Served, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(JPEG)
    with Client(server.address) as client:
        by_path, by_bytes, by_pixels = client.analyze(photo, PNG, np.full((40, 50, 3), 9, np.uint8))
    assert (by_path.source, by_path.width, by_path.height) == ("photo.jpg", 300, 300)
    assert (by_bytes.source, by_bytes.width) == ("picture 2", 160)
    assert (by_pixels.source, by_pixels.width, by_pixels.height) == ("picture 3", 50, 40)
    small, large = by_path.faces
    assert (small.state, small.reason, small.quality.reason) == (State.WITHHELD, Reason.TOO_SMALL, Reason.TOO_SMALL)
    assert (small.emotions.top, small.label, small.attributes, small.detection.landmarks) == (None, None, None, None)
    assert (large.state, large.label, large.emotions.top) == (State.SURE, Emotion.HAPPY, Emotion.HAPPY)
    assert large.detection.box == Box(80, 75, 170, 195)
    assert large.detection.score == pytest.approx(0.97)
    assert [large.emotions[emotion] for emotion in Emotion] == pytest.approx([READING[e] for e in Emotion], abs=1e-6)
    assert large.detection.landmarks is not None
    assert large.detection.landmarks.tolist() == POINTS.tolist()
    assert large.attributes is not None
    assert (large.attributes.age, large.attributes.gender) == ((24, 32), "female")
    assert large.attributes.female == pytest.approx(0.9)


def test_asynchronously(server: Served) -> None:
    async def ask() -> None:
        async with AsyncClient(server.address) as client:
            (first,), (second,) = await asyncio.gather(client.analyze(PNG), client.analyze(JPEG))
            assert (len(first.faces), second.width) == (2, 300)
            assert (await client.models())["attributes"] is True

    asyncio.run(ask())


def test_models(server: Served) -> None:
    with Client(server.address) as client:
        assert client.models()["models"]


def test_what_the_server_refuses(server: Served) -> None:
    """In words that can be translated."""
    with Client(server.address) as client, pytest.raises(ServerError, match="not a picture") as caught:
        client.analyze(b"no")
    assert (caught.value.status, caught.value.values) == (415, {"path": "picture 1"})
    assert caught.value.text.startswith("{path}: not a picture")


def test_no_picture_needs_no_server() -> None:
    with Client("http://127.0.0.1:9") as client:
        assert client.analyze() == ()


def test_a_file_that_is_not_there(server: Served, tmp_path: Path) -> None:
    with Client(server.address) as client:
        with pytest.raises(SourceError, match="no such file"):
            client.analyze(tmp_path / "photo.jpg")
        with pytest.raises(SourceError, match="cannot be opened"):
            client.analyze(tmp_path)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "http://", "nonsense"])
def test_a_server_that_is_not_there(address: str) -> None:
    with Client(address, timeout_s=5) as client, pytest.raises(MimikError, match="no Mimik answers"):
        client.models()


def test_a_server_that_is_no_mimik() -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.handle_request)
        thread.start()
        with Client(f"http://127.0.0.1:{other.server_port}") as client, pytest.raises(ServerError, match="is no Mimik"):
            client.models()
        thread.join(10)
