"""The server's source, over real WebSockets."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from mimik.errors import SinkError, SourceError
from mimik.serve import create_app
from mimik.serve.messages import IN_FLIGHT, PICTURE_HEADER
from mimik.types import FrameResult, Notice, SourceKind
from tests.fakes import FakeClassifier, FakeSource, fake_pipeline
from tests.serving import served

pytestmark = [pytest.mark.integration, pytest.mark.timing]

FPS = 25


def _messages(
    socket: ClientConnection, seconds: float, acknowledge: bool = True
) -> Iterator[bytes | dict[str, object]]:
    """What comes within so many seconds, or until the server closes."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            message = socket.recv(left)
        except (TimeoutError, ConnectionClosed):
            return
        if isinstance(message, bytes):
            if acknowledge:
                with suppress(ConnectionClosed):  # the end may be on its way already
                    socket.send('{"type":"shown"}')
            yield message
        else:
            yield json.loads(message)


def _live(frames: int = 10_000, fps: float = FPS, error: Exception | None = None) -> FakeSource:
    return FakeSource(frames, fps, SourceKind.LIVE, error)


def test_a_slow_classifier_leaves_the_picture_at_camera_rate() -> None:
    """500 ms a reading: two results a second, and still nine in ten of the camera's pictures."""
    pipeline = fake_pipeline(classifier=FakeClassifier(pause_s=0.5))
    with served(create_app(pipeline, source=lambda notice: _live())) as server, server.socket("/ws/source") as socket:
        next(_messages(socket, 5))
        seconds = 3.0
        messages = list(_messages(socket, seconds))
    pictures = [message for message in messages if isinstance(message, bytes)]
    results = [message for message in messages if isinstance(message, dict) and message["type"] == "result"]
    assert len(pictures) >= 0.9 * FPS * seconds
    assert 3 <= len(results) <= 7


def test_pictures_carry_index_time_and_jpeg() -> None:
    with (
        served(create_app(fake_pipeline(), source=lambda notice: _live())) as server,
        server.socket("/ws/source") as socket,
    ):
        pictures = [message for message in _messages(socket, 0.6) if isinstance(message, bytes)]
    indices = []
    for picture in pictures:
        index, seconds = PICTURE_HEADER.unpack_from(picture)
        indices.append(index)
        assert seconds == pytest.approx(index / FPS)
        assert picture[PICTURE_HEADER.size :][:2] == b"\xff\xd8"
    assert indices == sorted(set(indices))
    assert indices


def test_a_viewer_that_does_not_look_is_sent_few_pictures_and_does_not_hold_up_others() -> None:
    """Pictures are dropped for the slow viewer, never queued; results still come."""
    with (
        served(create_app(fake_pipeline(), source=lambda notice: _live())) as server,
        server.socket("/ws/source") as slow,
        server.socket("/ws/source") as quick,
    ):
        seen = list(_messages(quick, 2.0))
        stuck = list(_messages(slow, 0.2, acknowledge=False))
        assert sum(isinstance(message, bytes) for message in seen) >= 0.75 * 2 * FPS
        assert sum(isinstance(message, bytes) for message in stuck) == IN_FLIGHT
        assert any(isinstance(message, dict) and message["type"] == "result" for message in stuck)
        slow.send('{"type":"shown"}')
        fresh = next(message for message in _messages(slow, 1, acknowledge=False) if isinstance(message, bytes))
        assert PICTURE_HEADER.unpack_from(fresh)[0] > 1.5 * FPS, "an old picture had waited"


def test_the_end_is_told_and_start_begins_anew() -> None:
    opened: list[FakeSource] = []

    def open_source(notice: Notice) -> FakeSource:
        opened.append(_live(frames=5))
        return opened[-1]

    with served(create_app(fake_pipeline(), source=open_source)) as server:
        for _ in range(2):
            with server.socket("/ws/source") as socket:
                *_, last = _messages(socket, 5)
                assert last == {"type": "ended"}
    assert len(opened) == 2


def test_the_source_closes_when_the_last_viewer_leaves() -> None:
    """A camera's light goes out when nobody looks."""
    source = _live()
    with served(create_app(fake_pipeline(), source=lambda notice: source)) as server:
        with server.socket("/ws/source") as one, server.socket("/ws/source") as two:
            next(_messages(one, 5))
            one.close()
            assert not source.closed.wait(0.3), "somebody still looks"
            next(_messages(two, 5))
        assert source.closed.wait(5)


def test_an_open_source_goes_on_without_viewers_and_runs_once() -> None:
    source = _live()
    with served(create_app(fake_pipeline(), source=source)) as server:
        with server.socket("/ws/source") as socket:
            next(_messages(socket, 5))
        assert not source.closed.wait(0.4)
        with server.socket("/ws/source") as socket:
            picture = next(message for message in _messages(socket, 5) if isinstance(message, bytes))
            assert PICTURE_HEADER.unpack_from(picture)[0] > 0.3 * FPS
        source.close()
        time.sleep(0.3)
        with server.socket("/ws/source") as socket:
            (last,) = _messages(socket, 5)
            assert isinstance(last, dict)
            assert last["type"] == "error"


