"""The bundled faces as a video, through the real detector, network, tracker and smoother, interrupted and not."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path
from threading import Event

import pytest

from mimik.align import FaceAligner
from mimik.analysis import Progress, analyse
from mimik.classify import OnnxClassifier
from mimik.detect import FaceFinder, make_detector
from mimik.pipeline import Pipeline
from mimik.sources import Demo
from mimik.track import EmotionSmoother, PersonTracker
from mimik.types import SourceKind
from tests.fakes import FakeGate
from tests.media import write_video

pytestmark = pytest.mark.integration

FORMATS = ("csv", "json", "parquet")
FRAMES, FPS, TURN = 24, 25, 5


def real_line() -> Pipeline:
    classifier = OnnxClassifier.load("default", 1)

    def smoother(kind: SourceKind) -> EmotionSmoother:
        return EmotionSmoother(kind, smoothing_s=0.4, switch_margin=0.08, thresholds=classifier.record.thresholds)

    detector = make_detector("centerface", threads=1)
    pipeline = Pipeline(
        detector,
        FakeGate(),
        FaceAligner(),
        classifier,
        PersonTracker,
        smoother,
        "real",
        finder=lambda: FaceFinder(detector, pipeline.turn),
        turn_s=TURN / FPS,
        workers=2,
    )
    return pipeline


def test_an_interrupted_real_analysis_ends_in_the_same_bytes(tmp_path: Path) -> None:
    demo = Demo(paced=False)
    video = write_video(tmp_path / "demo.mp4", (frame.image for frame in islice(demo, FRAMES)), fps=FPS)
    demo.close()
    line = real_line()
    analyse(line, [video], tmp_path / "whole", formats=FORMATS, annotate=True)

    stop = Event()

    def interrupt(step: Progress) -> None:
        if step.frames == FRAMES // 2:
            stop.set()

    analyse(line, [video], tmp_path / "out", formats=FORMATS, annotate=True, stop=stop, progress=interrupt)
    summary = analyse(line, [video], tmp_path / "out", formats=FORMATS, annotate=True)
    assert (summary.frames, summary.resumed_frames) == (FRAMES, FRAMES // 2 // TURN * TURN), "the last whole turn"
    for name in (*(f"faces.{format_}" for format_ in FORMATS), "annotated/demo.mp4"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()

    with (tmp_path / "out" / "faces.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["track_id"] for row in rows} >= {"1", "2"}
    assert "happy" in {row["top"] for row in rows}  # Eileen Collins smiles
