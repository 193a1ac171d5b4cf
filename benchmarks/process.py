"""A peer as a process that is asked and answers."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["PeerError", "PeerProcess"]

_GRACE_S = 3


class PeerError(Exception):
    """A peer failed, took too long or ended."""


def _environment() -> dict[str, str]:
    """The runner's own, but with byte code kept, as it is wherever something is installed and used again."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class PeerProcess:
    """One peer's process; leaving it ends it.

    Args:
        command: program and arguments.
        log: where its standard error goes.
        cores: the processor cores that it may use; None: all.
        environment: variables beside the runner's own.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        cores: Sequence[int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.started_s = time.perf_counter()
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=_environment() | dict(environment or {}),
                start_new_session=True,
            )
        if cores is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, cores)  # before it has imported anything that counts cores
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def ask(self, do: str, timeout_s: float = 180.0, **values: Any) -> dict[str, Any]:
        """Ask and wait for the answer.

        Raises:
            PeerError: it answered with an error, not in time, or not at all.
        """
        self.tell(do, **values)
        return self.answer(timeout_s)

    def tell(self, do: str, **values: Any) -> None:
        """Ask without waiting.

        Raises:
            PeerError: it has ended.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps({"do": do, **values}) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise PeerError(f"ended ({self._last_words()})") from error

    def answer(self, timeout_s: float = 180.0) -> dict[str, Any]:
        """What it says next.

        Raises:
            PeerError: as `ask`.
        """
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            self.close()
            raise PeerError(f"no answer within {timeout_s:.0f} s") from None
        if line is None:
            raise PeerError(f"ended ({self._last_words()})")
        said: dict[str, Any] = json.loads(line)
        if "error" in said:
            raise PeerError(str(said["error"]).splitlines()[0])
        return said

    def close(self) -> None:
        """End it."""
        if self._process.stdin:
            with contextlib.suppress(OSError):  # it has ended, with words on their way
                self._process.stdin.close()
        try:
            self._process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        if self._process.stdout:
            self._process.stdout.close()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else "without a word"
