"""The stream: order, what is passed over, troubles, limits and ends."""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mimik.serve import create_app
from mimik.serve.analyze import FACE_COLUMNS
from mimik.serve.limits import Limits
from mimik.serve.messages import PICTURE_HEADER
from mimik.types import EmotionScores
from tests.fakes import FakeClassifier, detection, fake_pipeline
from tests.serving import Served, served
from tests.unit.serve.test_analyze import JPEG, picture
from tests.unit.serve.test_facades import Looks

END = '{"type":"end"}'


class Gate(FakeClassifier):
    """Reads nothing while it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Semaphore(0)

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
        self.entered.release()
        assert self.open.wait(30)
        return super().classify(crops)


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(create_app(fake_pipeline())) as server:
        yield server


@contextmanager
def gated(**limits: Any) -> Iterator[tuple[Served, Gate]]:
    """A server that reads when the gate is opened, one picture at a time."""
    gate = Gate()
    limits = {"readers": 1, "together": 1, **limits}
    with served(create_app(fake_pipeline(classifier=gate), limits=Limits(**limits))) as server:
        while server.http.get("/readyz").status_code != 200:
            pass
        assert gate.entered.acquire(timeout=20)
        gate.open.clear()
        try:
            yield server, gate
        finally:
            gate.open.set()


def take(stream: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(stream.recv(20))
    return message


def rest(stream: ClientConnection) -> list[dict[str, Any]]:
    """What is told until the end."""
    messages = [take(stream)]
    while messages[-1]["type"] != "end":
        messages.append(take(stream))
    return messages


def closed(stream: ClientConnection) -> tuple[int, str]:
    """How the server closes the stream."""
    with suppress(ConnectionClosed):
        while True:
            stream.recv(20)
    assert stream.close_code is not None
    return stream.close_code, stream.close_reason or ""


def metric(server: Served, name: str) -> float:
    found = [line.rpartition(" ")[2] for line in server.http.get("/metrics").text.splitlines() if line.startswith(name)]
    return float(found[0]) if found else 0.0


def test_a_result_a_frame_and_the_sums_at_the_end(server: Served) -> None:
    webp = cv2.imencode(".webp", np.zeros((90, 160, 3), np.uint8))[1].tobytes()
    read, faces = (metric(server, f'mimik_{name}_total{{way="stream"}}') for name in ("pictures", "faces"))
    with server.socket("/v1/stream") as stream:
        hello = take(stream)
        assert (hello["type"], hello["attributes"], hello["frame_side"], hello["schema_version"]) == (
            "hello",
            False,
            1920,
            1,
        )
        results = []
        for frame in (JPEG, webp, JPEG):
            stream.send(frame)
            results.append(take(stream))
        stream.send(END)
        assert rest(stream) == [{"type": "end", "frames": 3, "read": 3, "failed": 0, "dropped": 0}]
        assert closed(stream) == (1000, "")
    assert [(each["type"], each["number"], each["dropped"]) for each in results] == [
        ("result", 0, 0),
        ("result", 1, 0),
        ("result", 2, 0),
    ]
    assert [(each["width"], each["height"]) for each in results] == [(300, 300), (160, 90), (300, 300)]
    assert results[0]["time_s"] == 0 < results[1]["time_s"] < results[2]["time_s"]
    assert all(0 < each["latency_ms"] < 20_000 for each in results)
    (face,) = results[2]["faces"]
    assert set(face) == {column.name for column in FACE_COLUMNS} | {"landmarks", "track_id"}
    assert (face["track_id"], face["state"], face["top"]) == (1, "sure", "happy")
    assert face["valence"] == pytest.approx(0.67, abs=0.01)
    assert metric(server, 'mimik_pictures_total{way="stream"}') == read + 3
    assert metric(server, 'mimik_faces_total{way="stream"}') == faces + 3
    assert metric(server, 'mimik_latency_seconds_count{way="stream"}') >= 3


def test_age_and_gender_where_switched_on() -> None:
    pipeline = fake_pipeline()
    pipeline._estimator = Looks()
    with served(create_app(pipeline)) as server, server.socket("/v1/stream") as stream:
        assert take(stream)["attributes"] is True
        stream.send(JPEG)
        (face,) = take(stream)["faces"]
        assert (face["age_low"], face["age_high"], face["gender"]) == (24, 32, "female")


def test_headers_carry_number_and_time(server: Served) -> None:
    """The client's own, which may not run backwards; without one, or with no time, it is told."""
    with server.socket("/v1/stream") as stream:
        take(stream)
        stream.send('{"type":"options","header":true}')
        told = []
        for number, time_s in ((70, 1000.0), (71, 1000.5), (72, 999.0)):
            stream.send(PICTURE_HEADER.pack(number, time_s) + JPEG)
            told.append(take(stream))
        assert [(each["number"], each["time_s"]) for each in told] == [(70, 0.0), (71, 0.5), (72, 0.5)]
        for bad in (PICTURE_HEADER.pack(73, float("nan")) + JPEG, b"short"):
            stream.send(bad)
            assert take(stream)["type"] == "error"


