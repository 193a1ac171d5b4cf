"""Streams from real servers on this computer: HTTP, MJPEG, RTSP."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mimik.errors import SourceError
from mimik.sources import NetworkStream, reconnect
from mimik.sources.network import public_name
from mimik.types import Source, SourceKind
from tests.media import encoded, number_of, numbered, numbered_frames, write_video

pytestmark = [pytest.mark.integration, pytest.mark.timing]


@contextmanager
def silent_server() -> Iterator[int]:
    """Accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in kept:
            connection.close()


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[int]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Motion(BaseHTTPRequestHandler):
    """A network camera's MJPEG, 30 pictures a second, that breaks after so many (each time)."""

    pictures = 10**9

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            for number in range(self.pictures):
                data = encoded(numbered(number % 65536))
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
                self.wfile.write(b"Content-Length: %d\r\n\r\n%s\r\n" % (len(data), data))
                time.sleep(1 / 30)
        except OSError:
            pass  # the other side left

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class Files(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_server_that_never_answers(scheme: str) -> None:
    with silent_server() as port:
        start = time.perf_counter()
        with pytest.raises(SourceError, match=r"no answer within 1 s") as caught:
            NetworkStream(f"{scheme}://user:secret@127.0.0.1:{port}/x", timeout_s=1)
        assert 0.9 < time.perf_counter() - start < 2
    assert "secret" not in str(caught.value)
    assert "user" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_nobody_there(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SourceError, match=r"cannot be read \(") as caught:
        NetworkStream(f"{scheme}://user:secret@127.0.0.1:{port}/x?pwd=secret", timeout_s=5)
    assert "secret" not in str(caught.value)


def test_a_page_is_no_stream(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<!doctype html><title>page</title>" * 50)
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(tmp_path)))) as port:
        for path in ("page.html", "missing.mp4"):
            with pytest.raises(SourceError, match="cannot be read"):
                NetworkStream(f"http://127.0.0.1:{port}/{path}", timeout_s=5)


def test_a_video_file_plays_at_its_pace_and_ends(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", numbered_frames(25), container_options={"movflags": "faststart"})
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(tmp_path)))) as port:
        stream = NetworkStream(f"http://127.0.0.1:{port}/a.mp4", timeout_s=5)
        start = time.perf_counter()
        frames = list(stream)
    assert 0.9 < time.perf_counter() - start < 2.5
    assert isinstance(stream, Source)
    assert stream.kind is SourceKind.LIVE
    assert len(frames) >= 20
    assert frames[-1].time_s == pytest.approx(0.96)
    for frame in frames:
        assert number_of(frame.image) == frame.index
        assert frame.time_s == pytest.approx(frame.index / 25)


def test_what_would_begin_anew_is_not_opened_anew() -> None:
    """As a video file at an address, whose connection broke."""

    class Breaking:
        def __init__(self) -> None:
            self.shots = [reconnect.Shot(next(iter(numbered_frames(1))), 600.0)]

        def read(self) -> reconnect.Shot:
            if self.shots:
                return self.shots.pop()
            raise reconnect.Final("{source}: cannot be read.", source="film")

        def close(self) -> None:
            pass

    def connect() -> Breaking:
        raise AssertionError

    stream = reconnect.Reconnecting("film", Breaking(), connect, None)
    seen = iter(stream)
    assert next(seen).time_s == 600
    with pytest.raises(SourceError, match="film: cannot be read"):
        next(seen)


def test_motion_jpeg_breaks_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect, "FIRST_WAIT_S", 0.1)
    notices: list[str] = []
    handler = type("Breaking", (Motion,), {"pictures": 90})
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as port:
        stream = NetworkStream(
            f"http://user:secret@127.0.0.1:{port}/video?token=secret",
            timeout_s=5,
            notice=lambda text, values: notices.append(text.format(**values)),
        )
        name = f"http://127.0.0.1:{port}/video"
        assert stream.name == name
        frames = []
        with closing(iter(stream)) as iterator:  # type: ignore[type-var]
            for frame in iterator:
                frames.append((frame.index, frame.time_s, number_of(frame.image)))
                assert frame.source == name
                if f"{name}: back" in notices:
                    break
    assert notices[:1] == [f"{name}: lost; trying again in 0.1 s"]
    assert notices[-1] == f"{name}: back"
    indices, times, numbers = zip(*frames, strict=True)
    assert sorted(set(indices)) == list(indices)
    assert sorted(times) == list(times)
    assert max(numbers) > 80, "the stream was read to where it broke"
    assert numbers[-1] < max(numbers), "and then from its new beginning"


