"""The API of pictures: ``POST /v1/analyze``. The cloud façades answer through the same `Analyzer`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from python_multipart.multipart import parse_options_header
from starlette.responses import Response

from mimik.pipeline import Pipeline
from mimik.serve.access import Caller
from mimik.serve.audit import note
from mimik.serve.limits import Limits
from mimik.serve.metrics import Metrics
from mimik.serve.pictures import (
    ADDRESSES,
    Sent,
    check,
    decode,
    from_base64,
    parse_form,
    read_body,
    sent,
)
from mimik.serve.problems import ProblemError, invalid, validated
from mimik.serve.scheduler import Scheduler
from mimik.serve.schemas import json_answer
from mimik.sinks.rows import ATTRIBUTE_COLUMNS, COLUMNS, SCHEMA_VERSION, Column, rows
from mimik.types import Face, Frame, FrameResult, SourceKind

__all__ = ["Analyzer", "analyzer_of", "faces_json", "router"]

_RETRY_S = 2
_WHOLE_REQUESTS = 2
"""Requests with as many pixels as one may have that are decoded at once."""

_MOST_PICTURES = 256
"""No limit may be set higher."""

router = APIRouter(prefix="/v1/analyze", tags=["pictures"])


class Analyzer:
    """Reads the pictures of requests, each request in a lane of the scheduler, as many at once as memory allows.

    Args:
        pipeline: what reads them.
        metrics: where they are counted.
        scheduler: whose turn it is.
        limits: how much is taken.

    Attributes:
        model: `mimik.pipeline.Pipeline.model`.
    """

    def __init__(self, pipeline: Pipeline, metrics: Metrics, scheduler: Scheduler, limits: Limits) -> None:
        self.model = pipeline.model
        self._pipeline = pipeline
        self._metrics = metrics
        self._scheduler = scheduler
        self._limits = limits
        self._memory = _Memory(_WHOLE_REQUESTS * limits.megapixels_together)
        self._inside = 0
        self._held: Counter[str] = Counter()

    async def answer(self, request: Request, way: str, take: Callable[[bytes], list[Sent]]) -> tuple[FrameResult, ...]:
        """Read the pictures of a request.

        Args:
            request: its body was not read yet.
            way: the way in, for the counters.
            take: finds the pictures in the body; called in a thread.

        Returns:
            A result a picture, in order; `Frame.source` is what the client calls it.

        Raises:
            ProblemError: a picture or the request cannot be used, or there is too much to do.
            MimikError: the networks cannot be run.
        """
        with self._entered(way, request.state.caller):
            body = await read_body(request, self._limits)
            arrived_s = time.perf_counter()
            pictures, megapixels = await to_thread.run_sync(self._checked, body, take)
            async with self._memory.room(megapixels):
                results = await self._read(pictures)
        self._metrics.read(way, results, time.perf_counter() - arrived_s)
        note(request, len(results), sum(len(result.faces) for result in results))
        return results

    @contextmanager
    def _entered(self, way: str, caller: Caller | None) -> Iterator[None]:
        """Around a request from its body on: bodies wait in memory, so only so many are let in, and of one key."""
        # Without keys all are one caller; whose key is in the body has places of his own (`Door.wait`).
        whose = "" if caller is None or caller.id == "local" else caller.id
        if self._inside >= self._limits.waiting or (whose and self._held[whose] >= self._limits.waiting_each):
            self._metrics.dropped.labels(way).inc()
            raise ProblemError(503, "There is too much to do. Try again in {seconds} seconds.", seconds=_RETRY_S)
        self._inside += 1
        self._held[whose] += 1
        queued = self._metrics.queued.labels(way)
        queued.inc()
        try:
            yield
        finally:
            self._inside -= 1
            self._held[whose] -= 1
            if not self._held[whose]:
                del self._held[whose]
            queued.dec()

    def _checked(self, body: bytes, take: Callable[[bytes], list[Sent]]) -> tuple[list[Sent], float]:
        pictures = take(body)
        return pictures, check(pictures, self._limits)

    async def _read(self, pictures: list[Sent]) -> tuple[FrameResult, ...]:
        lane = self._scheduler.lane(len(pictures), ordered=False)
        readings = [_Reading(self._pipeline, picture, self._limits) for picture in pictures]
        outcomes = await lane.read_all([(reading.frame, reading.finish) for reading in readings])
        results = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            results.append(outcome)
        began_s, now_s = min(reading.began_s for reading in readings), time.perf_counter()
        return tuple(replace(result, latency_ms=(now_s - began_s) * 1000) for result in results)


class _Reading:
    """One picture of a request on its way through the scheduler."""

    def __init__(self, pipeline: Pipeline, sent: Sent, limits: Limits) -> None:
        self.began_s = 0.0
        self._pipeline = pipeline
        self._sent = sent
        self._limits = limits
        self._frame: Frame | None = None

    def frame(self) -> Frame:
        self.began_s = time.perf_counter()
        image = decode(self._sent, self._limits)
        self._frame = Frame(image, captured_s=self.began_s, source=self._sent.name)
        return self._frame

    def finish(self, faces: tuple[Face, ...]) -> FrameResult:
        assert self._frame is not None
        return self._pipeline.stream(SourceKind.PICTURES).place(self._frame, faces)


class _Memory:
    """Room for decoded pictures, given in the order in which it was asked for."""

    def __init__(self, megapixels: float) -> None:
        self._free = megapixels
        self._first = asyncio.Lock()
        self._more = asyncio.Event()

    @asynccontextmanager
    async def room(self, megapixels: float) -> AsyncIterator[None]:
        """Around the use of so much."""
        async with self._first:
            while self._free < megapixels:
                self._more.clear()
                await self._more.wait()
            self._free -= megapixels
        try:
            yield
        finally:
            self._free += megapixels
            self._more.set()


def analyzer_of(request: Request) -> Analyzer:
    """The application's analyzer, for routes."""
    analyzer: Analyzer = request.app.state.analyzer
    return analyzer


