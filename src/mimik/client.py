"""A client of Mimik's server, for programs that run elsewhere or must not load the networks themselves.

    from mimik import Client

    with Client("http://127.0.0.1:8420") as client:
        for face in client.analyze("photo.jpg")[0].faces:
            print(face.state, face.emotions.top)

`AsyncClient` is the same with ``async with`` and ``await``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import httpx
import numpy as np
from anyio import to_thread

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

__all__ = ["DEFAULT_ADDRESS", "AsyncClient", "Client", "Picture"]

DEFAULT_ADDRESS = "http://127.0.0.1:8420"
"""Where ``mimik serve`` answers unless told otherwise."""

Sendable = str | os.PathLike[str] | bytes | Image
"""A picture to send: a file's path, a file's bytes, or pixels ``(H, W, 3)`` uint8, BGR."""

_Files = list[tuple[str, tuple[str, bytes]]]


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


class Client:
    """Asks a server of Mimik. A context manager; safe to share between threads.

    Args:
        address: the server's.
        timeout_s: how long an answer may take.
    """

    def __init__(self, address: str = DEFAULT_ADDRESS, *, timeout_s: float = 60.0) -> None:
        self._address = address
        # No proxy of the environment: the server is on this machine or near it.
        self._http = httpx.Client(base_url=address, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def analyze(self, *pictures: Sendable) -> tuple[Picture, ...]:
        """Read pictures; those of one call go through the network together.

        Returns:
            One a picture, in order.

        Raises:
            SourceError: a file cannot be opened.
            ServerError: the server cannot be reached, or refuses.
        """
        return _pictures(self._ask("POST", "/v1/analyze", _files(pictures))) if pictures else ()

    def models(self) -> dict[str, Any]:
        """What reads there, and the shipped models' cards.

        Raises:
            ServerError: the server cannot be reached.
        """
        return self._ask("GET", "/v1/models")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ask(self, method: str, path: str, files: _Files | None = None) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, files=files)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise _unreachable(self._address, error) from error
        return _checked(self._address, answer)


class AsyncClient:
    """`Client` for asyncio and trio.

    Args:
        address: the server's.
        timeout_s: how long an answer may take.
    """

    def __init__(self, address: str = DEFAULT_ADDRESS, *, timeout_s: float = 60.0) -> None:
        self._address = address
        self._http = httpx.AsyncClient(base_url=address, timeout=timeout_s, trust_env=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def analyze(self, *pictures: Sendable) -> tuple[Picture, ...]:
        """See `Client.analyze`."""
        if not pictures:
            return ()
        files = await to_thread.run_sync(_files, pictures)
        return _pictures(await self._ask("POST", "/v1/analyze", files))

    async def models(self) -> dict[str, Any]:
        """See `Client.models`."""
        return await self._ask("GET", "/v1/models")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, method: str, path: str, files: _Files | None = None) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, files=files)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise _unreachable(self._address, error) from error
        return _checked(self._address, answer)


def _files(pictures: tuple[Sendable, ...]) -> _Files:
    """The fields of the form."""
    return [("pictures", _file(picture, number)) for number, picture in enumerate(pictures, 1)]


def _file(picture: Sendable, number: int) -> tuple[str, bytes]:
    if isinstance(picture, bytes):
        return f"picture {number}", picture
    if isinstance(picture, np.ndarray):
        import cv2

        return f"picture {number}", cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    path = Path(picture)
    try:
        return path.name, path.read_bytes()
    except FileNotFoundError:
        raise SourceError("{path}: there is no such file.", path=path) from None
    except OSError as error:
        raise SourceError("{path}: cannot be opened ({detail}).", path=path, detail=error.strerror) from error


def _unreachable(address: str, error: Exception) -> ServerError:
    return ServerError(
        "{address}: no Mimik answers there ({detail}). Start one with `mimik serve`, or give its address.",
        address=address,
        detail=str(error) or type(error).__name__,
    )


def _checked(address: str, answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON, or what it refuses as an error."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if answer.is_success and isinstance(body, dict):
        return cast(dict[str, Any], body)
    if not isinstance(body, dict) or "detail" not in body:
        raise ServerError(
            "{address}: what answers there is no Mimik, or not this one (status {status}).",
            address=address,
            status=answer.status_code,
        )
    text = "{detail}"
    error = ServerError(text, detail=body["detail"])
    error.text, error.values = str(body.get("text", error.text)), dict(body.get("values", error.values))
    error.status = answer.status_code
    raise error


def _pictures(answer: Mapping[str, Any]) -> tuple[Picture, ...]:
    return tuple(
        Picture(read["source"], read["width"], read["height"], tuple(_face(face) for face in read["faces"]))
        for read in answer["pictures"]
    )


def _face(values: Mapping[str, Any]) -> Face:
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
        attributes=_attributes(values),
    )


def _attributes(values: Mapping[str, Any]) -> Attributes | None:
    low, high, gender = (values.get(name) for name in ("age_low", "age_high", "gender"))
    if low is None or high is None or gender is None:
        return None
    probability = values["gender_probability"]
    return Attributes((low + high) / 2, (low, high), probability if gender == "female" else 1 - probability)
