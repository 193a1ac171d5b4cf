"""Face++'s ``facepp/v3/detect``, at ``/facepp``, after its public reference."""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from mimik.errors import MimikError
from mimik.serve.analyze import Analyzer, analyzer_of
from mimik.serve.facades.entry import entering
from mimik.serve.facades.faces import NOUNS, Kind, kind_of, largest_first, probabilities, roll
from mimik.serve.pictures import ADDRESSES, Part, Sent, from_base64, parse_form
from mimik.types import Face

__all__ = ["PATHS", "router"]

PATHS = ("/facepp/v3/detect", "/facepp/facepp/v3/detect")
_MOST = 100
_POINTS = ("left_eye_center", "right_eye_center", "nose_tip", "mouth_left_corner", "mouth_right_corner")
_ATTRIBUTES = {
    "none",
    "age",
    "beauty",
    "blur",
    "emotion",
    "ethnicity",
    "eyegaze",
    "eyestatus",
    "facequality",
    "gender",
    "headpose",
    "mouthstatus",
    "nose_occluded",
    "skinstatus",
    "smiling",
}
_PICTURES = ("image_file", "image_base64")
_ERRORS = {
    Kind.TOO_LARGE: ("INVALID_IMAGE_SIZE: {field}", 400),
    Kind.NO_PICTURE: ("IMAGE_ERROR_UNSUPPORTED_FORMAT: {field}", 400),
    Kind.PARAMETER: ("BAD_ARGUMENTS: {field}", 400),
    Kind.KEY: ("AUTHENTICATION_ERROR", 401),
    Kind.SCOPE: ("AUTHORIZATION_ERROR: Denied by Mimik", 403),
    Kind.BUSY: ("CONCURRENCY_LIMIT_EXCEEDED", 403),
    Kind.BROKEN: ("INTERNAL_ERROR", 500),
}

router = APIRouter(tags=["Face++"])


class _Refused(Exception):  # noqa: N818 (an answer on its way out)
    """One of the reference's error messages."""


@router.post(PATHS[0], openapi_extra={"requestBody": {"content": {"multipart/form-data": {}}}})
@router.post(PATHS[1], include_in_schema=False)
async def detect(request: Request, analyzer: Annotated[Analyzer, Depends(analyzer_of)]) -> Response:
    """Answer ``detect``; faces have no tokens, for Mimik keeps nothing."""
    began_s = time.perf_counter()
    content_type = request.headers.get("content-type", "")
    fields: dict[str, Part] = {}

    def take(body: bytes) -> list[Sent]:
        fields.update((part.name, part) for part in parse_form(content_type, body))
        if not entry.open:
            entry.admit_pair(*(_needed(fields, name) for name in ("api_key", "api_secret")))
        _asked(fields)
        return [Sent("picture", _picture(fields))]

    def answer(body: dict[str, Any], status: int = 200) -> Response:
        used_ms = round((time.perf_counter() - began_s) * 1000)
        return JSONResponse({"request_id": f"{int(time.time())},{uuid.uuid4()}", "time_used": used_ms, **body}, status)

    try:
        with entering(request, "analyze") as entry:
            entry.begin()
            (result,) = await analyzer.answer(request, "facepp", take)
        landmarks, wanted = _asked(fields)
    except _Refused as error:
        return answer({"error_message": str(error)}, 400)
    except MimikError as error:
        message, status = _ERRORS[kind_of(error)]
        field = next((name for name in _PICTURES if name in fields), _PICTURES[0])
        return answer({"error_message": message.format(field=field)}, status)
    faces = [_face(face, landmarks, wanted) for face in largest_first(result, _MOST)]
    return answer({"faces": faces, "face_num": len(faces)})


def _needed(fields: dict[str, Part], name: str) -> str:
    if name not in fields:
        raise _Refused(f"MISSING_ARGUMENTS: {name}")
    return fields[name].text


def _picture(fields: dict[str, Part]) -> bytes:
    if "image_url" in fields:
        raise _Refused(f"INVALID_IMAGE_URL: {ADDRESSES}")
    if "image_file" in fields:
        return fields["image_file"].data
    if "image_base64" in fields:
        return from_base64(fields["image_base64"].data, "image_base64")
    raise _Refused("MISSING_ARGUMENTS: image_url, image_file, image_base64")


def _asked(fields: dict[str, Part]) -> tuple[bool, set[str]]:
    """Whether landmarks are wanted, and which attributes."""
    landmark = fields["return_landmark"].text if "return_landmark" in fields else "0"
    if landmark not in ("0", "1", "2"):
        raise _Refused("BAD_ARGUMENTS: return_landmark")
    attributes = fields["return_attributes"].text if "return_attributes" in fields else "none"
    wanted = {name.strip() for name in attributes.split(",")}
    if wanted - _ATTRIBUTES:
        raise _Refused("BAD_ARGUMENTS: return_attributes")
    return landmark != "0", wanted - {"none"}


def _face(face: Face, landmarks: bool, wanted: set[str]) -> dict[str, Any]:
    box, points = face.detection.box, face.detection.landmarks
    left, top = round(box.x1), round(box.y1)
    answer: dict[str, Any] = {
        "face_rectangle": {"top": top, "left": left, "width": round(box.x2) - left, "height": round(box.y2) - top}
    }
    if landmarks and points is not None:
        answer["landmark"] = {
            name: {"x": round(float(x)), "y": round(float(y))} for name, (x, y) in zip(_POINTS, points, strict=True)
        }
    if wanted:
        answer["attributes"] = _attributes(face, wanted)
    return answer


def _attributes(face: Face, wanted: set[str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    read, turn, known = probabilities(face), roll(face), face.attributes
    if "emotion" in wanted and read is not None:
        attributes["emotion"] = {name: round(100 * read[emotion], 3) for emotion, name in NOUNS.items()}
    if "headpose" in wanted and turn is not None:
        attributes["headpose"] = {"roll_angle": round(turn, 3)}
    if "age" in wanted and known is not None:
        attributes["age"] = {"value": round(known.age_years)}
    if "gender" in wanted and known is not None:
        attributes["gender"] = {"value": known.gender.capitalize()}
    return attributes