class PictureIn(BaseModel):
    """A picture in JSON."""

    model_config = ConfigDict(extra="forbid")
    data: str = Field(description="The file, in base64.", min_length=1)
    name: str | None = Field(None, description="What to call it in the answer.", max_length=1000)


class AnalyzeIn(BaseModel):
    """Pictures in JSON."""

    model_config = ConfigDict(extra="forbid")
    pictures: list[PictureIn] = Field(min_length=1, max_length=_MOST_PICTURES)


_TYPES: dict[str, Any] = {"integer": int, "number": float, "text": str}
_NOT_IN_PICTURES = {"schema_version", "source", "frame", "time_s", "track_id", "error"}
FACE_COLUMNS: tuple[Column, ...] = tuple(column for column in COLUMNS if column.name not in _NOT_IN_PICTURES)
"""The columns of docs/schema.md that a face of a picture has."""


def _field(column: Column, required: bool) -> Any:
    kind = _TYPES[column.type]
    text = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
    if required:
        return (kind | None if column.optional else kind, Field(description=text))
    return (kind | None, Field(None, description=text))


FaceOut = create_model(
    "FaceOut",
    __doc__="A face; null is what docs/schema.md calls empty.",
    **{column.name: _field(column, True) for column in FACE_COLUMNS},
    landmarks=(
        list[tuple[float, float]] | None,
        Field(
            description="(x, y) in pixels, left and right as seen in the picture: left eye, right eye, nose, left"
            " and right corner of the mouth."
        ),
    ),
    **{column.name: _field(column, False) for column in ATTRIBUTE_COLUMNS},
)


class PictureOut(BaseModel):
    """A picture and its faces."""

    source: str = Field(description="What the client called it, or its number.")
    width: int = Field(description="Pixels, once upright.")
    height: int = Field(description="Pixels, once upright.")
    faces: list[FaceOut] = Field(description="Left to right; empty where there is none.")  # type: ignore[valid-type]


