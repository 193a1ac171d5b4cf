"""Live runs with fake stages: text, recording, window, stopping."""

import io
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pytest

from mimik.cli import live, main
from mimik.cli.recording import Recorder, checked_path
from mimik.cli.stopping import Stop
from mimik.cli.summary import Tally, closing_line, closing_table, second_line
from mimik.cli.terminal import Terminal
from mimik.cli.window import check_screen, show
from mimik.errors import ConfigError, SinkError, SourceError
from mimik.pipeline import Pipeline
from mimik.realtime import Realtime, RealtimeStatistics
from mimik.sources import Paced
from mimik.types import Frame, FrameResult, Image, Source, SourceKind
from tests.fakes import FakeClassifier, FakeSource, detection, fake_pipeline

Wire = Callable[..., None]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Put a fake pipeline and a source into the command line."""

    def put(source: Source, pipeline: Pipeline | None = None) -> None:
        monkeypatch.setattr(Pipeline, "load", staticmethod(lambda settings=None: pipeline or fake_pipeline()))
        monkeypatch.setattr(live, "open_source", lambda spec, notice=None: source)

    return put


class FakeSink:
    """Keeps what it is given; fails at a frame."""

    def __init__(self, fails_at: int | None = None, pause_s: float = 0.0) -> None:
        self.results: list[FrameResult] = []
        self.closed = False
        self._fails_at = fails_at
        self._pause_s = pause_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.closed = True

    def write(self, result: FrameResult) -> None:
        time.sleep(self._pause_s)
        if len(self.results) == self._fails_at:
            raise SinkError("{path}: holds no more.", path="x.mp4")
        self.results.append(result)


class FakeScreen:
    """A window whose user quits after some time."""

    def __init__(self, patience_s: float = 60) -> None:
        self.shown: list[Image] = []
        self.titles: list[str] = []
        self.closed = False
        self._until = time.monotonic() + patience_s

    def show(self, image: Image) -> None:
        self.shown.append(image)

    def title(self, text: str) -> None:
        self.titles.append(text)

    def asked_to_quit(self) -> bool:
        time.sleep(0.005)
        return time.monotonic() > self._until

    def close(self) -> None:
        self.closed = True


def bare(frame: Frame, result: FrameResult | None) -> Image:
    return frame.image


# --- text ------------------------------------------------------------------------------------------------------------


def test_headless_prints_a_schema_row_a_face_and_frame(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    wire(FakeSource(4), fake_pipeline(detection(x=5), detection(x=60, side=12)))
    assert main(["live", "film.mp4", "--headless"]) == 0
    said = capsys.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [(row["frame"], row["top"], row["state"]) for row in rows] == [
        (frame, *face) for frame in range(4) for face in (("happy", "sure"), (None, "withheld"))
    ]
    assert said.err == ""


@pytest.mark.timing
def test_seconds_end_a_run_that_has_no_end(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    wire(FakeSource(100_000, fps=100, kind=SourceKind.LIVE))
    start = time.monotonic()
    assert main(["live", "--headless", "--seconds", "0.5"]) == 0
    assert 0.4 < time.monotonic() - start < 3
    assert len(capsys.readouterr().out.splitlines()) > 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_signals_end_a_run_after_whole_lines(
    number: signal.Signals, code: int, wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    class Signalled(FakeSource):
        """Sends the signal when frames come, and not before somebody is there to take it: it would end the tests."""

        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                if frame.index == 100:
                    signal.raise_signal(number)
                yield frame

    wire(Signalled(100_000, fps=200, kind=SourceKind.LIVE))
    assert main(["live", "--headless"]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(json.loads(line)["schema_version"] == 1 for line in lines)


def test_a_source_that_breaks_is_told_and_code_2(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    """What was read before is there."""
    wire(FakeSource(3, error=SourceError("{path}: holds no frame.", path="x.mp4")))
    assert main(["live", "x.mp4", "--headless"]) == 2
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3
    assert said.err == "error: x.mp4: holds no frame.\n"


@pytest.mark.timing
def test_the_demo_prints_every_second_and_closes_with_a_table(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    wire(FakeSource(100_000, fps=50, kind=SourceKind.LIVE))
    assert main(["demo", "--headless", "--seconds", "2.3", "--lang=tr"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" sn ")[0].strip() for line in lines[:2]] == ["1", "2"]
    assert "Mutlu" in lines[0]
    assert "kare/sn" in lines[0]
    table = "\n".join(lines[2:])
    assert "%100" in table
    assert "gecikme" in table


def test_the_closing_table_shares_add_up() -> None:
    tally = Tally()
    stream = fake_pipeline(detection(x=5), detection(x=60, side=12)).stream(SourceKind.LIVE)
    for frame in FakeSource(8):
        tally.add(stream.process(frame, dropped=1))
    assert (tally.frames, tally.faces, tally.labels.total(), tally.withheld, tally.dropped) == (8, 16, 8, 8, 8)
    table = closing_table(Terminal(), tally)
    assert [cell for cell in table.columns[1].cells if cell != "0%"] == ["50%", "50%"]
    assert closing_line(Terminal(), tally, 2.0).startswith("4.0 frames read a second, latency ")
    assert closing_line(Terminal(), tally, 2.0).endswith(", 8 frames dropped")


def test_no_frames_make_a_table_too() -> None:
    assert closing_table(Terminal(), Tally()).row_count == 8
    assert closing_line(Terminal(), Tally(), 1.0).startswith("0.0 frames")


def test_a_second_without_a_face() -> None:
    result = FrameResult(Frame(np.zeros((9, 9, 3), np.uint8)), (), 5.0)
    line = second_line(Terminal(), 3, result, RealtimeStatistics(30.0, 28.5, 12.0, 20.0, 2))
    assert line == "   3 s  no face  ·  28.5 fps, latency 12 ms (p95 20), dropped 2"


# --- stopping --------------------------------------------------------------------------------------------------------


def test_a_second_ctrl_c_does_not_wait() -> None:
    with Stop(lambda: None) as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.wanted
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


# --- recording -------------------------------------------------------------------------------------------------------


def test_a_live_recording_has_every_captured_frame_though_few_are_read() -> None:
    """The network takes 300 ms a frame; the recording stays at the camera's 50 frames a second."""
    sink = FakeSink()
    recorder = Recorder(FakeSource(50, fps=50, kind=SourceKind.LIVE), sink, Terminal())
    pipeline = fake_pipeline(classifier=FakeClassifier(pause_s=0.3))
    with recorder:
        read = 0
        for result in pipeline.run(recorder):
            recorder.read(result)
            read += 1
    assert [result.frame.index for result in sink.results] == list(range(50))
    assert read < 8
    assert sink.results[0].faces == ()
    assert sink.results[-1].faces
    assert sink.closed
    assert recorder.written == 50


