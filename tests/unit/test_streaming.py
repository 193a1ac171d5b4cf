"""`Client.stream` and `AsyncClient.stream`, against a real server with fake stages."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mimik import AsyncClient, Client, ServerError, SourceError, State
from mimik.client import Streamed
from mimik.serve import create_app
from mimik.serve.limits import Limits
from mimik.types import EmotionScores, Image
from tests.fakes import FakeClassifier, fake_pipeline
from tests.serving import Served, served
from tests.unit.serve.test_analyze import JPEG


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(create_app(fake_pipeline())) as server:
        yield server


def test_every_frame_is_read_in_order(server: Served, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(JPEG)
    frames: list[Path | bytes | Image] = [photo, JPEG, np.full((40, 50, 3), 9, np.uint8), b"no picture", JPEG]
    with Client(server.address) as client:
        results = list(client.stream(frames))
    assert [result.number for result in results] == [0, 1, 2, 3, 4]
    assert [result.dropped for result in results] == [0] * 5
    assert [(result.width, result.height) for result in results[:3]] == [(300, 300), (300, 300), (50, 40)]
    (face,) = results[4].faces
    assert (face.track_id, face.state, face.label) == (1, State.SURE, "happy")
    assert results[4].time_s >= results[1].time_s >= results[0].time_s == 0
    assert (results[3].faces, results[4].error) == ((), None)
    assert results[3].error is not None
    assert results[3].error.status == 422
    assert "JPEG or WebP" in str(results[3].error)


def test_frames_are_asked_for_when_there_is_room(server: Served) -> None:
    """A long source is neither read ahead nor kept."""
    asked: list[int] = []

    def frames() -> Iterator[bytes]:
        for number in range(20):
            asked.append(number)
            yield JPEG

    with Client(server.address) as client:
        for result in client.stream(frames()):
            assert len(asked) <= result.number + 3


def test_asynchronously_from_either_kind_of_source(server: Served) -> None:
    async def frames() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(0)
            yield JPEG

    async def ask() -> tuple[list[int], list[int]]:
        async with AsyncClient(server.address) as client:

            async def numbers(results: AsyncIterator[Streamed]) -> list[int]:
                return [result.number async for result in results]

            first, second = await asyncio.gather(numbers(client.stream(frames())), numbers(client.stream([JPEG] * 3)))
            return first, second

    assert asyncio.run(ask()) == ([0, 1, 2, 3], [0, 1, 2])


class Gate(FakeClassifier):
    """Once closed, reads one picture, then waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False
        self.entered, self.may_go = threading.Event(), threading.Event()

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
        if self.closed:
            self.entered.set()
            assert self.may_go.wait(20)
        return super().classify(crops)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_live_the_newest_wins(asynchronous: bool) -> None:
    """While the first frame is read, the others come and go but for the last."""
    gate = Gate()

    def frames() -> Iterator[bytes]:
        yield JPEG
        assert gate.entered.wait(20)
        yield from [JPEG] * 5
        threading.Thread(target=let_go).start()

    def let_go() -> None:
        """Once all have arrived."""
        while 'mimik_dropped_total{way="stream"} 4.0' not in server.http.get("/metrics").text:
            time.sleep(0.01)
        gate.may_go.set()

    with served(create_app(fake_pipeline(classifier=gate))) as server:
        while server.http.get("/readyz").status_code != 200:
            pass
        gate.closed = True

        async def ask() -> list[Streamed]:
            async with AsyncClient(server.address) as client:
                return [result async for result in client.stream(frames(), live=True)]

        with Client(server.address) as client:
            results = asyncio.run(ask()) if asynchronous else list(client.stream(frames(), live=True))
    assert [(result.number, result.dropped) for result in results] == [(0, 0), (5, 4)]


@pytest.mark.parametrize("live", [False, True])
def test_what_the_frames_raise_is_raised(server: Served, live: bool) -> None:
    def frames() -> Iterator[bytes]:
        yield JPEG
        raise ZeroDivisionError

    async def ask() -> None:
        async with AsyncClient(server.address) as client:
            async for _ in client.stream(frames(), live=live):
                pass

    with Client(server.address) as client, pytest.raises(ZeroDivisionError):
        list(client.stream(frames(), live=live))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ask())
    with Client(server.address) as client, pytest.raises(SourceError, match="no such file"):
        list(client.stream(["/there/is/nothing.jpg"], live=live))


def test_leaving_early_closes_the_stream(server: Served) -> None:
    with Client(server.address) as client:
        for live in (False, True):
            for result in client.stream([JPEG] * 50, live=live):
                assert result.faces
                break
    while "mimik_streams 0.0" not in server.http.get("/metrics").text:
        pass


def test_refusals(server: Served) -> None:
    with served(create_app(fake_pipeline(), limits=Limits(streams=1))) as full, Client(full.address) as client:
        taken = client.stream([JPEG] * 3)
        next(taken)
        with pytest.raises(ServerError, match="All 1 places") as caught:
            list(client.stream([JPEG]))
        assert caught.value.status == 503
    with Client(server.address) as client, pytest.raises(ServerError, match="which is too much"):
        list(client.stream([bytes(Limits().frame + 1)]))
    with Client("http://127.0.0.1:9") as client, pytest.raises(ServerError, match="no Mimik answers"):
        list(client.stream([JPEG]))


def test_nobody_answers_asynchronously() -> None:
    async def ask() -> None:
        async with AsyncClient("http://127.0.0.1:9") as client:
            async for _ in client.stream([JPEG]):
                pass

    with pytest.raises(ServerError, match="no Mimik answers"):
        asyncio.run(ask())
