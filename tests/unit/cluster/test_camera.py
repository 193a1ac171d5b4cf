"""A worker that watches one camera: what it reads waits until it is taken, each result once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from mimik.cli.watch import _slug
from mimik.cluster import camera as cameras
from mimik.cluster.camera import Beginning, Camera, CameraState, Report, Sight, is_address, is_of_one_machine
from mimik.cluster.watch import CameraHealth, camera_name, camera_names, free_name
from mimik.config import Settings
from mimik.errors import SourceError, WeightsError
from mimik.pipeline import Pipeline
from mimik.types import Frame, SourceKind
from tests.fakes import FakeSource, fake_pipeline
from tests.media import numbered_frames, write_video

SETTINGS = Settings()


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pipeline, "load", staticmethod(lambda settings: fake_pipeline()))


def until(camera: Camera, wanted: Callable[[Report], bool], taken: int = -1) -> Report:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        report = camera.report(taken)
        if wanted(report):
            return report
        time.sleep(0.02)
    raise AssertionError(report)


def live(frames: int, fps: float = 50) -> Callable[..., FakeSource]:
    class Live(FakeSource):
        def __iter__(self) -> Iterator[Frame]:
            yield from super().__iter__()

    return lambda spec, notice: Live(frames, fps, SourceKind.LIVE)


def test_results_wait_until_they_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "open_source", live(100))  # two seconds: a busy machine, too, reads some of them
    camera = Camera("0", SETTINGS, Beginning(), time.time())
    report = until(camera, lambda report: report.state is CameraState.ENDED)
    numbers = [sight.number for sight in report.sights]
    assert numbers == list(range(len(numbers)))
    again = camera.report(-1)
    assert [sight.number for sight in again.sights] == numbers, "an answer may be lost on its way"
    assert [sight.number for sight in camera.report(numbers[3]).sights] == numbers[4:]
    assert camera.report(numbers[-1]).sights == ()


def test_it_goes_on_where_another_worker_left_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "open_source", live(5))
    camera = Camera("0", SETTINGS, Beginning(time_s=100.0, index=40, people=7), time.time())
    sights = until(camera, lambda report: report.state is CameraState.ENDED).sights
    assert sights[0].index >= 40
    assert 100 <= sights[0].time_s < 110
    assert {face.track_id for sight in sights for face in sight.faces} == {8}


def test_a_recording_has_played_on_meanwhile(tmp_path: Path) -> None:
    film = write_video(tmp_path / "v.mp4", numbered_frames(1500, 64, 48), fps=25)  # not over before it is opened
    camera = Camera(str(film), SETTINGS, Beginning(time_s=3.0, index=30), time.time() - 3.0)
    sights = until(camera, lambda report: len(report.sights) > 5).sights
    camera.close()
    until(camera, lambda report: report.state is CameraState.ENDED)
    assert sights[0].index >= 75
    assert all(sight.time_s == sight.index / 25 for sight in sights)


def test_a_camera_that_is_not_there_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def open_source(spec: str, notice: object) -> FakeSource:
        opened.append(spec)
        if len(opened) < 3:
            raise SourceError("{source}: cannot be opened.", source=spec)
        return FakeSource(500, 50, SourceKind.LIVE)

    monkeypatch.setattr(cameras, "open_source", open_source)
    monkeypatch.setattr(cameras, "_FIRST_WAIT_S", 0.05)
    camera = Camera("3", SETTINGS, Beginning(), time.time())
    away = until(camera, lambda report: report.state is CameraState.AWAY)
    assert away.trouble is not None
    assert until(camera, lambda report: report.state is CameraState.LIVE).trouble is None
    assert len(opened) == 3
    camera.close()
    until(camera, lambda report: report.state is CameraState.ENDED)


def test_a_camera_that_gives_nothing_more_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = threading.Event()

    class Stuck(FakeSource):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                yield frame
                if seen.is_set():
                    self.closed.wait(60)

    monkeypatch.setattr(cameras, "open_source", lambda spec, notice: Stuck(10_000, 50, SourceKind.LIVE))
    monkeypatch.setattr(cameras, "_STALE_S", 0.3)
    camera = Camera("0", SETTINGS, Beginning(), time.time())
    until(camera, lambda report: report.state is CameraState.LIVE and report.age_s is not None)
    seen.set()
    assert until(camera, lambda report: report.state is CameraState.AWAY).age_s is not None
    camera.close()


def test_a_file_that_is_not_there_has_failed(tmp_path: Path) -> None:
    camera = Camera(str(tmp_path / "none.mp4"), SETTINGS, Beginning(), time.time())
    report = until(camera, lambda report: report.state is CameraState.FAILED)
    assert report.trouble is not None
    assert "no such thing" in report.trouble.text


def test_what_nobody_takes_is_given_up_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "open_source", live(200, 100))
    monkeypatch.setattr(cameras, "_ROOM", 5)
    camera = Camera("0", SETTINGS, Beginning(), time.time())
    report = until(camera, lambda report: report.state is CameraState.ENDED)
    assert len(report.sights) == 5
    assert report.unsent == report.sights[0].number > 0


def test_a_result_has_no_picture_and_takes_no_room() -> None:
    result = Sight(0, 7, 1.5, 2.0, (640, 480), (), 12.0, 3).result("camera 0", 100.0)
    assert (result.frame.index, result.frame.time_s, result.frame.captured_s) == (7, 1.5, 102.0)
    assert result.frame.image.shape == (480, 640, 3)
    assert not np.asarray(result.frame.image).any()
    assert result.frame.image.strides == (0, 0, 0)


def test_cameras_are_called_without_passwords() -> None:
    assert camera_name("rtsp://user:secret@10.0.0.5/stream") == "rtsp://10.0.0.5/stream"
    assert (camera_name("0"), camera_name("film.mp4")) == ("camera 0", "film.mp4")
    recorder = "rtsp://10.0.0.9:554/user=admin&password=SECRET&channel=1&stream=0.sdp"
    assert camera_name(recorder) == "rtsp://10.0.0.9:554/user=…&password=…&channel=1&stream=0.sdp"
    assert camera_name("rtsp://10.0.0.9/user=a_password=SECRET_channel=2_stream=0.sdp") == (
        "rtsp://10.0.0.9/user=…_password=…_channel=2_stream=0.sdp"
    )
    assert [is_address(spec) for spec in ("0", "rtsp://x/y", "film.mp4", "demo")] == [True, True, False, False]


def test_health_is_plain_json() -> None:
    health = CameraHealth("camera 0", CameraState.AWAY, 0.0, 0.0, 0, None, 5, 1, "m", None)
    assert health.as_dict()["state"] == "away"
    assert health.as_dict()["trouble"] is None


def test_a_machine_with_other_models_reads_no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "open_source", live(20))
    camera = Camera("0", SETTINGS, Beginning(), time.time(), identity="another")
    report = until(camera, lambda report: report.state is CameraState.LOST)
    assert report.trouble is not None
    assert "has other models than this one" in report.trouble.text
    assert report.sights == ()


def test_a_machine_whose_models_do_not_load_is_to_blame_and_not_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(settings: Settings) -> Pipeline:
        raise WeightsError("{path}: is missing.", path="m.onnx")

    monkeypatch.setattr(Pipeline, "load", staticmethod(load))
    report = until(Camera("0", SETTINGS, Beginning(), time.time()), lambda report: report.state is CameraState.LOST)
    assert report.trouble is not None
    assert report.trouble.text.format(**report.trouble.values).endswith("cannot read faces. m.onnx: is missing.")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_that_should_not_be_is_tried_elsewhere_once_all_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = threading.Event()

    class Broken(FakeSource):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                yield frame
                if seen.is_set():
                    raise RuntimeError("no memory")

    monkeypatch.setattr(cameras, "open_source", lambda spec, notice: Broken(10_000, 50, SourceKind.LIVE))
    camera = Camera("0", SETTINGS, Beginning(), time.time())
    until(camera, lambda report: len(report.sights) > 3)
    monkeypatch.setattr(cameras, "_AT_ONCE", 1)
    seen.set()
    report = until(camera, lambda report: report.trouble is not None)
    taken = -1
    while report.state is not CameraState.LOST:
        (sight,) = report.sights
        taken, report = sight.number, camera.report(sight.number)
    assert taken >= 0
    for thread in threading.enumerate():
        if thread.name == "mimik-watch":
            thread.join(10)  # what it raises is this test's
    assert report.trouble is not None
    assert report.trouble.values == {"kind": "RuntimeError", "detail": "no memory"}


def test_what_only_one_machine_can_mean_is_known() -> None:
    here = (
        "0",
        "12",
        "/dev/video0",
        "rtsp://localhost:8554/x",
        "http://127.0.0.1/a",
        "rtsp://[::1]/a",
        "rtsp://LOCALHOST",
    )
    assert all(is_of_one_machine(spec) for spec in here)
    anywhere = ("rtsp://10.0.0.5/stream", "http://hall.example/localhost", "film.mp4", "demo", "1234", "dev/video0")
    assert not any(is_of_one_machine(spec) for spec in anywhere)


def test_channels_of_one_recorder_have_names_and_files_of_their_own() -> None:
    channels = [f"rtsp://nvr/cam/realmonitor?channel={number}&subtype=0" for number in (1, 2, 3)]
    names = camera_names(channels)
    assert names == [f"rtsp://nvr/cam/realmonitor{more}" for more in ("", " (2)", " (3)")]
    turkish = [_slug(name) for name in ("sınıf-ş.mp4", "sınıf-ç.mp4")]
    assert turkish[0] == turkish[1]
    taken: list[str] = []
    for _ in range(3):
        taken.append(free_name(turkish[0], taken, "{name}-{number}"))
    assert taken == [turkish[0], f"{turkish[0]}-2", f"{turkish[0]}-3"]