@pytest.mark.parametrize(("queue", "numbers"), [(1, [0, 9]), (3, [0, 7, 8, 9]), (8, [0, 2, 3, 4, 5, 6, 7, 8, 9])])
def test_the_newest_win_and_the_others_are_counted(queue: int, numbers: list[int]) -> None:
    with gated() as (server, gate), server.socket("/v1/stream") as stream:
        take(stream)
        stream.send(json.dumps({"type": "options", "queue": queue}))
        stream.send(JPEG)
        assert gate.entered.acquire(timeout=20)
        for _ in range(9):
            stream.send(JPEG)
        stream.send(END)
        dropped = 10 - len(numbers)
        while metric(server, 'mimik_dropped_total{way="stream"}') < dropped:
            pass
        assert metric(server, 'mimik_queue{way="stream"}') == queue
        assert metric(server, "mimik_streams") == 1
        gate.open.set()
        *results, end = rest(stream)
        assert [each["number"] for each in results] == numbers
        assert [each["dropped"] for each in results] == [0, dropped, *[0] * (len(numbers) - 2)]
        assert end == {"type": "end", "frames": 10, "read": len(numbers), "failed": 0, "dropped": dropped}


def test_every_frame_is_counted_once_though_its_client_leaves() -> None:
    """One is read when the client leaves, one of those that wait cannot be, and one was passed over before."""
    names = ("pictures", "failed", "dropped")
    with gated() as (server, gate):

        def counted() -> list[float]:
            return [metric(server, f'mimik_{name}_total{{way="stream"}}') for name in names]

        with server.socket("/v1/stream") as stream:
            take(stream)
            stream.send(json.dumps({"type": "options", "queue": 4}))
            stream.send(b"no picture")
            assert take(stream)["type"] == "error"
            stream.send(JPEG)
            assert gate.entered.acquire(timeout=20)
            for _ in range(5):
                stream.send(JPEG)
            while counted() != [0, 1, 1]:
                pass
        while counted() != [0, 1, 5]:
            pass
        gate.open.set()
        while counted() != [1, 1, 5]:
            pass
        assert metric(server, 'mimik_queue{way="stream"}') == 0


def test_bad_frames_are_told_and_the_stream_goes_on(server: Served) -> None:
    bomb = bytearray(JPEG)
    size = bomb.index(b"\xff\xc0") + 5
    bomb[size : size + 4] = struct.pack(">HH", 30_000, 30_000)
    frames = [b"", b"no picture", JPEG[:200], bytes(bomb), picture("PNG"), picture(size=(2000, 40)), JPEG]
    with server.socket("/v1/stream") as stream:
        take(stream)
        for number, frame in enumerate(frames):
            stream.send(frame)
            told = take(stream)
            assert told["number"] == number
            assert told["type"] == ("error" if frame is not JPEG else "result")
            if told["type"] == "error":
                assert told["problem"]["status"] == 422
                assert told["problem"].keys() >= {"type", "title", "detail", "text", "values"}
        stream.send(END)
        assert rest(stream)[-1] == {"type": "end", "frames": 7, "read": 1, "failed": 6, "dropped": 0}


