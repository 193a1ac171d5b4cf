"""`mimik bench`: figures of this machine, and advice that follows from them."""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mimik.cli import bench, main
from mimik.cli.advice import Figures, Film, Live, Trial, advise
from mimik.cli.stages import StageClock
from mimik.config import Settings
from mimik.pipeline import Pipeline
from mimik.types import SourceKind
from tests.fakes import (
    FakeAligner,
    FakeClassifier,
    FakeDetector,
    FakeGate,
    FakeSmoother,
    FakeSource,
    FakeTracker,
    detection,
)

EIGHT = ("centerface", "default")


def figures(
    *,
    one_ms: float = 30,
    all_ms: float = 30,
    quick_ms: float = 15,
    large_ms: float = 90,
    live_ms: float = 40,
    floats_ms: float = 60,
    video_fps: float = 50,
    one_fps: float = 30,
    others: tuple[str, ...] = (),
) -> Figures:
    def trial(threads: int, side: int | None, ms: float, large: bool = False, form: tuple[str, str] = EIGHT) -> Trial:
        return Trial(threads, side, 1280 if large else 640, 720 if large else 360, *form, 9, ms, ms)

    trials = (
        trial(0, 480, all_ms),
        trial(1, 480, one_ms),
        trial(1, 480, floats_ms, form=("centerface-fp16", "default-fp16")),
        trial(1, 320, quick_ms),
        trial(1, None, 50),
        trial(1, None, large_ms, large=True),
    )
    live = Live(live_ms / 2, live_ms, 30, 0.0)
    films = (Film(0, video_fps), Film(1, one_fps))
    return Figures("a processor", 2, "a runtime", others, 0.5, trials, films, live, {"detect": 20.0})


def said(of: Figures) -> str:
    return "\n".join(each.text.format(**each.values) for each in advise(of))


@pytest.mark.parametrize(
    ("one_ms", "all_ms", "expected"),
    [
        (20, 40, "Live, --threads 1 reads 100% more"),
        (40, 20, "Live, leave --threads as it is"),
        (30, 31, "Live, --threads 1 is as fast"),
    ],
)
def test_threads_are_advised_by_which_is_clearly_faster(one_ms: float, all_ms: float, expected: str) -> None:
    assert expected in said(figures(one_ms=one_ms, all_ms=all_ms))


@pytest.mark.parametrize(
    ("one_fps", "expected"),
    [
        (27, "For `mimik analyze`, leave --threads as it is: all cores read 1.9 times as many frames as one."),
        (48, "For `mimik analyze`, --threads 1 reads as many frames here"),
    ],
)
def test_videos_have_advice_of_their_own_on_threads(one_fps: float, expected: str) -> None:
    """A single picture may gain nothing from a second core where a video gains all of it."""
    assert expected in said(figures(one_ms=30, all_ms=31, one_fps=one_fps))


def test_what_else_could_run_the_networks_is_told() -> None:
    assert "also has CoreML, WebGPU here" in said(figures(others=("CoreML", "WebGPU")))
    assert "ONNX Runtime" not in said(figures())


def test_a_machine_that_keeps_up_is_left_alone() -> None:
    text = said(figures(live_ms=20))
    assert "leave --side as it is" in text
    assert "--side 320" not in text


def test_a_slow_machine_is_told_to_look_at_less() -> None:
    text = said(
        figures(one_ms=100, all_ms=110, quick_ms=40, large_ms=500, live_ms=300, floats_ms=200, video_fps=2, one_fps=1)
    )
    assert "--side 320 reads 25 frames a second instead of 10" in text
    assert "about 900 minutes; with --fps 5, 150." in text
    assert "Set the camera to 640×360" in text


def test_an_hour_that_takes_less_than_an_hour_needs_no_advice() -> None:
    assert "about 36 minutes." in said(figures(video_fps=50))


