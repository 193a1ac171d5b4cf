"""What the API answers when it cannot do what it was asked: ``application/problem+json`` (RFC 9457).

``type``, ``title``, ``status`` and ``detail`` are the standard's; ``text`` and ``values`` are the English template of
the detail and what fills its places, so that the page can say it in the reader's language; ``field`` names what was
wrong with the request, where one field was.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus
from pathlib import PurePath
from typing import Any, Self

import anyio
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mimik.errors import ConfigError, MimikError, MissingError, SinkError, SourceError, StoreError

__all__ = [
    "BodyLimit",
    "ProblemError",
    "answer_problem",
    "as_problem",
    "install_problems",
    "invalid",
    "problem_body",
    "validated",
]

_log = logging.getLogger(__name__)

_STATUS: Mapping[type[MimikError], int] = {
    ConfigError: 400,
    SourceError: 422,
    SinkError: 507,
}
"""Where an error says nothing more exact."""


class ProblemError(MimikError):
    """A request that cannot be answered as asked.

    Args:
        status: of HTTP.
        text: what was wrong and what to do, in English, with named places.
        field: what of the request was wrong, or "".
        values: what fills the places.
    """

    def __init__(self, status: int, text: str, /, field: str = "", **values: object) -> None:
        super().__init__(text, **({"field": field} if field else {}), **values)
        self.status = status
        self.field = field

    @classmethod
    def of(cls, error: MimikError, status: int) -> Self:
        """Another error, with a status of its own."""
        problem = cls(status, "{error}", error=error)
        problem.text, problem.values = error.text, error.values
        return problem


def invalid(text: str, /, field: str, **values: object) -> ProblemError:
    """The problem of one field; its name also fills the place ``{field}``."""
    return ProblemError(422, text, field or "body", **values)


def answer_problem(error: MimikError, status: int | None = None) -> Response:
    """The answer that tells of an error."""
    body = problem_body(error, status)
    headers: dict[str, str] = {}
    if body["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    elif body["status"] in (429, 503) and isinstance(seconds := error.values.get("seconds"), int):
        headers["Retry-After"] = str(seconds)
    # Values may hold what a client sent: a lone surrogate has no UTF-8, but an escape.
    return Response(json.dumps(body), int(body["status"]), headers, media_type="application/problem+json")


def problem_body(error: MimikError, status: int | None = None) -> dict[str, Any]:
    """An error's problem details."""
    if status is None:
        status = _status(error)
    body = {
        "type": f"urn:mimik:problem:{status}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "text": error.text,
        "values": {
            name: value if isinstance(value, str | int | float) else str(value) for name, value in error.values.items()
        },
    }
    if isinstance(error, ProblemError) and error.field:
        body["field"] = error.field
    return body


