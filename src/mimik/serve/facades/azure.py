"""Azure Face's ``detect``, at ``/azure/face/v1.0/detect``, with the attributes that Microsoft retired in 2023.

After version 1.0 of the service, as `azure-cognitiveservices-vision-face` speaks it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from python_multipart.multipart import parse_options_header
from starlette.responses import JSONResponse, Response

from mimik.errors import MimikError
from mimik.serve.analyze import Analyzer, analyzer_of
from mimik.serve.facades.entry import entering
from mimik.serve.facades.faces import NOUNS, Kind, kind_of, largest_first, probabilities, roll
from mimik.serve.pictures import ADDRESSES, Sent
from mimik.types import Face

__all__ = ["PATHS", "router"]

PATHS = ("/azure/face/v1.0/detect",)
_MOST = 100
_POINTS = ("pupilLeft", "pupilRight", "noseTip", "mouthLeft", "mouthRight")
_ATTRIBUTES = {
    "accessories",
    "age",
    "blur",
    "emotion",
    "exposure",
    "facialHair",
    "gender",
    "glasses",
    "hair",
    "headPose",
    "makeup",
    "mask",
    "noise",
    "occlusion",
    "qualityForRecognition",
    "smile",
}
_ERRORS = {
    Kind.TOO_LARGE: ("InvalidImageSize", 400),
    Kind.NO_PICTURE: ("InvalidImage", 400),
    Kind.PARAMETER: ("BadArgument", 400),
    Kind.KEY: ("401", 401),
    Kind.SCOPE: ("403", 403),
    Kind.BUSY: ("RateLimitExceeded", 429),
    Kind.BROKEN: ("Unspecified", 500),
}

router = APIRouter(tags=["Azure Face"])


@router.post(PATHS[0], openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}}})
async def detect(
    request: Request,
    analyzer: Annotated[Analyzer, Depends(analyzer_of)],
    landmarks: Annotated[str, Query(alias="returnFaceLandmarks")] = "false",
    attributes: Annotated[str, Query(alias="returnFaceAttributes")] = "",
) -> Response:
    """Answer ``detect``; faces have no ids, for Mimik recognises nobody."""
    try:
        with entering(request, "analyze") as entry:
            entry.admit(request.headers.get("ocp-apim-subscription-key"))
    except MimikError as error:
        return _trouble(error)
    wanted = {name for name in attributes.split(",") if name}
    if wanted - _ATTRIBUTES:
        return _error("BadArgument", f"returnFaceAttributes: there is no {min(wanted - _ATTRIBUTES)[:50]}.", 400)
    kind = parse_options_header(request.headers.get("content-type", ""))[0].decode("latin-1")
    if kind == "application/json":
        return _error("InvalidURL", ADDRESSES, 400)
    if kind != "application/octet-stream" and not kind.startswith("image/"):
        return _error("UnsupportedMediaType", "Send the picture as application/octet-stream.", 415)
    try:
        (result,) = await analyzer.answer(request, "azure", lambda body: [Sent("picture", body)])
    except MimikError as error:
        return _trouble(error)
    with_landmarks = landmarks.lower() == "true"
    return JSONResponse([_face(face, with_landmarks, wanted) for face in largest_first(result, _MOST)])


def _face(face: Face, landmarks: bool, wanted: set[str]) -> dict[str, Any]:
    box, points = face.detection.box, face.detection.landmarks
    left, top = round(box.x1), round(box.y1)
    answer: dict[str, Any] = {
        "faceRectangle": {"top": top, "left": left, "width": round(box.x2) - left, "height": round(box.y2) - top}
    }
    if landmarks and points is not None:
        answer["faceLandmarks"] = {
            name: {"x": round(float(x), 1), "y": round(float(y), 1)}
            for name, (x, y) in zip(_POINTS, points, strict=True)
        }
    if wanted:
        answer["faceAttributes"] = _attributes(face, wanted)
    return answer


def _attributes(face: Face, wanted: set[str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    read, turn, known = probabilities(face), roll(face), face.attributes
    if "emotion" in wanted and read is not None:
        attributes["emotion"] = {name: round(read[emotion], 6) for emotion, name in NOUNS.items()}
    if "headPose" in wanted and turn is not None:
        attributes["headPose"] = {"roll": round(turn, 1)}
    if "age" in wanted and known is not None:
        attributes["age"] = round(known.age_years, 1)
    if "gender" in wanted and known is not None:
        attributes["gender"] = known.gender
    return attributes


def _trouble(error: MimikError) -> Response:
    code, status = _ERRORS[kind_of(error)]
    return _error(code, str(error), status)


def _error(code: str, message: str, status: int) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status)
