"""Sessions kept from the command line: what is asked first, what is kept, what is said."""

import json
import os
import pty
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mimik.analysis import Spooled
from mimik.analysis.inputs import follow
from mimik.cli import live, main
from mimik.cli.keeping import Keeper, Plan
from mimik.cli.terminal import Terminal
from mimik.cli.typed import Typed
from mimik.cli.window import HighGui
from mimik.errors import StoreError
from mimik.pipeline import Pipeline
from mimik.sources import Paced, VideoFile
from mimik.store import Draft, MarkerKind, Purpose, Session, SessionState, Store
from mimik.store.values import ROOM
from mimik.types import Frame, FrameResult, Source, SourceKind
from tests.fakes import FakeSource, detection, fake_pipeline

Wire = Callable[..., None]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Put a fake pipeline and a source into the command line."""

    def put(source: Source, pipeline: Pipeline | None = None) -> None:
        monkeypatch.setattr(Pipeline, "load", staticmethod(lambda settings=None: pipeline or fake_pipeline()))
        monkeypatch.setattr(live, "open_source", lambda spec, notice=None: source)

    return put


@pytest.fixture
def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the environment's."""
    path = tmp_path / "sessions.db"
    monkeypatch.setenv("MIMIK_DATABASE_URL", str(path))
    return path


@pytest.fixture
def store(db: Path) -> Iterator[Store]:
    with Store.open(db) as opened:
        yield opened


def only(store: Store) -> Session:
    (session,) = store.sessions()
    return session