def test_a_recorded_video_has_every_frame_with_its_own_reading() -> None:
    sink = FakeSink(pause_s=0.002)
    recorder = Recorder(FakeSource(60), sink, Terminal())
    with recorder:
        for result in fake_pipeline().run(recorder):
            recorder.read(result)
    assert [result.frame.index for result in sink.results] == list(range(60))
    assert all(result.faces for result in sink.results)


def test_a_full_disk_ends_the_recording_and_not_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    sink = FakeSink(fails_at=5)
    recorder = Recorder(FakeSource(200), sink, Terminal())
    with recorder:
        read = 0
        for result in fake_pipeline().run(recorder):
            recorder.read(result)
            read += 1
    assert read == 200
    assert recorder.failed
    assert recorder.written == 5
    assert sink.closed
    said = capsys.readouterr().err
    assert "x.mp4: holds no more." in said
    assert "the run goes on without it" in said


@pytest.mark.parametrize("kind", [SourceKind.VIDEO, SourceKind.LIVE])
def test_a_recording_that_cannot_be_completed_ends_with_the_run(
    kind: SourceKind, capsys: pytest.CaptureFixture[str]
) -> None:
    """The disk is full when the file's index is to be written."""

    class Unfinished(FakeSink):
        def __exit__(self, *error: object) -> None:
            raise SinkError("{path}: holds no more.", path="x.mp4")

    recorder = Recorder(FakeSource(5, kind=kind), Unfinished(), Terminal())
    with recorder:
        for result in fake_pipeline().run(recorder):
            recorder.read(result)
    assert recorder.failed
    said = capsys.readouterr().err
    assert "x.mp4: holds no more." in said
    assert "the run goes on" not in said


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_in_a_sink_holds_nobody_up() -> None:
    class Broken(FakeSink):
        def write(self, result: FrameResult) -> None:
            raise ZeroDivisionError

    recorder = Recorder(FakeSource(60), Broken(), Terminal())
    with recorder:
        for result in fake_pipeline().run(recorder):
            recorder.read(result)
    assert recorder.failed


