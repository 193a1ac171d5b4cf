"""A client of Mimik's server, for programs that run elsewhere or must not load the networks themselves.

    from mimik import Client

    with Client("http://127.0.0.1:8420") as client:
        for face in client.analyze("photo.jpg")[0].faces:
            print(face.state, face.emotions.top)

`AsyncClient` is the same with ``async with`` and ``await``. Where the server demands keys, give one as ``key``, or
in the variable ``MIMIK_KEY``.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import httpx
import numpy as np
from anyio import to_thread

from mimik.answers import Picture, Sendable, face, read_file, refusal, unreachable
from mimik.errors import ConfigError, ServerError
from mimik.streaming import Streamed, stream, stream_async

__all__ = ["DEFAULT_ADDRESS", "AsyncClient", "Client", "Picture", "Streamed"]

DEFAULT_ADDRESS = "http://127.0.0.1:8420"
"""Where ``mimik serve`` answers unless told otherwise."""

_Files = list[tuple[str, tuple[str, bytes]]]


class Client:
    """Asks a server of Mimik. A context manager; safe to share between threads.

    Args:
        address: the server's.
        key: where the server demands one, as ``mimik key create`` showed it; None: that of ``MIMIK_KEY``, if any.
        verify: the file of a private certificate to trust (PEM); None: the certificates that the system trusts.
        timeout_s: how long an answer may take.

    Raises:
        ConfigError: the certificate cannot be used, or the key has letters that no key has.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        key: str | None = None,
        verify: str | os.PathLike[str] | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._tls = _trusted(verify)
        # No proxy of the environment: the server is on this machine or near it.
        self._http = httpx.Client(
            base_url=address, timeout=timeout_s, trust_env=False, headers=_headers(key), verify=self._tls or True
        )

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

    def stream(self, frames: Iterable[Sendable], *, live: bool = False) -> Iterator[Streamed]:
        """Follow the people of one source: send its frames one after the other and iterate over what is read.

        Args:
            frames: JPEG or WebP files as paths or bytes, or pixels; asked for one at a time.
            live: send them as they come, so that the newest wins and the server passes over what it has no time for;
                otherwise every frame is read, and the next is asked for when there is room for it.

        Returns:
            A result a frame that was read, in order; of one that cannot be read, its `Streamed.error`.

        Raises:
            SourceError: a file cannot be opened.
            ServerError: the server cannot be reached, refuses, or closes the stream.
        """
        return stream(self._address, self._http.headers, frames, live, self._timeout_s, self._tls)

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
            raise unreachable(self._address, error) from error
        return _checked(self._address, answer)


class AsyncClient:
    """`Client` for asyncio and trio.

    Args:
        address: the server's.
        key: where the server demands one, as ``mimik key create`` showed it; None: that of ``MIMIK_KEY``, if any.
        verify: the file of a private certificate to trust (PEM); None: the certificates that the system trusts.
        timeout_s: how long an answer may take.

    Raises:
        ConfigError: the certificate cannot be used, or the key has letters that no key has.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        key: str | None = None,
        verify: str | os.PathLike[str] | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._tls = _trusted(verify)
        self._http = httpx.AsyncClient(
            base_url=address, timeout=timeout_s, trust_env=False, headers=_headers(key), verify=self._tls or True
        )

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

    def stream(
        self, frames: Iterable[Sendable] | AsyncIterable[Sendable], *, live: bool = False
    ) -> AsyncIterator[Streamed]:
        """See `Client.stream`; for asyncio alone. `frames` may be asynchronous too."""
        return stream_async(self._address, self._http.headers, frames, live, self._timeout_s, self._tls)

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
            raise unreachable(self._address, error) from error
        return _checked(self._address, answer)


def _headers(key: str | None) -> dict[str, str]:
    key = (key or os.environ.get("MIMIK_KEY", "")).strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError("The key has letters that no key has. Copy it again, as `mimik key create` showed it.")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _trusted(certificate: str | os.PathLike[str] | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    try:
        return ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise ConfigError(
            "{path}: no certificate in PEM ({detail}).", path=certificate, detail=error.strerror or error
        ) from error


def _files(pictures: tuple[Sendable, ...]) -> _Files:
    """The fields of the form."""
    return [("pictures", _file(picture, number)) for number, picture in enumerate(pictures, 1)]


def _file(picture: Sendable, number: int) -> tuple[str, bytes]:
    if isinstance(picture, bytes):
        return f"picture {number}", picture
    if isinstance(picture, np.ndarray):
        import cv2

        return f"picture {number}", cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
    return Path(picture).name, read_file(picture)


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
    raise refusal(body, answer.status_code)


def _pictures(answer: Mapping[str, Any]) -> tuple[Picture, ...]:
    return tuple(
        Picture(read["source"], read["width"], read["height"], tuple(face(values) for values in read["faces"]))
        for read in answer["pictures"]
    )
