"""How callers of the façades come in: their clients bring keys in forms of their own, some in the body."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.requests import Request

from mimik.keys import Key

if TYPE_CHECKING:
    from mimik.serve.access import Door

__all__ = ["Entry", "entering"]


class Entry:
    """One request's way in.

    Args:
        request: whose caller is to be found.
        scope: what its key must be good for.
    """

    def __init__(self, request: Request, scope: str) -> None:
        self.door: Door = request.app.state.door
        self._request = request
        self._scopes = frozenset({scope})
        self._waits = False

    @property
    def open(self) -> bool:
        """Whether nothing more is to be shown."""
        return self._request.state.caller is not None

    def begin(self) -> bool:
        """Let the request in by what stands in the headers that all clients may use, or where no key is demanded.

        Returns:
            Whether it is in; otherwise its key is to come, and it holds one of the few places for that.

        Raises:
            ProblemError: 401, 403 or 429; 503 where those places are taken.
        """
        headers = self._request.headers
        bearer = headers.get("authorization", "")[:7].lower() == "bearer "
        if bearer or "x-api-key" in headers or not self.door.access.demanded:
            self.admit()
            return True
        self.door.wait()
        self._waits = True
        return False

    def admit(self, token: str | None = None, key: Key | None = None) -> None:
        """Let the request in, by a token, a key that was checked already, or the headers that all clients may use.

        Raises:
            ProblemError: 401, 403 or 429.
        """
        self._request.state.caller = self.door.enter(self._request, self._scopes, token=token, key=key)
        self.leave()

    def admit_pair(self, id: str, secret: str) -> None:  # noqa: A002
        """The same, by an id and a secret.

        Raises:
            ProblemError: 401, 403 or 429.
        """
        self.admit(f"mimik_{id}_{secret}")

    def refuse(self) -> None:
        """Count a wrong key and refuse it.

        Raises:
            ProblemError: always.
        """
        self.door.refuse(self._request)

    def leave(self) -> None:
        """Give the place back."""
        if self._waits:
            self._waits = False
            self.door.leave()


@contextmanager
def entering(request: Request, scope: str) -> Iterator[Entry]:
    """Around a façade's request, from before its body is read.

    Args:
        request: the request.
        scope: what its key must be good for.
    """
    entry = Entry(request, scope)
    try:
        yield entry
    finally:
        entry.leave()