# --- what is asked first ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", ["lesson", "WORK", "shop"])
def test_the_law_comes_first_and_a_ground_is_asked_for(
    purpose: str, wire: Wire, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    source = FakeSource(3)
    wire(source)
    arguments = ["live", "film.mp4", "--headless", "--session", "Maths", "--purpose", purpose]
    assert main([*arguments, "--lang=tr"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert "2024/1689" in lines[0]
    assert lines[-1].startswith("hata: ")
    assert "--consent" in lines[-1]
    assert "--ground" in lines[-1]
    assert store.sessions() == ()
    assert main([*arguments, "--consent", " "]) == 2
    assert main([*arguments, "--ground", "safety of the machine's operator"]) == 0
    session = only(store)
    assert session.purpose is Purpose(purpose.lower())
    assert session.ground == "safety of the machine's operator"
    assert "2024/1689" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tag", "x"], "--session TITLE"),
        (["--clip"], "--session TITLE"),
        (["--session", " "], "needs a title"),
        (["--session", "x", "--purpose", "fun"], "not a purpose"),
        (["--session", "x", "--keep-days", "soon"], "number of days"),
        (["--session", "x", "--raw-days", "-1"], "number of days"),
        (["--session", "x", "--db", "mysql://host/name"], "not an address of a session database"),
    ],
)
def test_what_cannot_be_is_code_2_before_anything_is_opened(
    arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def never(*given: object, **named: object) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(Pipeline, "load", staticmethod(never))
    monkeypatch.setattr(live, "open_source", never)
    for mode in (["--headless"], ["--no-browser"]):
        assert main(["live", *mode, *arguments]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert words in said.err
        assert len(said.err.splitlines()) == 1


def test_pictures_make_no_session(wire: Wire, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    source = FakeSource(3, kind=SourceKind.PICTURES)
    wire(source)
    assert main(["live", "holiday", "--headless", "--session", "x"]) == 2
    assert "pictures have no time" in capsys.readouterr().err
    assert source.closed.is_set()
    assert store.sessions() == ()


# --- what is kept ----------------------------------------------------------------------------------------------


def test_a_video_is_kept_and_the_next_step_is_said(
    wire: Wire, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    wire(FakeSource(45), fake_pipeline(detection(x=5), detection(x=60)))
    about = ["--purpose", "advertisement", "--tag", "a", "--tag", "b", "--consent", "signed"]
    days = ["--raw-days", "7", "--keep-days", "90"]
    code = main(["live", "film.mp4", "--headless", "--session", "Spot A", *about, *days])
    assert code == 0
    session = only(store)
    assert (session.title, session.tags, session.consent, session.live) == ("Spot A", ("a", "b"), "signed", False)
    assert session.state is SessionState.DONE
    assert session.people == 2
    assert session.source == "fake"
    assert session.raw_until is not None
    assert session.keep_until is not None
    assert (session.keep_until - session.raw_until).days == 83
    sums = store.aggregates(session.id)
    assert sums.of(ROOM).frames.tolist() == [30, 15]
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 90
    assert f"mimik session report {session.id} -o report.html\n" in said.err


def test_a_camera_is_kept_by_the_clock_without_a_row_of_a_person(wire: Wire, store: Store) -> None:
    wire(FakeSource(100_000, fps=50, kind=SourceKind.LIVE))
    arguments = [
        "live",
        "--headless",
        "--seconds",
        "1",
        "--session",
        "Lobby",
        "--aggregate-only",
        "--raw-days",
        "forever",
    ]
    assert main(arguments) == 0
    session = only(store)
    assert session.live
    assert session.aggregate_only
    assert session.raw_until is None
    assert 0.3 < session.duration_s < 3
    assert set(store.aggregates(session.id).person.tolist()) == {ROOM}


def test_a_database_may_be_named_and_is_named_in_the_next_step(
    tmp_path: Path, wire: Wire, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my sessions.db"
    wire(FakeSource(3))
    assert main(["live", "film.mp4", "--headless", "--session", "x", "--db", str(path)]) == 0
    assert f"--db '{path}'" in capsys.readouterr().err
    with Store.open(path) as store:
        assert only(store).title == "x"


def test_no_frame_makes_no_session(wire: Wire, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    wire(FakeSource(0))
    assert main(["live", "film.mp4", "--headless", "--session", "x"]) == 0
    assert "The session was not begun: no frame came." in capsys.readouterr().err
    assert store.sessions() == ()


def test_a_session_and_a_recording_together(tmp_path: Path, wire: Wire, store: Store) -> None:
    import av

    wire(FakeSource(12))
    path = tmp_path / "x.mp4"
    assert main(["live", "film.mp4", "--headless", "--session", "x", "--record", str(path)]) == 0
    with av.open(str(path)) as video:
        assert sum(1 for _ in video.decode(video=0)) == 12
    assert store.aggregates(only(store).id).of(ROOM).frames.sum() == 12


def test_a_session_deleted_while_it_is_recorded_leaves_no_clip_either(
    wire: Wire, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    class Deleting(FakeSource):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                if frame.index == 8:
                    store.delete(only(store).id)
                yield frame

    wire(Deleting(30, 20, SourceKind.LIVE))
    assert main(["live", "--headless", "--session", "x", "--clip"]) == 0
    assert store.sessions() == ()
    assert list(store.clips.iterdir()) == []
    said = capsys.readouterr().err
    assert said.count("was deleted") == 1
    assert "not being saved" not in said
    assert "mimik session report" not in said


def test_a_clip_is_kept_only_where_it_is_asked_for(wire: Wire, store: Store) -> None:
    wire(FakeSource(100_000, fps=30, kind=SourceKind.LIVE))
    assert main(["live", "--headless", "--seconds", "0.7", "--session", "without"]) == 0
    assert only(store).clip is None
    assert not store.clips.exists()
    wire(FakeSource(100_000, fps=30, kind=SourceKind.LIVE))
    assert main(["live", "--headless", "--seconds", "0.7", "--session", "with", "--clip"]) == 0
    session = next(each for each in store.sessions() if each.title == "with")
    assert session.clip == f"{session.id}.mp4"
    assert (store.clips / session.clip).stat().st_size > 0
    assert store.clips.stat().st_mode & 0o077 == 0
    store.delete(session.id)
    assert list(store.clips.iterdir()) == []


def test_the_page_keeps_the_source_from_its_first_frame(
    wire: Wire, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is left out: what it is given is called as it would."""
    import mimik.serve

    given: dict[str, object] = {}
    monkeypatch.setattr(mimik.serve, "create_app", lambda pipeline, **named: given.update(named))

    def serve(*arguments: object) -> None:
        source, on_result = given["source"], given["on_result"]
        assert isinstance(source, Paced)
        assert callable(on_result)
        stream = fake_pipeline().stream(SourceKind.LIVE)
        for frame in source:
            on_result(stream.process(frame))

    monkeypatch.setattr(mimik.serve, "serve", serve)
    wire(FakeSource(10))
    assert main(["live", "film.mp4", "--session", "x", "--no-browser"]) == 0
    session = only(store)
    assert session.state is SessionState.DONE
    assert not session.live
    (samples,) = store.samples(session.id)
    np.testing.assert_allclose(samples.time_s, np.arange(10) / 30, atol=1e-6)


# --- trouble ----------------------------------------------------------------------------------------------


def test_a_store_that_fails_at_the_first_frame_ends_the_session_and_not_the_run(
    wire: Wire, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Store, draft: Draft) -> Session:
        raise StoreError("{place}: there is no room left.", place="x.db")

    monkeypatch.setattr(Store, "begin", full)
    wire(FakeSource(20))
    assert main(["live", "film.mp4", "--headless", "--session", "x"]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 20
    assert said.err.count("there is no room left") == 1
    assert "the run goes on without it" in said.err


def test_a_store_that_fails_meanwhile_is_told_and_code_1(
    wire: Wire, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mimik.store import writer

    def locked(self: Store, *given: object) -> None:
        raise StoreError("{place}: another program holds it locked.", place="x.db")

    monkeypatch.setattr(writer, "_CLOSE_S", 0.2)
    monkeypatch.setattr(Store, "append", locked)
    wire(FakeSource(100_000, fps=50, kind=SourceKind.LIVE))
    assert main(["live", "--headless", "--seconds", "1.5", "--session", "x"]) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) > 20
    assert said.err.count("locked") == 1
    assert said.err.count("is not being saved") == 1
    assert "could not be saved" in said.err


# --- markers ----------------------------------------------------------------------------------------------


def test_keys_set_numbered_markers_while_a_session_runs(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(store, Draft("x"), clip=False, db=None)
    source = FakeSource(30)
    with Keeper(Terminal(), plan, source, "model") as keeper:
        keeper.mark()  # too early: there is no session yet
        for result in fake_pipeline().run(source):
            keeper.read(result)
        keeper.mark()
        keeper.mark("question 2")
    keeper.mark("too late")
    markers = store.markers(only(store).id)
    assert [(marker.label, marker.kind) for marker in markers] == [
        ("1", MarkerKind.POINT),
        ("question 2", MarkerKind.POINT),
    ]
    assert "Marker “question 2” at 0:00" in capsys.readouterr().err


def test_the_key_m_marks_in_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    keys = iter([255, ord("m"), ord("M"), ord("q")])
    monkeypatch.setattr(cv2, "namedWindow", lambda *given: None)
    monkeypatch.setattr(cv2, "waitKey", lambda wait: next(keys))
    marked: list[int] = []
    screen = HighGui(lambda: marked.append(1))
    assert [screen.asked_to_quit() for _ in range(4)] == [False, False, False, True]
    assert len(marked) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="terminals as POSIX has them")
def test_lines_typed_at_a_terminal_are_markers(monkeypatch: pytest.MonkeyPatch) -> None:
    keyboard, terminal = pty.openpty()
    lines: list[str] = []
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        monkeypatch.setattr(os, "tcgetpgrp", lambda number: os.getpgrp())
        typed = Typed(lines.append)
        assert typed.start()
        os.write(keyboard, b"topic 2\n\nso")
        os.write(keyboard, "ru 3 ğ\n".encode())
        end = time.monotonic() + 20
        while len(lines) < 3 and time.monotonic() < end:
            time.sleep(0.01)
        typed.stop()
        for thread in threading.enumerate():
            if thread.name == "mimik-typed":
                thread.join(5)
    os.close(keyboard)
    assert lines == ["topic 2", "", "soru 3 ğ"]


def test_nobody_types_into_a_pipe() -> None:
    assert not Typed(lambda line: None).start()


def test_the_demo_may_be_kept(wire: Wire, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    wire(FakeSource(10, fps=50, kind=SourceKind.LIVE))
    assert main(["demo", "--headless", "--session", "Try"]) == 0
    session = only(store)
    assert (session.title, session.state, session.source) == ("Try", SessionState.DONE, "fake")
    assert session.people == 1
    assert f"mimik session report {session.id}" in capsys.readouterr().err


# --- analysed videos ----------------------------------------------------------------------------------------------


def films(folder: Path, *names: str) -> list[str]:
    from tests.media import write_video

    for name in names:
        write_video(folder / name, [np.full((90, 160, 3), 60, np.uint8)] * 20, 10)
    return [str(folder / name) for name in names]


@pytest.fixture
def _fake_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pipeline, "load", staticmethod(lambda settings=None: fake_pipeline()))


@pytest.mark.usefixtures("_fake_line")
def test_an_analysed_video_is_a_session(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    (film,) = films(tmp_path, "a.mp4")
    assert main(["analyze", film, "-o", str(tmp_path / "out"), "--session", "Spot", "--json"]) == 0
    session = only(store)
    said = capsys.readouterr()
    assert json.loads(said.out)["sessions"] == [session.id]
    assert f"mimik session report {session.id}" in said.err
    assert (session.title, session.live, session.source) == ("Spot", False, film)
    assert session.started_at == VideoFile(film).recorded_at
    assert session.state is SessionState.DONE
    assert store.aggregates(session.id).of(ROOM).frames.tolist() == [10, 10]
    assert store.aggregates(session.id).of(1).frames.tolist() == [10, 10]


@pytest.mark.usefixtures("_fake_line")
def test_several_videos_are_a_session_each_and_pictures_are_left_out(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    inputs = films(tmp_path, "a.mp4", "b.mp4")
    cv2.imwrite(str(tmp_path / "c.png"), np.zeros((90, 160, 3), np.uint8))
    code = main(["analyze", *inputs, str(tmp_path / "c.png"), "-o", str(tmp_path / "out"), "--session", "Spot"])
    assert code == 0
    assert sorted(session.title for session in store.sessions()) == ["Spot · a.mp4", "Spot · b.mp4"]
    assert "1 pictures are in the table only" in capsys.readouterr().err


@pytest.mark.usefixtures("_fake_line")
def test_pictures_alone_are_code_2_before_the_work(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "c.png"), np.zeros((90, 160, 3), np.uint8))
    assert main(["analyze", str(tmp_path / "c.png"), "-o", str(tmp_path / "out"), "--session", "x"]) == 2
    assert "pictures have no time" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("_fake_line")
def test_a_video_that_cannot_be_opened_makes_no_session(tmp_path: Path, store: Store) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    assert main(["analyze", str(tmp_path / "text.mp4"), "-o", str(tmp_path / "out"), "--session", "x"]) == 2
    assert store.sessions() == ()


@pytest.mark.usefixtures("_fake_line")
def test_an_analysis_gone_on_with_doubles_nothing(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first video's session is whole, the second's is cut off by a defect half-way; the third's was never begun."""
    from mimik.analysis import run

    inputs = films(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    command = ["analyze", *inputs, "-o", str(tmp_path / "out"), "--session", "Spot"]

    def breaking(pipeline: Pipeline, spooled: Spooled) -> Iterator[FrameResult]:
        for number, result in enumerate(follow(pipeline, spooled)):
            if spooled.job.path.name == "b.mp4" and number == 12:
                raise ZeroDivisionError
            yield result

    with monkeypatch.context() as patch:
        patch.setattr(run, "follow", breaking)
        assert main(command) == 1
    states = {session.title: session.state for session in store.sessions()}
    assert states == {"Spot · a.mp4": SessionState.DONE, "Spot · b.mp4": SessionState.INTERRUPTED}
    first = next(session.id for session in store.sessions() if session.title == "Spot · a.mp4")

    assert main(command) == 0
    sessions = store.sessions()
    assert sorted(session.title for session in sessions) == [f"Spot · {name}.mp4" for name in "abc"]
    assert first in {session.id for session in sessions}
    for session in sessions:
        assert session.state is SessionState.DONE
        assert store.aggregates(session.id).of(ROOM).frames.sum() == 20
        assert sum(len(samples) for samples in store.samples(session.id)) == 20


def test_ids_are_told_as_they_are(wire: Wire, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    wire(FakeSource(3))
    assert main(["live", "film.mp4", "--headless", "--session", "x", "--lang", "tr"]) == 0
    said = re.search(r"Oturum saklandı: (\w+)", capsys.readouterr().err)
    assert said is not None
    assert store.session(said[1]).title == "x"