def test_a_source_that_breaks_is_told_once_in_its_own_words() -> None:
    error = SourceError("{name}: gone. Plug it in.", name="camera 0")
    with (
        served(create_app(fake_pipeline(), source=lambda notice: _live(3, error=error))) as server,
        server.socket("/ws/source") as socket,
    ):
        told = [message for message in _messages(socket, 5) if isinstance(message, dict) and message["type"] == "error"]
    assert [(message["text"], message["values"]) for message in told] == [
        ("{name}: gone. Plug it in.", {"name": "camera 0"})
    ]


def test_a_source_that_does_not_open_is_told() -> None:
    def refuse(notice: Notice) -> FakeSource:
        raise SourceError("no such camera")

    with served(create_app(fake_pipeline(), source=refuse)) as server, server.socket("/ws/source") as socket:
        (message,) = _messages(socket, 5)
    assert isinstance(message, dict)
    assert (message["type"], message["text"]) == ("error", "no such camera")


def test_notices_reach_the_page() -> None:
    """A camera that is gone for the moment."""
    notices: list[Notice] = []

    def open_source(notice: Notice) -> FakeSource:
        notices.append(notice)
        return _live()

    with (
        served(create_app(fake_pipeline(), source=open_source)) as server,
        server.socket("/ws/source") as socket,
    ):
        next(_messages(socket, 5))
        notices[0]("{name}: gone; looking for it.", {"name": "camera 0"})
        notice = next(m for m in _messages(socket, 5) if isinstance(m, dict) and m["type"] == "notice")
    assert notice["values"] == {"name": "camera 0"}


def test_results_are_also_handed_over_and_a_full_disk_does_not_end_the_picture() -> None:
    """The page tells of it, once."""
    taken: list[FrameResult] = []

    def take(result: FrameResult) -> None:
        taken.append(result)
        if len(taken) == 3:
            raise SinkError("the disk is full")

    with (
        served(create_app(fake_pipeline(), source=lambda notice: _live(), on_result=take)) as server,
        server.socket("/ws/source") as socket,
    ):
        messages = list(_messages(socket, 1.0))
    notices = [message for message in messages if isinstance(message, dict) and message["type"] == "notice"]
    assert [notice["text"] for notice in notices] == ["the disk is full"]
    assert len(taken) == 3
    assert sum(isinstance(message, bytes) for message in messages) > 0.7 * FPS


def test_a_recording_is_shown_at_its_own_speed() -> None:
    """A file could be read a hundred times as fast."""
    film = FakeSource(60, kind=SourceKind.VIDEO)
    with (
        served(create_app(fake_pipeline(), source=lambda notice: film)) as server,
        server.socket("/ws/source") as socket,
    ):
        began = time.monotonic()
        messages = list(_messages(socket, 6))
        took = time.monotonic() - began
    assert messages[-1] == {"type": "ended"}
    assert 1.8 < took < 4
    assert sum(isinstance(message, bytes) for message in messages) >= 0.75 * 60, "a busy machine drops some"


def test_statistics_come_once_a_second() -> None:
    with (
        served(create_app(fake_pipeline(), source=lambda notice: _live())) as server,
        server.socket("/ws/source") as socket,
    ):
        found, came = [], []
        for message in _messages(socket, 30):
            if isinstance(message, dict) and message["type"] == "statistics":
                found.append(message)
                came.append(time.monotonic())
                if len(found) == 5:
                    break
    # By the time between them: the first one's depends on how long the source took to open.
    assert came[-1] - came[0] == pytest.approx(4, abs=0.8)
    assert found[-1]["capture_fps"] == pytest.approx(FPS, rel=0.15)


def test_no_thread_is_left_behind() -> None:
    before = {thread.name for thread in threading.enumerate()}
    with (
        served(create_app(fake_pipeline(), source=lambda notice: _live())) as server,
        server.socket("/ws/source") as socket,
    ):
        next(_messages(socket, 5))
    end = time.monotonic() + 20
    while left := {thread.name for thread in threading.enumerate() if thread.name.startswith("mimik")} - before:
        assert time.monotonic() < end, left
        time.sleep(0.02)


def test_pictures_are_encoded_once_and_shrunk_for_the_page() -> None:
    """A 4K camera does not fill the wire."""
    import cv2

    from mimik.serve.broadcast import _encode
    from mimik.types import Frame

    data = _encode(Frame(np.zeros((2160, 3840, 3), np.uint8), 2**32 + 1, 0.5))
    image = cv2.imdecode(np.frombuffer(data[PICTURE_HEADER.size :], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (720, 1280, 3)
    assert PICTURE_HEADER.unpack_from(data) == (1, 0.5)
