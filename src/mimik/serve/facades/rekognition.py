"""Amazon Rekognition's ``DetectFaces`` (AWS JSON 1.1), at ``/rekognition``.

After the service model of 2016-06-27 that botocore ships. Where keys are demanded, signatures (SigV4) are checked.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

import cv2
from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import JSONResponse, Response

from mimik.errors import MimikError
from mimik.keys import Key
from mimik.serve.analyze import Analyzer, analyzer_of
from mimik.serve.facades.entry import Entry, entering
from mimik.serve.facades.faces import Kind, kind_of, largest_first, probabilities, roll
from mimik.serve.facades.sigv4 import SignatureError, Signed, read_signature
from mimik.serve.pictures import ADDRESSES, Sent, from_base64
from mimik.serve.problems import ProblemError, invalid
from mimik.types import Emotion, Face, FrameResult

__all__ = ["PATHS", "router"]

PATHS = ("/rekognition", "/rekognition/")
_TARGET = "RekognitionService.DetectFaces"
_MOST = 100
_UNFIT = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method."
)
_POINTS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
_NAMES = {
    Emotion.ANGRY: "ANGRY",
    Emotion.DISGUST: "DISGUSTED",
    Emotion.FEAR: "FEAR",
    Emotion.HAPPY: "HAPPY",
    Emotion.SAD: "SAD",
    Emotion.SURPRISE: "SURPRISED",
    Emotion.NEUTRAL: "CALM",
}
_ERRORS = {
    Kind.TOO_LARGE: ("ImageTooLargeException", 400),
    Kind.NO_PICTURE: ("InvalidImageFormatException", 400),
    Kind.PARAMETER: ("InvalidParameterException", 400),
    Kind.KEY: ("UnrecognizedClientException", 400),
    Kind.SCOPE: ("AccessDeniedException", 400),
    Kind.BUSY: ("ThrottlingException", 400),
    Kind.BROKEN: ("InternalServerError", 500),
}
_Attribute = Literal[
    "DEFAULT",
    "ALL",
    "AGE_RANGE",
    "BEARD",
    "EMOTIONS",
    "EYE_DIRECTION",
    "EYEGLASSES",
    "EYES_OPEN",
    "FACE_OCCLUDED",
    "GENDER",
    "MOUTH_OPEN",
    "MUSTACHE",
    "SMILE",
    "SUNGLASSES",
]

router = APIRouter(tags=["Amazon Rekognition"])


class _Image(BaseModel):
    Bytes: str | None = Field(None, min_length=1)
    S3Object: dict[str, Any] | None = None


class _DetectFaces(BaseModel):
    Image: _Image
    Attributes: list[_Attribute] = Field(default_factory=list, max_length=14)


class _Refused(Exception):  # noqa: N818 (an answer on its way out)
    """An error with a name of its own."""


@router.post("/rekognition", include_in_schema=False)
@router.post("/rekognition/", openapi_extra={"requestBody": {"content": {"application/x-amz-json-1.1": {}}}})
async def detect_faces(request: Request, analyzer: Annotated[Analyzer, Depends(analyzer_of)]) -> Response:
    """Answer ``DetectFaces``."""
    if request.headers.get("x-amz-target") != _TARGET:
        return _error("UnknownOperationException", "Mimik answers DetectFaces alone.", 400)
    asked: list[_DetectFaces] = []

    def take(body: bytes) -> list[Sent]:
        if not entry.open:
            _admit_signed(entry, signed, key, body)
        asked.append(_DetectFaces.model_validate_json(body))
        if asked[0].Image.S3Object is not None:
            raise _Refused(ADDRESSES)
        if asked[0].Image.Bytes is None:
            raise invalid("{field} is missing.", "Image.Bytes")
        return [Sent("picture", from_base64(asked[0].Image.Bytes, "Image.Bytes"))]

    signed: Signed | None = None
    key: Key | None = None
    try:
        with entering(request, "rekognition") as entry:
            if not entry.begin():
                signed = read_signature(request)
                key = entry.door.find(signed.key)
                if key is None:
                    entry.refuse()
            (result,) = await analyzer.answer(request, "rekognition", take)
    except SignatureError as error:
        return _error(error.name, str(error), 400)
    except _Refused as error:
        return _error("InvalidS3ObjectException", str(error), 400)
    except ValidationError as error:
        return _error("InvalidParameterException", f"Request has invalid parameters: {_where(error)}", 400)
    except MimikError as error:
        name, status = _ERRORS[kind_of(error)]
        return _error(name, str(error), status)
    wanted: set[str] = {*asked[0].Attributes}
    details = await to_thread.run_sync(_details, result, wanted)
    return _json({"FaceDetails": details}, 200)


def _admit_signed(entry: Entry, signed: Signed | None, key: Key | None, body: bytes) -> None:
    assert signed is not None
    assert key is not None
    if key.signing_sha256 is None:
        raise ProblemError(403, "This key is not good for this: it needs the scope {scope}.", scope="rekognition")
    if not signed.fits(key.signing_sha256, body):
        try:
            entry.refuse()
        except ProblemError as error:
            if error.status == 429:
                raise
        raise SignatureError("InvalidSignatureException", _UNFIT)
    entry.admit(key=key)


def _details(result: FrameResult, wanted: set[str]) -> list[dict[str, Any]]:
    return [_detail(result, face, wanted) for face in largest_first(result, _MOST)]


def _detail(result: FrameResult, face: Face, wanted: set[str]) -> dict[str, Any]:
    box, points, known = face.detection.box, face.detection.landmarks, face.attributes
    height, width = result.frame.image.shape[:2]
    detail: dict[str, Any] = {
        "BoundingBox": {
            "Width": box.width / width,
            "Height": box.height / height,
            "Left": box.x1 / width,
            "Top": box.y1 / height,
        },
        "Quality": {"Brightness": _brightness(result, face), "Sharpness": 100 * face.quality.score},
        "Confidence": 100 * float(face.detection.score),
    }
    if points is not None:
        detail["Landmarks"] = [
            {"Type": name, "X": float(x) / width, "Y": float(y) / height}
            for name, (x, y) in zip(_POINTS, points, strict=True)
        ]
        detail["Pose"] = {"Roll": roll(face)}
    if wanted & {"ALL", "EMOTIONS"}:
        detail["Emotions"] = _emotions(face)
    if known is not None and wanted & {"ALL", "AGE_RANGE"}:
        detail["AgeRange"] = {"Low": known.age[0], "High": known.age[1]}
    if known is not None and wanted & {"ALL", "GENDER"}:
        detail["Gender"] = {"Value": known.gender.capitalize(), "Confidence": 100 * known.gender_probability}
    return detail


def _emotions(face: Face) -> list[dict[str, Any]]:
    """The likeliest first; a reading that is withheld is one UNKNOWN."""
    read = probabilities(face)
    if read is None:
        return [{"Type": "UNKNOWN", "Confidence": 100.0}]
    order = sorted(read, key=lambda emotion: -read[emotion])
    return [{"Type": _NAMES[emotion], "Confidence": 100 * read[emotion]} for emotion in order]


def _brightness(result: FrameResult, face: Face) -> float:
    """The mean luma of the face, 0–100."""
    part = result.frame.image[face.detection.box.slices(result.frame.image)]
    return float(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY).mean()) * 100 / 255


def _where(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))[:100]}: {first['msg'][:200]}"


def _error(name: str, message: str, status: int) -> Response:
    return _json({"__type": name, "Message": message}, status)


def _json(body: dict[str, Any], status: int) -> Response:
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    return JSONResponse(body, status, headers, media_type="application/x-amz-json-1.1")
