"""Looks on the way through a pipeline of fake stages: off by default, several a person, no more than needed."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimik.analysis import analyse
from mimik.attributes import PersonAttributes
from mimik.pipeline import LOOKS_A_SECOND, Pipeline, look_due
from mimik.types import Attributes, Detection, Face, Frame, Image, SourceKind
from tests.fakes import (
    FakeAligner,
    FakeClassifier,
    FakeDetector,
    FakeGate,
    FakeSmoother,
    FakeSource,
    FakeTracker,
    detection,
    fake_pipeline,
)


class FakeEstimator:
    """Guesses by the box's left edge, and remembers how many faces it was shown."""

    def __init__(self) -> None:
        self.looked: list[int] = []

    def look(self, image: Image, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        self.looked.append(len(faces))
        return tuple(replace(face, attributes=_guess(face.detection)) for face in faces)


def _guess(found: Detection) -> Attributes:
    return Attributes(found.box.x1, (0, 99), 0.9)


def line(*found: Detection, estimator: FakeEstimator | None = None, detector: FakeDetector | None = None) -> Pipeline:
    return Pipeline(
        detector or FakeDetector(*found),
        FakeGate(),
        FakeAligner(),
        FakeClassifier(),
        FakeTracker,
        FakeSmoother,
        "fake",
        estimator or FakeEstimator(),
        PersonAttributes,
    )


def frames(count: int, fps: float = 30) -> list[Frame]:
    return [Frame(np.zeros((90, 160, 3), np.uint8), n, n / fps) for n in range(count)]


def ages(pipeline: Pipeline, shown: Sequence[Frame]) -> list[list[float | None]]:
    """Each frame's ages, left to right."""
    stream = pipeline.stream(SourceKind.VIDEO)
    results = [stream.process(frame) for frame in shown]
    return [[face.attributes.age_years if face.attributes else None for face in one.faces] for one in results]


def test_a_pipeline_knows_nothing_of_age_unless_asked() -> None:
    pipeline = fake_pipeline()
    assert not pipeline.attributes
    assert pipeline.read(frames(1)[0].image)[0].attributes is None
    (result,) = pipeline.run(FakeSource(1, kind=SourceKind.PICTURES))
    assert result.faces[0].attributes is None


def test_a_picture_is_looked_at_once_and_the_look_stands() -> None:
    estimator = FakeEstimator()
    (result,) = line(detection(30), estimator=estimator).run(FakeSource(1, kind=SourceKind.PICTURES))
    assert result.faces[0].attributes == _guess(detection(30))
    assert estimator.looked == [1]


def test_people_in_videos_are_looked_at_five_times_a_second_until_they_are_settled() -> None:
    estimator = FakeEstimator()
    known = ages(line(detection(30), estimator=estimator), frames(150))
    assert estimator.looked == [1] * 10, "ten looks, whatever the frames"
    assert known[0] == [None]
    first = next(n for n, one in enumerate(known) if one != [None])
    assert first / 30 == pytest.approx(2 / LOOKS_A_SECOND, abs=0.05)
    assert known[-1] == [pytest.approx(30)]


def test_who_comes_later_is_looked_at_alone() -> None:
    estimator = FakeEstimator()
    detector = FakeDetector(detection(30))
    stream = line(detector=detector, estimator=estimator).stream(SourceKind.VIDEO)
    shown = frames(300)
    for frame in shown[:90]:
        stream.process(frame)
    assert sum(estimator.looked) == 10
    detector.found = (detection(30), detection(100))
    for frame in shown[90:]:
        result = stream.process(frame)
    assert sum(estimator.looked) == 20
    assert max(estimator.looked) == 1
    assert [face.attributes.age for face in result.faces if face.attributes] == [(25, 35), (95, 105)]


def test_slow_videos_are_looked_at_in_every_frame() -> None:
    estimator = FakeEstimator()
    ages(line(detection(30), estimator=estimator), frames(20, fps=2))
    assert sum(estimator.looked) == 10


def test_sources_do_not_share_people() -> None:
    pipeline = line(detection(30))
    assert ages(pipeline, frames(60))[-1] == [pytest.approx(30)]
    assert ages(pipeline, frames(1))[-1] == [None]


@pytest.mark.parametrize("fps", [7.0, 24.0, 29.97, 30.0, 60.0])
def test_a_turn_comes_five_times_a_second_at_every_rate(fps: float) -> None:
    times = [n / fps for n in range(math.ceil(fps * 20))]
    due = sum(look_due(now, before) for before, now in zip([None, *times[:-1]], times, strict=True))
    assert due == pytest.approx(100, abs=1)


def test_an_analysis_tells_the_same_as_the_line_itself(tmp_path: Path) -> None:
    """Read first and followed afterwards, a video gives the same ages as frame by frame."""
    pipeline = line(detection(30), detection(100))
    direct = ages(pipeline, frames(90))

    def open_it(path: Path, start: int) -> FakeSource:
        return FakeSource(90)

    analyse(pipeline, [Path("a.mp4")], tmp_path, formats=("csv",), opener=open_it)
    head, *lines = (tmp_path / "faces.csv").read_text(encoding="utf-8").splitlines()
    assert head.endswith(",error,age_low,age_high,gender,gender_probability")
    assert len(lines) == 180
    for (first, second), (one, other) in zip(zip(lines[::2], lines[1::2], strict=True), direct, strict=True):
        assert (first.endswith(",25,35,female,0.9")) == (one is not None)
        assert (second.endswith(",95,105,female,0.9")) == (other is not None)
        assert (first.endswith(",,,,")) == (one is None)


def test_without_age_the_table_is_as_it_ever_was(tmp_path: Path) -> None:
    def open_it(path: Path, start: int) -> FakeSource:
        return FakeSource(3)

    analyse(fake_pipeline(), [Path("a.mp4")], tmp_path, formats=("csv", "json", "parquet"), opener=open_it)
    assert "age_low" not in (tmp_path / "faces.csv").read_text(encoding="utf-8")
    assert "age_low" not in (tmp_path / "faces.json").read_text(encoding="utf-8")