@settings(max_examples=80, deadline=None)
@given(
    frame=st.one_of(
        st.binary(max_size=300),
        st.tuples(st.integers(0, len(JPEG)), st.binary(max_size=8)).map(
            lambda cut: JPEG[: cut[0]] + cut[1] + JPEG[cut[0] + len(cut[1]) :]
        ),
        st.integers(0, len(JPEG)).map(lambda length: JPEG[:length]),
    )
)
def test_any_frame_is_answered(server: Served, frame: bytes) -> None:
    with server.socket("/v1/stream") as stream:
        take(stream)
        stream.send(frame)
        told = take(stream)
        assert (told["type"], told.get("problem", {}).get("status")) in (("result", None), ("error", 422))
        stream.send(JPEG)
        assert (take(stream)["number"], told["number"]) == (1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '{"type":"frame"}',
        '{"type":"options","queue":0}',
        '{"type":"options","queue":9}',
        '{"type":"options","queue":"many"}',
        '{"type":"options","colour":1}',
        '{"type":"end","now":true}',
        "[" * 100_000,
    ],
)
def test_texts_that_make_no_sense(server: Served, text: str) -> None:
    with server.socket("/v1/stream") as stream:
        take(stream)
        stream.send(text)
        told = take(stream)
        assert (told["type"], told["problem"]["status"]) == ("error", 422)
        assert "number" not in told
        stream.send(JPEG)
        assert take(stream)["type"] == "result"
        stream.send('{"type":"options"}')
        assert take(stream)["problem"]["status"] == 409


def test_every_stream_has_people_of_its_own(server: Served) -> None:
    with server.socket("/v1/stream") as one, server.socket("/v1/stream") as two:
        for stream in (one, two):
            take(stream)
            stream.send(JPEG)
            assert take(stream)["faces"][0]["track_id"] == 1


@pytest.mark.timing
def test_one_greedy_client_against_many() -> None:
    """It sends as fast as it can; the others get their turns, each as many as it does."""
    with served(
        create_app(fake_pipeline(classifier=FakeClassifier(pause_s=0.005)), limits=Limits(frames=1000))
    ) as server:
        counts = dict.fromkeys(range(6), 0)
        over, all_there = threading.Event(), threading.Barrier(len(counts) + 1)

        def run(number: int) -> None:
            with server.socket("/v1/stream") as stream:
                take(stream)
                all_there.wait(60)
                taking = threading.Thread(target=receive, args=(stream, number))
                taking.start()
                while not over.wait(0 if number == 0 else 0.03):
                    stream.send(JPEG)
                    if number == 0:
                        time.sleep(0.0005)
                stream.send(END)
                taking.join(20)

        def receive(stream: ClientConnection, number: int) -> None:
            counts[number] = sum(each["type"] == "result" for each in rest(stream))

        threads = [threading.Thread(target=run, args=(number,)) for number in counts]
        for thread in threads:
            thread.start()
        all_there.wait(60)
        time.sleep(1.5)
        over.set()
        for thread in threads:
            thread.join(30)
        mean = sum(counts.values()) / len(counts)
        assert min(counts.values()) >= mean / 2, counts
        assert metric(server, 'mimik_dropped_total{way="stream"}') > 0


def test_a_client_that_does_not_read_is_dropped_and_slows_nobody() -> None:
    """Its frames are passed over as soon as its results pile up; at last it is closed, with the reason."""
    crowd = tuple(detection(x=4 * number) for number in range(100))
    limits = Limits(frames=1000, stream_slow_s=2)
    with served(create_app(fake_pipeline(*crowd), limits=limits)) as server, small_socket(server) as plain:
        uri = server.address.replace("http", "ws") + "/v1/stream"
        with connect(uri, sock=plain, max_queue=1, compression=None) as deaf, server.socket("/v1/stream") as other:
            take(other)
            deaf.send('{"type":"options","queue":8}')
            sent = dropped = passed_over = 0
            while passed_over < 8:
                for _ in range(8):
                    deaf.send(JPEG)
                other.send(JPEG)
                assert take(other)["dropped"] == 0
                sent += 9
                before, dropped = dropped, counted(server, sent)
                passed_over = dropped - before
            assert metric(server, 'mimik_queue{way="stream"}') == 0
            time.sleep(3.0)
            assert closed(deaf) == (1008, "No result was read for 2 seconds.")
            while metric(server, "mimik_streams") != 1:
                pass
            other.send(JPEG)
            assert take(other)["dropped"] == 0


