"""The API's own description, ``/openapi.json``: what each operation really answers, problems among it.

FastAPI sees what a route takes. What it gives is told here, for answers are made by hand (`json_answer`), in threads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mimik.serve.schemas import JobDraftIn
from mimik.serve.sessions import MEDIA
from mimik.store.values import Draft, JobState, Marker, Person, Session

__all__ = ["PROBLEM_TYPE", "describe", "operations"]

PROBLEM_TYPE = "application/problem+json"
_REFERENCE = "#/components/schemas/{model}"
_JSON = "application/json"
_BINARY: Mapping[str, Any] = {"type": "string", "format": "binary"}
_TEXT: Mapping[str, Any] = {"type": "string"}
_OBJECT: Mapping[str, Any] = {"type": "object"}


class Problem(BaseModel):
    """Why something could not be done (RFC 9457)."""

    type: str = Field(description="`urn:mimik:problem:` and the status.")
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="What was wrong and what to do, in English.")
    text: str = Field(description="The template of the detail.")
    values: dict[str, str | int | float | bool] = Field(description="What fills its places.")
    field: str | None = Field(None, description="What of the request was wrong, where it was one field.")


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobError(_Out):
    """Why a job failed."""

    text: str = Field(description="An English template.")
    values: dict[str, str]


class JobOut(_Out):
    """A video in the queue."""

    id: str
    name: str = Field(description="The file's name, as it was sent.")
    draft: Draft
    state: JobState
    created_at: str = Field(json_schema_extra={"format": "date-time"})
    progress: float = Field(ge=0, le=1)
    error: JobError | None
    session: str | None = Field(description="The session's id, once there is one.")
    left_s: float | None = Field(description="Seconds until it is done, estimated.")
    frames: int = Field(description="Read so far.")
    frame_count: int | None = Field(description="How many there are, where the file tells.")


class RecordingOut(_Out):
    """How a recording stands."""

    session: Session
    state: str
    elapsed_s: float
    unsaved_s: float
    markers: tuple[Marker, ...]
    type: str = "recording"


class StoreOut(_Out):
    """What is kept, and where."""

    url: str
    size_bytes: int | None
    sessions: int
    jobs: int
    clips_folder: str


class PurgedOut(_Out):
    """What was due."""

    sessions: int
    raw: int


class LegalOut(_Out):
    """What people are told."""

    purpose: str
    paragraphs: list[str]


@cache
def _models() -> dict[str, Any]:
    """The schemas of answers, by name."""
    schemas: dict[str, Any] = {}
    for model in (Problem, JobOut, RecordingOut, StoreOut, PurgedOut, LegalOut, Session, Marker, Person, JobDraftIn):
        schema = TypeAdapter(model).json_schema(mode="serialization", ref_template=_REFERENCE)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for name in ("Session", "Marker", "Draft", "JobOut", "RecordingOut"):  # a dataclass's default is given all the same
        schemas[name]["required"] = sorted(schemas[name]["properties"])
    schemas["SessionWhole"] = {
        "title": "SessionWhole",
        "description": "A session with its markers and people.",
        "type": "object",
        "properties": {
            **schemas["Session"]["properties"],
            "markers": {"type": "array", "items": _ref("Marker")},
            "who": {"type": "array", "items": _ref("Person")},
        },
        "required": [*schemas["Session"]["required"], "markers", "who"],
    }
    return schemas


def _ref(model: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model)}


def _list(name: str, model: str) -> dict[str, Any]:
    return _with(**{name: {"type": "array", "items": _ref(model)}})


def _with(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


@dataclass(frozen=True, slots=True)
class _Given:
    """What an operation gives where it succeeds, and the problems beside those that `_problems` tells by its shape.

    Attributes:
        answers: by status: content types and their schemas.
        problems: further statuses.
        body: what it takes, where FastAPI cannot tell.
        tag: where it belongs, where its router does not say.
    """

    answers: Mapping[int, Mapping[str, Mapping[str, Any]]]
    problems: tuple[int, ...] = ()
    body: Mapping[str, Mapping[str, Any]] | None = None
    tag: str = ""


def _json(schema: Mapping[str, Any], status: int = 200) -> dict[int, dict[str, Mapping[str, Any]]]:
    return {status: {_JSON: schema}}


def _form(fields: Mapping[str, Any], *required: str) -> dict[str, Mapping[str, Any]]:
    return {"multipart/form-data": {"type": "object", "properties": fields, "required": list(required)}}


_NOTHING: dict[int, dict[str, Mapping[str, Any]]] = {204: {}}
_TABLES: dict[str, Mapping[str, Any]] = {kind: {} for kind in MEDIA.values()}
_REPORTS = {"text/html": _TEXT, "application/pdf": _BINARY}
_DRAWN = {"findings": {"type": "array"}, "figures": {"type": "array"}, "warnings": {"type": "array"}}
_FILE_AND_DRAFT = _form({"file": _BINARY, "draft": _ref("JobDraftIn")}, "file", "draft")
_AMAZON = "application/x-amz-json-1.1"
_PAIR = {"api_key": _TEXT, "api_secret": _TEXT}
_MARKER = _ref("Marker")
_RECORDING = "/v1/live/{token}/recording"
_GIVEN: Mapping[tuple[str, str], _Given] = {
    ("get", "/v1/sessions"): _Given(_json(_list("sessions", "Session"))),
    ("delete", "/v1/sessions"): _Given(_NOTHING),
    ("get", "/v1/sessions/{session}"): _Given(_json(_ref("SessionWhole"))),
    ("patch", "/v1/sessions/{session}"): _Given(_json(_ref("Session"))),
    ("delete", "/v1/sessions/{session}"): _Given(_NOTHING, (409,)),
    ("get", "/v1/sessions/{session}/export.{kind}"): _Given({200: _TABLES}, (410,)),
    ("get", "/v1/sessions/{session}/clip.mp4"): _Given({200: {"video/mp4": _BINARY}, 206: {"video/mp4": _BINARY}}),
    ("post", "/v1/sessions/{session}/markers"): _Given(_json(_MARKER, 201)),
    ("post", "/v1/sessions/{session}/markers.csv"): _Given(
        _json(_list("markers", "Marker"), 201), body={"text/csv": _TEXT}
    ),
    ("patch", "/v1/sessions/{session}/markers/{marker}"): _Given(_json(_MARKER)),
    ("delete", "/v1/sessions/{session}/markers/{marker}"): _Given(_NOTHING),
    ("get", "/v1/sessions/{session}/analysis"): _Given(_json(_OBJECT)),
    ("get", "/v1/sessions/{session}/figures"): _Given(_json(_with(**_DRAWN))),
    ("get", "/v1/sessions/{session}/report.{kind}"): _Given({200: _REPORTS}),
    ("get", "/v1/compare"): _Given(_json(_with(comparison=_OBJECT, **_DRAWN)), (404,)),
    ("get", "/v1/compare/report.{kind}"): _Given({200: _REPORTS}),
    ("get", "/v1/hours"): _Given(_json(_with(hours=_OBJECT, **_DRAWN))),
    ("get", "/v1/hours/report.{kind}"): _Given({200: _REPORTS}),
    ("get", "/v1/store"): _Given(_json(_ref("StoreOut"))),
    ("post", "/v1/store/purge"): _Given(_json(_ref("PurgedOut"))),
    ("get", "/v1/legal"): _Given(_json(_ref("LegalOut")), tag="sessions"),
    ("post", _RECORDING): _Given(_json(_ref("RecordingOut"), 201), (409, 507), tag="recording"),
    ("get", _RECORDING): _Given(_json(_ref("RecordingOut")), (409, 410), tag="recording"),
    ("patch", _RECORDING): _Given(_json(_ref("RecordingOut")), (409, 410), tag="recording"),
    ("delete", _RECORDING): _Given(_json(_ref("Session")), (409, 410), tag="recording"),
    ("post", _RECORDING + "/markers"): _Given(_json(_MARKER, 201), (409, 410), tag="recording"),
    ("post", _RECORDING + "/baseline"): _Given(_json(_MARKER, 201), (409, 410), tag="recording"),
    ("get", "/v1/jobs"): _Given(_json(_list("jobs", "JobOut")), tag="jobs"),
    ("post", "/v1/jobs"): _Given(_json(_ref("JobOut"), 201), (408, 413, 415, 507), _FILE_AND_DRAFT, "jobs"),
    ("get", "/v1/jobs/{job}"): _Given(_json(_ref("JobOut")), tag="jobs"),
    ("delete", "/v1/jobs/{job}"): _Given({**_json(_ref("JobOut")), **_NOTHING}, tag="jobs"),
    ("get", "/v1/jobs/{job}/result.{kind}"): _Given({200: {**_TABLES, **_REPORTS}}, (409, 410), tag="jobs"),
    ("post", "/v1/logout"): _Given(_NOTHING),
    ("get", "/healthz"): _Given(_json({"type": "object", "required": ["status", "version"]}), tag="probes"),
    ("get", "/readyz"): _Given(
        {status: {_JSON: {"type": "object", "required": ["status"]}} for status in (200, 503)}, tag="probes"
    ),
}
_PICTURE_PARTS = {"image_file": _BINARY, "image_base64": _TEXT}
_FACADES: Mapping[str, _Given] = {
    "/rekognition/": _Given(
        {200: {_AMAZON: _with(FaceDetails={"type": "array"})}},
        (400, 403, 500),
        {
            _AMAZON: {
                "type": "object",
                "properties": {
                    "Image": {"type": "object", "properties": {"Bytes": {"type": "string", "format": "byte"}}},
                    "Attributes": {"type": "array", "items": _TEXT},
                },
                "required": ["Image"],
            }
        },
    ),
    "/azure/face/v1.0/detect": _Given(
        _json({"type": "array"}), (400, 401, 403, 415, 429, 500), {"application/octet-stream": _BINARY}
    ),
    "/facepp/v3/detect": _Given(
        _json(_with(faces={"type": "array"}, face_num={"type": "integer"})),
        (400, 401, 403, 500),
        _form({**_PAIR, **_PICTURE_PARTS, "return_landmark": _TEXT, "return_attributes": _TEXT}),
    ),
    "/skybiometry/fc/faces/detect.json": _Given(
        _json(_with(photos={"type": "array"}, status=_TEXT)),
        (400, 401, 403, 413, 500, 503),
        _form({**_PAIR, "file": _BINARY, "attributes": _TEXT}),
    ),
}
_SIGNED = {
    "name": "X-Amz-Target",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "enum": ["RekognitionService.DetectFaces"]},
}
_PUBLIC = {"/healthz", "/readyz", "/v1/login", "/v1/logout"}


def describe(app: FastAPI) -> None:
    """Let an application describe itself truly, once its routes are there."""

    def made() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = made  # type: ignore[method-assign]


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation of a document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes, description=app.description)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas |= {name: schema for name, schema in _models().items() if name not in schemas}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key of `mimik key create`, where demanded."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for method, path, operation in operations(document):
        _tell(method, path, operation)
    return document


def _tell(method: str, path: str, operation: dict[str, Any]) -> None:
    if path in _FACADES:
        _tell_facade(path, operation, _FACADES[path])
        return
    given = _GIVEN.get((method, path))
    if given is not None:
        operation["responses"] = {str(status): _answer(kinds, status) for status, kinds in given.answers.items()}
        if given.body is not None:
            operation["requestBody"] = _body(given.body)
    operation["summary"] = _summary(operation)
    operation.setdefault("tags", [given.tag if given is not None and given.tag else _tag(path)])
    for status in sorted({*_problems(path, operation), *(given.problems if given is not None else ())}):
        if str(status) not in operation["responses"] or status == 422:
            operation["responses"][str(status)] = _problem(status)
    if path not in _PUBLIC:
        operation["security"] = [{}, {"bearer": []}, {"header": []}]


def _tell_facade(path: str, operation: dict[str, Any], given: _Given) -> None:
    """A façade's errors have its service's form and statuses, and its keys come as that service's clients send them."""
    assert given.body is not None
    ((kind, _),) = given.answers[200].items()
    errors = {status: {kind: _OBJECT} for status in given.problems}
    operation["responses"] = {
        str(status): _answer(kinds, status) for status, kinds in {**given.answers, **errors}.items()
    }
    operation["responses"]["403"] = _answer({kind: _OBJECT, "text/plain": _TEXT}, 403)
    operation["requestBody"] = _body(given.body)
    operation["summary"] = _summary(operation)
    if kind == _AMAZON:
        operation["parameters"] = [*operation.get("parameters", ()), _SIGNED]