class AnalyzeOut(BaseModel):
    """What was read, in the order of the pictures."""

    schema_version: int
    model: str = Field(description="What read the expressions and found the faces.")
    pictures: list[PictureOut]
    latency_ms: float = Field(description="From the start of reading to the last result; waiting is not in it.")


_PICTURE = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "required": True,
    "content": {
        "image/jpeg": _PICTURE,
        "image/png": _PICTURE,
        "image/webp": _PICTURE,
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "pictures": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                        "minItems": 1,
                        "maxItems": _MOST_PICTURES,
                    }
                },
                "required": ["pictures"],
            }
        },
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "required": ["pictures"],
                "properties": {
                    "pictures": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": _MOST_PICTURES,
                        "items": PictureIn.model_json_schema(),
                    }
                },
            }
        },
    },
}


@router.post("", response_model=AnalyzeOut, openapi_extra={"requestBody": _BODY})
async def analyze(request: Request, analyzer: Annotated[Analyzer, Depends(analyzer_of)]) -> Response:
    """Read one picture or several: the bytes themselves, a form's files, or base64 in JSON."""
    content_type = request.headers.get("content-type", "")
    results = await analyzer.answer(request, "analyze", lambda body: _take(content_type, body))
    return await to_thread.run_sync(_answer, analyzer.model, request.app.state.attributes, results)


def _take(content_type: str, body: bytes) -> list[Sent]:
    kind = parse_options_header(content_type)[0].decode("latin-1")
    if kind.startswith("image/") or kind == "application/octet-stream":
        return [sent(None, body, 1)]
    if kind == "application/json":
        return _from_json(body)
    if kind != "multipart/form-data":
        raise ProblemError(415, "Send pictures as image/jpeg or the like, multipart/form-data or application/json.")
    pictures: list[Sent] = []
    for part in parse_form(content_type, body):
        if part.filename is None:
            raise _no_field(part.name)
        pictures.append(sent(part.filename, part.data, len(pictures) + 1))
    return pictures


def _from_json(body: bytes) -> list[Sent]:
    try:
        model = AnalyzeIn.model_validate_json(body)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            if each["type"] == "extra_forbidden" and "url" in str(each["loc"][-1]).lower():
                raise _no_field(str(each["loc"][-1])) from error
        raise validated(error) from error
    return [
        sent(picture.name, from_base64(picture.data, f"pictures.{index}.data"), index + 1)
        for index, picture in enumerate(model.pictures)
    ]


def _no_field(name: str) -> ProblemError:
    if "url" in name.lower():
        return ProblemError(422, ADDRESSES, name[:100])
    return invalid("{field}: there is no such field.", name[:100])


def _answer(model: str, attributes: bool, results: tuple[FrameResult, ...]) -> Response:
    return json_answer(
        {
            "schema_version": SCHEMA_VERSION,
            "model": model,
            "pictures": [_picture(result, attributes) for result in results],
            "latency_ms": round(max(result.latency_ms for result in results), 1),
        }
    )


def _picture(result: FrameResult, attributes: bool) -> dict[str, object]:
    height, width = result.frame.image.shape[:2]
    return {
        "source": result.frame.source,
        "width": width,
        "height": height,
        "faces": faces_json(result, attributes),
    }


def faces_json(result: FrameResult, attributes: bool, *, tracked: bool = False) -> list[dict[str, object]]:
    """A picture's faces as the API gives them.

    Args:
        result: of the picture.
        attributes: with age and gender.
        tracked: with the people's numbers.
    """
    absent = _NOT_IN_PICTURES - {"track_id"} if tracked else _NOT_IN_PICTURES
    faces: list[dict[str, object]] = []
    for row, face in zip(rows(result, attributes=attributes), result.faces, strict=False):
        values = {name: value for name, value in row.as_dict().items() if name not in absent}
        faces.append({**values, "landmarks": _landmarks(face)})
    return faces


def _landmarks(face: Face) -> list[list[float]] | None:
    points = face.detection.landmarks
    return None if points is None else [[round(float(x), 2), round(float(y), 2)] for x, y in points]
