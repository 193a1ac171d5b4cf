"""Where the default line is put together."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from mimik.align import FaceAligner
from mimik.classify import OnnxClassifier
from mimik.config import Settings, usable_cores
from mimik.detect import DETECTORS, FaceFinder, make_detector
from mimik.errors import ConfigError, MimikError
from mimik.gate import QualityGate
from mimik.pipeline import Pipeline
from mimik.track import EmotionSmoother, PersonTracker
from mimik.types import Smoother, SourceKind
from mimik.weights import Record

__all__ = ["load"]


def load(settings: Settings | None = None, around: Callable[[str, Any], Any] = lambda name, stage: stage) -> Pipeline:
    """Build a pipeline from settings; see `mimik.pipeline.Pipeline.load`.

    Args:
        settings: as there.
        around: given each stage's name and the stage, gives what to use in its place: the same with a clock, say.
    """
    settings = settings or Settings.read()
    estimator = gatherer = None
    if settings.attributes:
        from mimik.attributes import AgeAndGender, PersonAttributes

        estimator, gatherer = AgeAndGender(), PersonAttributes
    with _naming("MIMIK_CLASSIFIER", settings.classifier):
        classifier = OnnxClassifier.load(settings.classifier, settings.threads)
    with _naming("MIMIK_DETECTOR", settings.detector):
        detector = make_detector(
            settings.detector,
            threshold=settings.detector_threshold,
            side=settings.detector_side,
            threads=settings.threads,
        )

    def smoother(kind: SourceKind) -> Smoother:
        plain = EmotionSmoother(
            kind,
            smoothing_s=settings.smoothing_s,
            switch_margin=settings.switch_margin,
            thresholds=classifier.record.states,
        )
        clocked: Smoother = around("smooth", plain)
        return clocked

    pipeline = Pipeline(
        detector=around("detect", detector),
        gate=around("gate", QualityGate(smallest=settings.smallest_face)),
        aligner=around("align", FaceAligner(side=classifier.record.side)),
        classifier=around("classify", classifier),
        tracker=lambda: around("track", PersonTracker()),
        smoother=smoother,
        identity=_identity(settings, classifier.record),
        estimator=estimator,
        gatherer=gatherer,
        model=_model(settings, classifier.record),
        finder=lambda: around("detect", FaceFinder(detector, pipeline.turn)),
        turn_s=settings.search_s,
        workers=settings.threads or usable_cores(),
    )
    return pipeline


@contextmanager
def _naming(variable: str, value: str) -> Iterator[None]:
    """Let an error name the variable, where the value may come from it."""
    try:
        yield
    except MimikError as error:
        if os.environ.get(variable) != value:
            raise
        raise ConfigError(
            "{variable} in the environment cannot be {value}. {detail}",
            variable=variable,
            value=repr(value),
            detail=error,
        ) from error


def _identity(settings: Settings, record: Record) -> str:
    """What decides how one frame is read. Smoothing is not among it: it comes after."""
    detector = _digest(settings.detector) or settings.detector
    model = f"{record.sha256} {record.side} {record.mean} {record.std} {record.temperature} {record.shown}"
    identity = f"{detector} {settings.detector_threshold} {settings.detector_side} {settings.search_s} "
    identity += f"{settings.smallest_face} {model}"
    return f"{identity} attributes" if settings.attributes else identity


def _model(settings: Settings, record: Record) -> str:
    """The same for people, without folders: those tell whose machine it was."""
    digest = _digest(settings.detector)
    detector = settings.detector if digest is None else f"{Path(settings.detector).name} (sha256 {digest[:8]})"
    return f"{record.name} (sha256 {(record.sha256 or '')[:8]}) · {detector}"


def _digest(detector: str) -> str | None:
    """Of a detector's file; None where it is a name."""
    if detector in DETECTORS:
        return None
    file = Path(detector).expanduser()  # as `make_detector` finds it
    return sha256(file.read_bytes()).hexdigest() if file.is_file() else None