def _body(kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {"required": True, "content": {kind: {"schema": schema} for kind, schema in kinds.items()}}


def _problems(path: str, operation: Mapping[str, Any]) -> set[int]:
    """The problems that an operation's shape brings with it."""
    statuses = {403}  # another site's page, or a host name that is not ours
    if path not in _PUBLIC or path == "/v1/login":
        statuses |= {401, 429}
    if operation.get("parameters") or "requestBody" in operation:
        statuses.add(422)
    if "{" in path:
        statuses.add(404)
    if "requestBody" in operation:
        statuses |= {400, 408, 413, 415}
    if path not in _PUBLIC:
        statuses.add(503)  # the keys or the store cannot be read, or there is too much to do
    return statuses


def _summary(operation: Mapping[str, Any]) -> str:
    """The first sentence of what its function says of itself."""
    first = str(operation.get("description", operation["summary"])).partition("\n")[0]
    return re.split(r"(?<=\w)[.:;](?:\s|$)", first)[0]


def _tag(path: str) -> str:
    return "sessions" if path.startswith("/v1/") else "server"


def _answer(kinds: Mapping[str, Mapping[str, Any]], status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _WORDS.get(status, "It could not be done.")}
    if kinds:
        answer["content"] = {kind: {"schema": schema} for kind, schema in kinds.items()}
    return answer


def _problem(status: int) -> dict[str, Any]:
    kinds: dict[str, Mapping[str, Any]] = {PROBLEM_TYPE: _ref("Problem")}
    if status == 403:
        kinds["text/plain"] = _TEXT
    return _answer(kinds, status)


_WORDS = {
    200: "Done.",
    201: "Made.",
    204: "Done; there is nothing to tell.",
    206: "The part that was asked for.",
    400: "The request cannot be understood.",
    401: "A key is needed, or the key is wrong.",
    403: "The key's scopes do not reach so far, or another site or host name asks.",
    404: "There is no such thing.",
    408: "The request took too long to arrive.",
    409: "Not as things stand.",
    410: "It was deleted.",
    413: "That is too much.",
    415: "That kind cannot be used.",
    422: "Something of the request cannot be used; `field` names it.",
    429: "Too often; `Retry-After` tells when to come again.",
    503: "Too much to do, or the store or the networks cannot be used.",
    507: "The disk is full.",
}
