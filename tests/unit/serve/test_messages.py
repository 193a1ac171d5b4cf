"""The messages between server and page."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mimik.errors import SourceError
from mimik.pipeline import Pipeline
from mimik.realtime import RealtimeStatistics
from mimik.serve.messages import (
    PICTURE_HEADER,
    EndedMessage,
    error_message,
    notice_message,
    result_message,
    statistics_message,
    to_json,
)
from mimik.types import Emotion, Frame, SourceKind
from tests.fakes import detection, fake_pipeline


def _process(pipeline: Pipeline, frame: Frame) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(to_json(result_message(pipeline.stream(SourceKind.LIVE).process(frame))))
    return message


def _frame() -> Frame:
    return Frame(np.zeros((90, 160, 3), np.uint8), 7, 1.25)


def test_result_carries_everything_the_page_shows() -> None:
    """Box, label, seven probabilities and the derived pair, under the documented names."""
    message = _process(fake_pipeline(detection(12, 20, 40)), _frame())
    assert (message["type"], message["version"], message["index"], message["time_s"]) == ("result", 1, 7, 1.25)
    assert (message["width"], message["height"]) == (160, 90)
    (face,) = message["faces"]
    assert face["box"] == [12, 20, 52, 60]
    assert (face["id"], face["label"], face["state"], face["reason"]) == (1, "happy", "sure", None)
    assert list(face["probabilities"]) == [emotion.value for emotion in Emotion]
    assert abs(sum(face["probabilities"].values()) - 1) < 1e-3
    assert face["valence"] > 0.5


def test_withheld_face_has_no_reading_and_says_why() -> None:
    """A face too small keeps its box, not its probabilities."""
    (face,) = _process(fake_pipeline(detection(side=10)), _frame())["faces"]
    assert (face["state"], face["reason"], face["label"]) == ("withheld", "too_small", None)
    assert face["probabilities"] is face["valence"] is face["arousal"] is None


def test_page_number_stands_in_for_the_index() -> None:
    result = fake_pipeline().stream(SourceKind.LIVE).process(_frame())
    assert result_message(result, 99).index == 99


def test_errors_and_notices_travel_as_keys_with_plain_values() -> None:
    """The page translates them; a path becomes text."""
    error = SourceError("{path}: gone ({times})", path=Path("a/b"), times=3)
    assert json.loads(to_json(error_message(error, 5))) == {
        "type": "error",
        "text": "{path}: gone ({times})",
        "values": {"path": str(Path("a/b")), "times": 3},
        "index": 5,
    }
    assert json.loads(to_json(notice_message("back", {}))) == {"type": "notice", "text": "back", "values": {}}
    assert json.loads(to_json(EndedMessage())) == {"type": "ended"}


def test_statistics_are_rounded() -> None:
    statistics = RealtimeStatistics(29.97, 11.04, 80.06, 120.0, 4)
    assert json.loads(to_json(statistics_message(statistics))) == {
        "type": "statistics",
        "capture_fps": 30.0,
        "result_fps": 11.0,
        "latency_p50_ms": 80.1,
        "latency_p95_ms": 120.0,
        "dropped": 4,
    }


def test_header_is_twelve_bytes() -> None:
    """The page reads an uint32 and a float64, little-endian."""
    assert PICTURE_HEADER.pack(1, 2.0) == b"\x01\0\0\0" + b"\0\0\0\0\0\0\0\x40"


def test_no_number_that_json_lacks() -> None:
    """A NaN would break every reader; it must not get out."""
    message = result_message(fake_pipeline().stream(SourceKind.LIVE).process(_frame()))
    try:
        to_json(replace(message, time_s=float("nan")))
    except ValueError:
        return
    raise AssertionError("NaN was written")
