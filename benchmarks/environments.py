"""Environments that the runner makes for peers, each in a folder of its own under the cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NODE", "Environment", "EnvironmentMissingError", "room_mb", "size_mb"]

NODE = "node"
_PYTHON = "python"
_INSTALL_S = 900


class EnvironmentMissingError(Exception):
    """A peer cannot be installed; says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a peer needs.

    Attributes:
        name: its folder under the cache.
        steps: arguments of ``pip install``, one call each; or packages of npm.
        remark: how it differs from what the peer's users get.
        kind: ``python`` or `NODE`.
        base: what it is added to, in the same folder; None: it has its own.
    """

    name: str
    steps: tuple[tuple[str, ...], ...]
    remark: str = ""
    kind: str = _PYTHON
    base: Environment | None = None

    def folder(self, cache: Path) -> Path:
        """Where it is."""
        return cache / self.name if self.base is None else self.base.folder(cache)

    def python(self, cache: Path) -> Path:
        """Its interpreter."""
        return self.folder(cache) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def program(self) -> str:
        """Node's program.

        Raises:
            EnvironmentMissingError: there is none.
        """
        found = shutil.which("node")
        if not found:
            raise EnvironmentMissingError("needs Node.js (https://nodejs.org), which is not here")
        return found

    def ready(self, cache: Path) -> bool:
        """Whether it was made whole, by these steps."""
        try:
            return bool(json.loads(self._stamp(cache).read_text())["steps"] == [list(step) for step in self.steps])
        except (OSError, ValueError, KeyError):
            return False

    def make(self, cache: Path, log: Path) -> None:
        """Make it, unless it is there.

        Raises:
            EnvironmentMissingError: it cannot be made.
        """
        if self.kind == NODE:
            self.program()
        if self.ready(cache):
            return
        start, folder = time.perf_counter(), self.folder(cache)
        folder.mkdir(parents=True, exist_ok=True)
        if self.kind == NODE:
            npm = shutil.which("npm")
            if not npm:
                raise EnvironmentMissingError("needs npm, which is not here")
            (folder / "package.json").write_text('{"private": true}')
            for step in self.steps:
                _run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *step], folder, log)
        else:
            if self.base is not None:
                self.base.make(cache, log)
            else:
                _run([sys.executable, "-m", "venv", str(folder)], folder, log)
            for step in self.steps:
                _run([str(self.python(cache)), "-m", "pip", "install", "--quiet", *step], folder, log)
        done = {"steps": self.steps, "seconds": round(time.perf_counter() - start)}
        self._stamp(cache).write_text(json.dumps(done))

    def _stamp(self, cache: Path) -> Path:
        return self.folder(cache) / f"made-{self.name}.json"


def _run(command: list[str], folder: Path, log: Path) -> None:
    with log.open("ab") as out:
        try:
            done = subprocess.run(  # noqa: S603
                command, cwd=folder, stdout=out, stderr=out, check=False, timeout=_INSTALL_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvironmentMissingError(f"could not be installed ({error})") from error
    if done.returncode:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        said = next((line for line in reversed(lines) if "error" in line.lower()), lines[-1] if lines else "")
        raise EnvironmentMissingError(f"could not be installed ({said.strip()[:200]})")


def size_mb(folder: Path) -> float:
    """What a folder takes on the disk, megabytes."""
    return room_mb(folder.rglob("*"))


def room_mb(paths: Iterable[Path]) -> float:
    """What files take on the disk, in whole blocks, megabytes."""
    total = 0
    for path in paths:
        try:
            status = path.lstat()
        except OSError:
            continue
        total += getattr(status, "st_blocks", 0) * 512 or status.st_size
    return total / 1e6
