"""The values that travel along the line, and the Protocols of its stages.

    source ──Frame──▶ detect ──Detection──▶ align ──crop──▶ classify ──EmotionScores──▶ track + smooth
           ──FrameResult──▶ sinks

Pictures are ``(H, W, 3)`` uint8 in BGR order, boxes float pixels, probabilities 0–1, times seconds.
"""

from mimik.types.pictures import Box, Frame, Gray, Image, Picture
from mimik.types.stages import (
    Aligner,
    Classifier,
    Detector,
    Estimator,
    Finder,
    Gate,
    Gatherer,
    Notice,
    Sink,
    Smoother,
    Source,
    Tracker,
)
from mimik.types.values import (
    Attributes,
    Detection,
    Emotion,
    EmotionScores,
    Face,
    FrameResult,
    Quality,
    Reason,
    SourceKind,
    State,
    Thresholds,
)

__all__ = [
    "Aligner",
    "Attributes",
    "Box",
    "Classifier",
    "Detection",
    "Detector",
    "Emotion",
    "EmotionScores",
    "Estimator",
    "Face",
    "Finder",
    "Frame",
    "FrameResult",
    "Gate",
    "Gatherer",
    "Gray",
    "Image",
    "Notice",
    "Picture",
    "Quality",
    "Reason",
    "Sink",
    "Smoother",
    "Source",
    "SourceKind",
    "State",
    "Thresholds",
    "Tracker",
]