@pytest.mark.parametrize(
    ("floats_ms", "expected"),
    [
        (60, "Leave --detector and --model as they are: in eight bits the networks read 2.0 times"),
        (29, "in eight bits the networks read 1.0 times"),
        (20, "--detector centerface-fp16 --model default-fp16, the networks in floating point, read 50% more"),
    ],
)
def test_the_form_of_the_networks_is_advised_by_which_is_clearly_faster(floats_ms: float, expected: str) -> None:
    assert expected in said(figures(floats_ms=floats_ms))


class _FakeLoad:
    """Builds a line of fake stages in place of the real one, with the clocks that are asked for."""

    def __init__(self) -> None:
        self.settings: list[Settings] = []

    def __call__(self, settings: Settings, around: Callable[[str, Any], Any] = lambda name, stage: stage) -> Pipeline:
        self.settings.append(settings)
        return Pipeline(
            around("detect", FakeDetector(detection())),
            around("gate", FakeGate()),
            around("align", FakeAligner()),
            around("classify", FakeClassifier(pause_s=0.002)),
            lambda: around("track", FakeTracker()),
            lambda kind: around("smooth", FakeSmoother(kind)),
        )


@pytest.fixture
def fake_load(monkeypatch: pytest.MonkeyPatch) -> _FakeLoad:
    load = _FakeLoad()
    monkeypatch.setattr(bench, "load", load)
    return load


def test_every_setting_is_tried_and_told(fake_load: _FakeLoad, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--seconds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    sides = [(trial["width"], trial["side"]) for trial in told["trials"]]
    assert {(640, 320), (640, 480), (640, None), (1280, None)} == set(sides)
    forms = [(trial["detector"], trial["model"]) for trial in told["trials"]]
    assert set(forms) == {EIGHT, ("centerface-fp16", "default-fp16")}
    assert forms.count(EIGHT) == len(forms) - 1
    assert [film["threads"] for film in told["films"]] in ([0, 1], [0])
    assert all(film["fps"] > 0 for film in told["films"])
    assert told["runtime"].startswith("ONNX Runtime ")
    assert all(trial["fps"] == pytest.approx(1000 / trial["p50_ms"]) for trial in told["trials"])
    assert told["stages"]["classify"] >= 2.0
    assert list(told["stages"]) == ["detect", "gate", "align", "classify", "track", "smooth"]
    assert 0 <= told["live"]["dropped"] < 1
    assert told["advice"]
    assert fake_load.settings[-1].detector_side == 480


def test_people_are_told_in_their_language(fake_load: _FakeLoad, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--seconds", "1", "--lang=tr"]) == 0
    told = capsys.readouterr().out
    assert "ortanca" in told
    assert "→ Bir saatlik 1280×720 video" in told
    assert "Live at" not in told


def test_a_form_that_somebody_chose_is_not_compared(fake_load: _FakeLoad, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--seconds", "1", "--json", "--detector", "centerface-fp16"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {trial["detector"] for trial in told["trials"]} == {"centerface-fp16"}
    assert not any("--detector" in each for each in told["advice"])


@pytest.mark.integration
def test_the_real_line_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--seconds", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stages"]["detect"] > told["stages"]["align"] > 0


def test_a_clock_counts_every_call_and_changes_nothing() -> None:
    clock = StageClock()
    face = detection()
    finder = clock.around("detect", FakeDetector(face))
    image = np.zeros((9, 9, 3), np.uint8)
    assert [finder.detect(image), finder.detect(image)] == [(face,), (face,)]
    assert finder.found == (face,)
    seconds, calls = clock.table()["detect"]
    assert calls == 2
    assert seconds > 0
    clock.clear()
    assert clock.table() == {}


def test_a_clocked_source_gives_the_same_frames() -> None:
    clock = StageClock()
    source = clock.source(FakeSource(3))
    assert [frame.index for frame in source] == [0, 1, 2]
    assert source.kind is SourceKind.VIDEO
    assert clock.table()["decode"][1] == 3


def test_a_clock_may_count_what_is_computed_and_no_waiting() -> None:
    clock = StageClock(time.thread_time)
    clock.around("classify", FakeClassifier(pause_s=0.05)).classify([np.zeros((48, 48), np.uint8)])
    assert clock.table()["classify"][0] < 0.04
