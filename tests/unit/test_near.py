"""When a stream searches whole frames, and when it looks near the faces of the frame before; with fake stages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.analysis import Progress, analyse
from mimik.pipeline import Pipeline
from mimik.types import Box, Detection, Frame, Image, SourceKind
from tests.fakes import FakeAligner, FakeClassifier, FakeDetector, FakeGate, FakeSmoother, FakeTracker, detection
from tests.unit.analysis.stages import opener

PICTURE = np.zeros((90, 160, 3), np.uint8)


class Drifter:
    """A detector whose finds depend on whether it searches and on where it looks: near, faces drift to the right.

    Attributes:
        asked: for every frame, the left edges near which it was asked to look; None: everywhere.
    """

    def __init__(self, *found: Detection) -> None:
        self.found = found
        self.asked: list[list[float] | None] = []

    def detect(self, image: Image) -> tuple[Detection, ...]:
        self.asked.append(None)
        return self.found

    def detect_near(self, image: Image, near: Sequence[Box]) -> tuple[Detection, ...]:
        self.asked.append([box.x1 for box in near])
        return tuple(detection(x=box.x1 + 0.7, y=box.y1) for box in near)


def line(detector: Drifter | FakeDetector, search_s: float = 0.5) -> Pipeline:
    return Pipeline(
        detector,
        FakeGate(),
        FakeAligner(),
        FakeClassifier(),
        FakeTracker,
        FakeSmoother,
        "fake",
        search_s=search_s,
    )


def follow(pipeline: Pipeline, times: Sequence[float], kind: SourceKind = SourceKind.VIDEO) -> list[list[float]]:
    stream = pipeline.stream(kind)
    results = [stream.process(Frame(PICTURE, number, time_s)) for number, time_s in enumerate(times)]
    return [[face.detection.box.x1 for face in result.faces] for result in results]


def test_it_searches_at_each_turn_and_looks_near_the_last_faces_between() -> None:
    detector = Drifter(detection(x=10))
    follow(line(detector), [0, 0.1, 0.2, 0.5, 0.6, 1.7])
    assert detector.asked == [None, [10], [10.7], None, [10], None]


@given(st.floats(0.02, 60), st.integers(1, 60))
def test_a_frame_at_the_very_turn_is_searched(search_s: float, turns: int) -> None:
    detector = Drifter(detection())
    follow(line(detector, search_s), [turns * search_s - search_s / 4, turns * search_s])
    assert detector.asked == [None, None]


@pytest.mark.parametrize("kind", [SourceKind.LIVE, SourceKind.VIDEO])
def test_while_nobody_is_known_it_searches(kind: SourceKind) -> None:
    detector = Drifter()
    follow(line(detector), [0, 0.1, 0.2], kind)
    assert detector.asked == [None] * 3


def test_pictures_are_always_searched() -> None:
    detector = Drifter(detection())
    follow(line(detector), [0, 0, 0], SourceKind.PICTURES)
    assert detector.asked == [None] * 3


def test_nought_searches_every_frame() -> None:
    detector = Drifter(detection())
    follow(line(detector, 0), [0, 0.1, 0.2])
    assert detector.asked == [None] * 3


def test_a_detector_that_cannot_look_near_is_given_whole_frames() -> None:
    assert follow(line(FakeDetector(detection(x=10))), [0, 0.1]) == [[10], [10]]


def test_several_streams_read_together_look_near_their_own_faces() -> None:
    detector = Drifter(detection(x=10), detection(x=60))
    pipeline = line(detector)
    streams = [pipeline.stream(SourceKind.LIVE) for _ in range(2)]
    frames = [Frame(PICTURE, 0, 0.0)] * 2
    streams[0].process(frames[0])
    near = [stream.near(0.1) for stream in streams]
    found = pipeline.read_many([frame.image for frame in frames], look=False, near=near)
    assert detector.asked == [None, [10, 60], None]
    assert [[face.detection.box.x1 for face in faces] for faces in found] == [[10.7, 60.7], [10, 60]]


@pytest.mark.parametrize("fps", [None, 12.0])
def test_an_analysis_looks_where_a_stream_would_and_goes_on_as_if_never_stopped(
    tmp_path: Path, fps: float | None
) -> None:
    """Wherever it is stopped, though what is found depends on where faces were found before."""
    video = tmp_path / "45.mp4"
    whole = Drifter(detection(x=10, side=30.1), detection(x=60))
    analyse(line(whole), [video], tmp_path / "whole", fps=fps, opener=opener)
    rows = (tmp_path / "whole" / "faces.csv").read_bytes()
    assert 0 < whole.asked.count(None) < len(whole.asked) / 4
    if fps is None:
        streamed = Drifter(*whole.found)
        stream = line(streamed).stream(SourceKind.VIDEO)
        for frame in opener(video, 0):
            stream.process(frame)
        assert streamed.asked == whole.asked
    for cut in range(1, len(whole.asked)):
        detector, stop = Drifter(*whole.found), Event()

        def tell(step: Progress, cut: int = cut, stop: Event = stop) -> None:
            if step.frames == cut:
                stop.set()

        output = tmp_path / str(cut)
        analyse(line(detector), [video], output, fps=fps, opener=opener, progress=tell, stop=stop)
        assert len(detector.asked) == cut
        assert analyse(line(detector), [video], output, fps=fps, opener=opener).resumed_frames == cut
        assert detector.asked == whole.asked
        assert (output / "faces.csv").read_bytes() == rows


def test_pictures_in_an_analysis_are_searched(tmp_path: Path) -> None:
    detector = Drifter(detection())
    analyse(line(detector), [tmp_path / "a" / "3.jpg", tmp_path / "b" / "1.jpg"], tmp_path / "out", opener=opener)
    assert detector.asked == [None] * 4