def test_an_encoder_that_cannot_follow_leaves_frames_out_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    sink = FakeSink(pause_s=0.05)
    recorder = Recorder(FakeSource(150, fps=1000, kind=SourceKind.LIVE), sink, Terminal())
    with recorder:
        for _ in recorder:
            pass
    assert 30 <= len(sink.results) < 150
    assert f"lacks {150 - len(sink.results)} frames" in capsys.readouterr().err


def test_a_recording_that_cannot_be_made_is_told_before_anything_is_opened(
    tmp_path: Path, wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    source = FakeSource(1)
    wire(source)
    assert main(["live", "--headless", "--record", str(tmp_path / "none" / "x.mp4")]) == 2
    assert main(["live", "--headless", "--record", str(tmp_path / "x.avi")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        checked_path(tmp_path / "folder.mp4")


def test_a_recording_plays(tmp_path: Path, wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    import av

    wire(FakeSource(12))
    path = tmp_path / "x.mp4"
    assert main(["live", "film.mp4", "--headless", "--record", str(path)]) == 0
    with av.open(str(path)) as video:
        assert video.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in video.decode(video=0)) == 12
    assert "Recorded 12 frames" in capsys.readouterr().err


# --- window ----------------------------------------------------------------------------------------------------------


@pytest.mark.timing
def test_a_slow_network_leaves_the_shown_picture_at_camera_rate() -> None:
    """A classifier of 500 ms; the window shows each of 60 frames that a camera gives in two seconds."""
    pipeline = fake_pipeline(classifier=FakeClassifier(pause_s=0.5))
    screen = FakeScreen()
    with Realtime(FakeSource(60, fps=30, kind=SourceKind.LIVE), pipeline.stream(SourceKind.LIVE)) as realtime:
        shown = show(realtime, bare, screen, lambda now: f"{now.capture_fps:.0f}", lambda: False)
    assert shown >= 54
    assert screen.titles
    assert screen.closed


@pytest.mark.parametrize("how", ["key", "signal"])
@pytest.mark.timing
def test_the_user_leaves_a_window(how: str) -> None:
    source = FakeSource(100_000, fps=30, kind=SourceKind.LIVE)
    screen = FakeScreen(patience_s=0.3 if how == "key" else 60)
    start = time.monotonic()
    with Realtime(source, fake_pipeline().stream(SourceKind.LIVE)) as realtime:
        show(realtime, bare, screen, lambda now: "", lambda: how == "signal" and time.monotonic() - start > 0.3)
    assert time.monotonic() - start < 5
    assert screen.closed
    assert source.closed.is_set()


def test_a_source_that_breaks_ends_the_window_with_its_error() -> None:
    source = FakeSource(3, fps=30, kind=SourceKind.LIVE, error=SourceError("gone"))
    screen = FakeScreen()
    with (
        pytest.raises(SourceError, match="gone"),
        Realtime(source, fake_pipeline().stream(SourceKind.LIVE)) as realtime,
    ):
        show(realtime, bare, screen, lambda now: "", lambda: False)
    assert screen.closed


@pytest.mark.parametrize("display", [None, "", ":4242", "no-such-host.invalid:0"])
def test_without_a_screen_the_window_is_refused(display: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Qt would end the process; nothing of the kind may be reached."""
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)
    with pytest.raises(ConfigError, match="no screen"):
        check_screen()


@pytest.mark.timing
def test_a_recording_is_shown_at_its_own_pace() -> None:
    paced = Paced(FakeSource(16))  # its time stamps say 30 a second
    start = time.perf_counter()
    times = [frame.captured_s - start for frame in paced]
    assert paced.kind is SourceKind.LIVE
    assert len(times) == 16
    assert times[-1] == pytest.approx(0.5, abs=0.2)


@pytest.mark.timing
def test_closing_ends_a_pause_between_pictures() -> None:
    paced = Paced(FakeSource(5, kind=SourceKind.PICTURES))
    threading.Timer(0.2, paced.close).start()
    start = time.perf_counter()
    assert len(list(paced)) == 1
    assert time.perf_counter() - start < 2


# --- terminal --------------------------------------------------------------------------------------------------------


def test_quiet_leaves_out_news_and_keeps_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal("en", quiet=True)
    terminal.say("q or Esc in the window quits.")
    terminal.warn("Nothing was recorded: no frame came.")
    assert capsys.readouterr().err == "warning: Nothing was recorded: no frame came.\n"


def test_a_stream_without_reconfigure_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert main(["--version"]) == 0