def counted(server: Served, sent: int) -> int:
    """How many frames were passed over, once all that were sent are accounted for."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        read, dropped = (metric(server, f'mimik_{name}_total{{way="stream"}}') for name in ("pictures", "dropped"))
        if read + dropped == sent:
            return int(dropped)
    pytest.fail("frames got lost")


@contextmanager
def small_socket(server: Served) -> Iterator[socket.socket]:
    """One in which little can be under way."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        plain.connect((host, int(port)))
        yield plain


def test_more_frames_a_second_than_allowed() -> None:
    with served(create_app(fake_pipeline(), limits=Limits(frames=5))) as server, server.socket("/v1/stream") as stream:
        assert take(stream)["frames"] == 5
        stream.send('{"type":"options","queue":8}')
        for _ in range(40):
            stream.send(JPEG)
        stream.send(END)
        end = rest(stream)[-1]
        assert end["frames"] == 40
        assert 5 <= end["read"] < 20
        assert end["dropped"] == 40 - end["read"]


def test_a_frame_that_is_too_large_ends_the_stream() -> None:
    with served(create_app(fake_pipeline(), limits=Limits(frame=20_000))) as server:
        for size in (20_001, 50_000):
            with server.socket("/v1/stream") as stream:
                assert take(stream)["frame"] == 20_000
                stream.send(bytes(size))
                assert closed(stream)[0] == 1009


def test_a_client_that_sends_nothing_is_closed() -> None:
    app = create_app(fake_pipeline(), limits=Limits(stream_idle_s=0.3))
    with served(app) as server, server.socket("/v1/stream") as stream:
        take(stream)
        stream.send('{"type":"options"}')
        told = take(stream)
        assert (told["type"], told["problem"]["status"]) == ("error", 408)
        assert closed(stream) == (1008, "No frame came for 0.3 seconds.")


@pytest.mark.parametrize(("limits", "status"), [({"streams": 2}, 503), ({"streams_each": 2}, 429)])
def test_only_so_many_streams(limits: dict[str, int], status: int) -> None:
    """The page's own among them."""
    with served(create_app(fake_pipeline(), limits=Limits(**limits))) as server:
        with server.socket("/v1/stream") as one, server.socket("/ws/camera") as two:
            take(one), take(two)
            for path in ("/v1/stream", "/ws/camera"):
                with server.socket(path) as third:
                    told = take(third)
                    assert (told["type"], told["problem"]["status"], told["values"]) == ("error", status, {"limit": 2})
                    code, reason = closed(third)
                    assert code == 1013
                    assert reason == told["problem"]["detail"]
        while metric(server, "mimik_streams"):
            pass
        with server.socket("/v1/stream") as stream:
            assert take(stream)["type"] == "hello"


def test_the_server_stops_with_frames_under_way() -> None:
    """It waits for no client, and tells each."""
    gate = Gate()
    app = create_app(fake_pipeline(classifier=gate))
    with ExitStack() as sockets:
        with served(app) as server:
            while server.http.get("/readyz").status_code != 200:
                pass
            opened = [sockets.enter_context(server.socket("/v1/stream")) for _ in range(5)]
            for stream in opened:
                take(stream)
                stream.send(JPEG)
                assert take(stream)["type"] == "result"
            gate.open.clear()
            for stream in opened:
                stream.send(JPEG)
            threading.Timer(0.5, gate.open.set).start()
        for stream in opened:
            assert closed(stream)[0] == 1012


def test_a_defect_is_told_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeClassifier):
        def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
            raise ZeroDivisionError("a secret")

    pipeline = fake_pipeline()
    with served(create_app(pipeline)) as server, server.socket("/v1/stream") as stream:
        take(stream)
        while server.http.get("/readyz").status_code != 200:
            pass
        pipeline._classifier = Broken()
        stream.send(JPEG)
        told = take(stream)
        assert (told["type"], told["number"], told["problem"]["status"]) == ("error", 0, 500)
        assert "secret" not in json.dumps(told)
    assert "A picture could not be read." in caplog.messages


def test_other_sites_may_not_open_it(server: Served) -> None:
    with pytest.raises(InvalidStatus), server.socket("/v1/stream", origin="http://evil.example"):
        pass
