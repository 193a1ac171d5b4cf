"""SkyBiometry's ``fc/faces/detect.json``, at ``/skybiometry``, after its public reference."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from mimik.errors import MimikError
from mimik.serve.analyze import Analyzer, analyzer_of
from mimik.serve.facades.entry import entering
from mimik.serve.facades.faces import Kind, kind_of, largest_first, probabilities, roll
from mimik.serve.pictures import ADDRESSES, Sent, parse_form, sent
from mimik.types import Emotion, Face, FrameResult

__all__ = ["PATHS", "router"]

PATHS = ("/skybiometry/fc/faces/detect.json", "/skybiometry/fc/faces/detect")
_MOST = 100
_PAIR = ("api_key", "api_secret")
_MOODS = {
    Emotion.ANGRY: ("anger", "angry"),
    Emotion.DISGUST: ("disgust", "disgusted"),
    Emotion.FEAR: ("fear", "scared"),
    Emotion.HAPPY: ("happiness", "happy"),
    Emotion.NEUTRAL: ("neutral_mood", "neutral"),
    Emotion.SAD: ("sadness", "sad"),
    Emotion.SURPRISE: ("surprise", "surprised"),
}
# Its left is the person's own: the eye on the picture's right.
_POINTS = (("eye_right", 450), ("eye_left", 449), ("nose", 403))
_MOUTH = 615
_ERRORS = {
    Kind.TOO_LARGE: (410, "SYNCHRONOUS_REQUEST_TOO_BIG", 413),
    Kind.NO_PICTURE: (20, "IMG_DECODE_ERROR", 400),
    Kind.PARAMETER: (406, "INVALID_ARGUMENTS_VALUE", 400),
    Kind.KEY: (204, "API_KEY_NOT_AUTHENTICATED", 401),
    Kind.SCOPE: (304, "AUTHORIZATION_ERROR", 403),
    Kind.BUSY: (105, "SERVICE_TEMPORARILY_UNAVAILABLE", 503),
    Kind.BROKEN: (104, "INTERNAL_ERROR", 500),
}

router = APIRouter(tags=["SkyBiometry"])


class _Refused(Exception):  # noqa: N818 (an answer on its way out)
    """One of the reference's errors.

    Args:
        code: its number.
        message: its name and what is the matter.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@router.post(PATHS[0], openapi_extra={"requestBody": {"content": {"multipart/form-data": {}}}})
@router.post(PATHS[1], include_in_schema=False)
@router.get(PATHS[0], include_in_schema=False)
async def detect(request: Request, analyzer: Annotated[Analyzer, Depends(analyzer_of)]) -> Response:
    """Answer ``faces/detect``; parameters may stand in the address or in the form."""
    content_type = request.headers.get("content-type", "")
    wanted: set[str] = set(_names(request.query_params.getlist("attributes")))

    def take(body: bytes) -> list[Sent]:
        pictures: list[Sent] = []
        pair = {name: value for name, value in request.query_params.items() if name in _PAIR}
        urls = "urls" in request.query_params
        for part in parse_form(content_type, body) if body else ():
            if part.filename is not None:
                pictures.append(sent(part.filename, part.data, len(pictures) + 1))
            elif part.name == "attributes":
                wanted.update(_names([part.text]))
            elif part.name == "urls":
                urls = True
            elif part.name in _PAIR:
                pair[part.name] = part.text
        if not entry.open:
            if len(pair) < len(_PAIR):
                raise _Refused(402, "MISSING_ARGUMENTS - api_key and api_secret required")
            entry.admit_pair(*(pair[name] for name in _PAIR))
        if urls:
            raise _Refused(406, f"INVALID_ARGUMENTS_VALUE - {ADDRESSES}")
        if not pictures:
            raise _Refused(402, "MISSING_ARGUMENTS - files required")
        return pictures

    try:
        with entering(request, "analyze") as entry:
            entry.begin()
            results = await analyzer.answer(request, "skybiometry", take)
    except _Refused as error:
        return _failure(error.code, str(error), 400)
    except MimikError as error:
        code, name, status = _ERRORS[kind_of(error)]
        return _failure(code, f"{name} - {error}", status)
    photos = [_photo(result, wanted) for result in results]
    return JSONResponse({"status": "success", "photos": photos, "operation_id": uuid.uuid4().hex})


def _names(lists: Iterable[str]) -> list[str]:
    return [name.strip().lower() for names in lists for name in names.split(",")]


def _photo(result: FrameResult, wanted: set[str]) -> dict[str, Any]:
    height, width = result.frame.image.shape[:2]
    tags = [_tag(face, width, height, wanted) for face in largest_first(result, _MOST)]
    return {"url": result.frame.source, "width": width, "height": height, "tags": tags}


def _tag(face: Face, width: int, height: int, wanted: set[str]) -> dict[str, Any]:
    box, points, turn = face.detection.box, face.detection.landmarks, roll(face)

    def place(x: float, y: float) -> dict[str, Any]:
        return {"x": round(100 * float(x) / width, 2), "y": round(100 * float(y) / height, 2)}

    tag: dict[str, Any] = {
        "recognizable": False,
        "confirmed": False,
        "manual": False,
        "uids": [],
        "label": None,
        "width": round(100 * box.width / width, 2),
        "height": round(100 * box.height / height, 2),
        "center": place(*box.centre),
        "points": None,
        "similarities": None,
        "attributes": _attributes(face, wanted),
    }
    if points is not None:
        for (name, number), (x, y) in zip(_POINTS, points, strict=False):
            tag[name] = {**place(x, y), "id": number}
        tag["mouth_center"] = {**place(*(points[3] + points[4]) / 2), "id": _MOUTH}
    if turn is not None:
        tag["roll"] = round(turn)
    return tag


def _attributes(face: Face, wanted: set[str]) -> dict[str, Any]:
    read, known = probabilities(face), face.attributes
    attributes: dict[str, Any] = {"face": {"value": "true", "confidence": _percent(face.detection.score)}}
    if wanted & {"all", "mood"} and read is not None and face.emotions.top is not None:
        top = face.emotions.top
        attributes["mood"] = {"value": _MOODS[top][1], "confidence": _percent(read[top])}
        for emotion, (name, _) in _MOODS.items():
            attributes[name] = {"value": str(emotion is top).lower(), "confidence": _percent(read[emotion])}
    if wanted & {"all", "gender"} and known is not None:
        attributes["gender"] = {"value": known.gender, "confidence": _percent(known.gender_probability)}
    if wanted & {"all", "age"} and known is not None:
        attributes["age_est"] = {"value": str(round(known.age_years))}
    return attributes


def _percent(share: float) -> int:
    return round(100 * float(share))


def _failure(code: int, message: str, status: int) -> Response:
    return JSONResponse({"status": "failure", "error_code": code, "error_message": message}, status)