def as_problem(error: Exception) -> ProblemError:
    """Any error as a problem; of a defect no more is told than that there is one."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, MimikError):
        return ProblemError.of(error, _status(error))
    return ProblemError(500, "Something broke inside Mimik; its log says more.")


def install_problems(app: FastAPI) -> None:
    """Let an application answer every trouble as a problem."""

    @app.exception_handler(MimikError)
    async def mimik(request: Request, error: MimikError) -> Response:
        kept = request.app.state.access.demanded and _without_places(error)
        if kept or (_status(error) >= 500 and not isinstance(error, ProblemError)):
            _log.warning("%s %r: %s", request.method, request.url.path, error)
        return answer_problem(kept or error)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        return answer_problem(problem_of(error.errors()))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        answer = answer_problem(_of_http(error.status_code))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        """Starlette logs it and raises it anew after this answer."""
        return answer_problem(as_problem(error))


def validated(error: ValidationError, prefix: str = "") -> ProblemError:
    """The problem of a value that a schema refused."""
    return problem_of(error.errors(include_url=False, include_input=False), prefix)


def problem_of(errors: Sequence[Any], prefix: str = "") -> ProblemError:
    """The first of pydantic's errors as a problem."""
    first: Mapping[str, Any] = errors[0] if errors else {}
    kind, context = str(first.get("type", "")), first.get("ctx") or {}
    place = [str(part) for part in first.get("loc", ())]
    if prefix:
        place = [prefix, *place]
    elif place[:1] in (["body"], ["query"], ["path"]):
        place = place[1:]
    field = ".".join(place)[:100] or "body"
    if kind == "missing":
        return invalid("{field} is missing.", field)
    if kind == "extra_forbidden":
        return invalid("{field}: there is no such field.", field)
    if kind == "json_invalid":
        return ProblemError(422, "What was sent is not JSON.", field)
    if kind == "string_too_long":
        return invalid("{field} may have at most {limit} characters.", field, limit=context.get("max_length"))
    if kind == "too_long":
        return invalid("{field} may have at most {limit} entries.", field, limit=context.get("max_length"))
    if kind == "string_too_short":
        return invalid("{field} must not be empty.", field)
    if kind in ("greater_than_equal", "greater_than"):
        return invalid("{field} must be at least {limit}.", field, limit=context.get("ge", context.get("gt")))
    if kind in ("less_than_equal", "less_than"):
        return invalid("{field} must be at most {limit}.", field, limit=context.get("le", context.get("lt")))
    if kind in ("enum", "literal_error"):
        return invalid("{field} must be one of {expected}.", field, expected=context.get("expected"))
    return invalid("{field} cannot be used ({detail}).", field, detail=str(first.get("msg", ""))[:300])


class BodyLimit:
    """Refuses bodies that are too long, or too slow, before anything reads them.

    Args:
        app: what answers the others.
        unlimited: the paths that count their own bytes.
        most_bytes: that a body may have.
        within_s: seconds in which it must arrive.
    """

    def __init__(self, app: ASGIApp, unlimited: Collection[str], most_bytes: int, within_s: float) -> None:
        self._app = app
        self._unlimited = unlimited
        self._most_bytes = most_bytes
        self._within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD") or scope["path"] in self._unlimited:
            await self._app(scope, receive, send)
            return
        try:
            with anyio.fail_after(self._within_s):
                body = await self._read(receive)
        except TimeoutError:
            body = ProblemError(408, "The request took too long to arrive. Send it again.")
        if body is None:
            return
        if isinstance(body, ProblemError):
            await answer_problem(body)(scope, receive, send)
            return
        whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return whole.pop() if whole else await receive()

        await self._app(scope, replay, send)

    async def _read(self, receive: Receive) -> bytes | ProblemError | None:
        """The body; None where its sender went away."""
        body = bytearray()
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if len(body) > self._most_bytes:
                return ProblemError(
                    413, "More than {limit} bytes were sent, which is too much.", limit=self._most_bytes
                )
            if not message.get("more_body"):
                return bytes(body)
        return None


def _without_places(error: MimikError) -> ProblemError | None:
    """An error for whoever does not sit at this machine: where its files and its database are is its own affair.

    None where the error does not tell.
    """
    hidden = {name: "…" for name, value in error.values.items() if name == "place" or isinstance(value, PurePath)}
    if not hidden:
        return None
    return ProblemError(_status(error), error.text, getattr(error, "field", ""), **{**_unnamed(error), **hidden})


def _unnamed(error: MimikError) -> dict[str, object]:
    return {name: value for name, value in error.values.items() if name != "field"}


def _status(error: MimikError) -> int:
    if isinstance(error, ProblemError):
        return error.status
    if isinstance(error, StoreError):
        if "place" in error.values:  # the database itself
            return 503
        return 404 if isinstance(error, MissingError) else 422
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)


def _of_http(status: int) -> ProblemError:
    if status == 404:
        return ProblemError(404, "There is nothing at this address.")
    if status == 405:
        return ProblemError(405, "This cannot be done with this address.")
    if 400 <= status < 500:
        return ProblemError(status, "The request cannot be understood.")
    return ProblemError(status, "Something broke inside Mimik; its log says more.")
