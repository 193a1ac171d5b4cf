"""What a server of Mimik answers, as the types of `mimik.types`: shared by `mimik.client` and `mimik.streaming`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mimik.errors import ServerError, SourceError
from mimik.types import (
    Attributes,
    Box,
    Detection,
    Emotion,
    EmotionScores,
    Face,
    Image,
    Quality,
    Reason,
    State,
)

__all__ = ["Picture", "Sendable", "face", "read_file", "refusal", "unreachable"]

Sendable = str | os.PathLike[str] | bytes | Image
"""A picture to send: a file's path, a file's bytes, or pixels ``(H, W, 3)`` uint8, BGR."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """What the server read from one picture.

    Attributes:
        source: the file's name, or ``picture 1`` and so on.
        width: pixels, once upright.
        height: pixels, once upright.
        faces: left to right; empty where there is none. `Attributes.age_years` is the middle of the range that the
            server gives.
    """

    source: str
    width: int
    height: int
    faces: tuple[Face, ...]


def read_file(path: str | os.PathLike[str]) -> bytes:
    """A file's bytes.

    Raises:
        SourceError: it cannot be opened.
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise SourceError("{path}: there is no such file.", path=path) from None
    except OSError as error:
        raise SourceError("{path}: cannot be opened ({detail}).", path=path, detail=error.strerror) from error


def unreachable(address: str, error: Exception) -> ServerError:
    """The error of a server that is not there, or that nobody here vouches for."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return ServerError(
            "{address}: its certificate is not trusted here. Give the file of one of your own as verify, and ask under"
            " a name that stands in it.",
            address=address,
        )
    return ServerError(
        "{address}: no Mimik answers there ({detail}). Start one with `mimik serve`, or give its address.",
        address=address,
        detail=str(error) or type(error).__name__,
    )


def refusal(problem: Mapping[str, Any], status: int | None) -> ServerError:
    """The error that problem details tell of."""
    text = "{detail}"
    error = ServerError(text, detail=problem.get("detail", ""))
    error.text, error.values = str(problem.get("text", error.text)), dict(problem.get("values", error.values))
    error.status = status
    return error


def face(values: Mapping[str, Any]) -> Face:
    """A face of an answer."""
    points = values["landmarks"]
    read = values["top"] is not None
    reason = None if values["reason"] is None else Reason(values["reason"])
    state = State(values["state"])
    return Face(
        detection=Detection(
            Box(values["x1"], values["y1"], values["x2"], values["y2"]),
            values["score"],
            None if points is None else np.array(points, np.float32),
        ),
        # The gate's reasons withhold; that of a weak reading is not the picture's fault.
        quality=Quality(values["quality"], None if reason is Reason.LOW_CONFIDENCE else reason),
        emotions=EmotionScores(np.array([values[emotion] for emotion in Emotion], np.float32) if read else None),
        state=state,
        reason=reason,
        label=Emotion(values["top"]) if read else None,
        track_id=values.get("track_id"),
        attributes=_attributes(values),
    )


def _attributes(values: Mapping[str, Any]) -> Attributes | None:
    low, high, gender = (values.get(name) for name in ("age_low", "age_high", "gender"))
    if low is None or high is None or gender is None:
        return None
    probability = values["gender_probability"]
    return Attributes((low + high) / 2, (low, high), probability if gender == "female" else 1 - probability)