def test_closing_ends_a_blocked_read() -> None:
    handler = type("Stopping", (Motion,), {})
    stopped = threading.Event()

    class Stalling(handler):  # type: ignore[misc, valid-type]
        def do_GET(self) -> None:  # noqa: N802
            type(self).pictures = 60
            super().do_GET()
            stopped.set()
            time.sleep(5)

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Stalling)) as port:
        stream = NetworkStream(f"http://127.0.0.1:{port}/", timeout_s=30)

        def close() -> None:
            stopped.wait(10)
            time.sleep(0.3)
            closed.append(time.perf_counter())
            stream.close()

        closed: list[float] = []
        threading.Thread(target=close, daemon=True).start()
        for _ in stream:
            pass
        assert time.perf_counter() - closed[0] < 1


def test_a_stream_that_falls_silent_counts_as_lost() -> None:
    lost = threading.Event()

    class Stalling(Motion):
        pictures = 60

        def do_GET(self) -> None:
            super().do_GET()
            lost.wait(10)

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Stalling)) as port:
        stream = NetworkStream(f"http://127.0.0.1:{port}/", timeout_s=2, notice=lambda text, values: lost.set())

        def close() -> None:
            lost.wait(15)
            stream.close()

        threading.Thread(target=close, daemon=True).start()
        assert len(list(stream)) > 5
        assert lost.is_set()


VLC = shutil.which("cvlc")


@contextmanager
def rtsp_server(video: Path, port: int) -> Iterator[str]:
    """VLC, which refuses to run as the superuser."""
    assert VLC
    command = [VLC, "-q", "--loop", str(video), "--sout", f"#rtp{{sdp=rtsp://127.0.0.1:{port}/x}}", "--sout-keep"]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    environment = {**os.environ, "HOME": str(video.parent), "XDG_RUNTIME_DIR": str(video.parent)}
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"rtsp://user:secret@127.0.0.1:{port}/x"
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def open_patiently(url: str, notices: list[str]) -> NetworkStream:
    """Open a stream of a server that listens already and is not yet ready."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return NetworkStream(url, timeout_s=5, notice=lambda text, values: notices.append(text.format(**values)))
        except SourceError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that VLC's user may read; pytest's own are closed to it."""
    folder = Path(tempfile.mkdtemp(prefix="mimik-rtsp-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(VLC is None, reason="needs VLC: apt-get install vlc-bin vlc-plugin-base")
def test_rtsp_from_vlc_breaks_and_comes_back(open_folder: Path) -> None:
    """A camera on RTSP: pictures arrive, the server dies, the server returns, pictures arrive again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    notices: list[str] = []
    video = write_video(open_folder / "a.mp4", numbered_frames(250), options={"g": "12", "bf": "0"})
    with rtsp_server(video, port) as url:
        stream = open_patiently(url, notices)
        assert stream.name == f"rtsp://127.0.0.1:{port}/x"
        frames = iter(stream)
        first = [next(frames) for _ in range(30)]
        assert len({number_of(frame.image) for frame in first}) > 10
        assert all(frame.image.shape == (240, 320, 3) for frame in first)
    deadline = time.monotonic() + 20
    while not notices and time.monotonic() < deadline:
        time.sleep(0.05)  # not reading: the loss is noticed all the same
    assert notices[0] == f"{stream.name}: lost; trying again in 0.5 s"
    last = next(frames).index  # the newest one, left over from before
    with rtsp_server(video, port):
        again = [next(frames) for _ in range(10)]
        assert f"{stream.name}: back" in notices
        assert again[0].index > last
        assert again[0].time_s > first[-1].time_s
    stream.close()
    assert list(frames) == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("rtsp://admin:p%40ss@cam.local:554/stream1?token=abc#x", "rtsp://cam.local:554/stream1"),
        ("http://u@host/a.mjpg", "http://host/a.mjpg"),
        ("https://a:b@[::1]:8443/x", "https://[::1]:8443/x"),
        ("RTSP://a:p@ss:word@host/x", "rtsp://host/x"),
    ],
)
def test_names_hold_no_secrets(url: str, name: str) -> None:
    assert public_name(url) == name


@pytest.mark.parametrize("url", ["ftp://a:secret@host/x", "http://", "rtsp://a:secret@host:port/x", "http://[secret"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SourceError, match="not understood") as caught:
        public_name(url)
    assert "secret" not in str(caught.value)
