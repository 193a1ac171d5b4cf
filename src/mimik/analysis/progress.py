"""How far an analysis is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Meter", "Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an analysis is.

    Attributes:
        stage: ``read`` first, then ``annotate`` where it is wanted.
        path: the input at hand.
        input: its number, from 1.
        inputs: how many there are.
        frames: frames of this stage done, over all inputs, earlier runs included.
        faces: faces in them.
        faces_per_s: faces a second in this run and stage.
        fraction: how much of this stage is done, 0–1; an estimate that counts every input alike.
        left_s: seconds that the stage may still take; None while that cannot be said.
    """

    stage: Literal["read", "annotate"]
    path: Path
    input: int
    inputs: int
    frames: int
    faces: int
    faces_per_s: float
    fraction: float
    left_s: float | None


class Meter:
    """Counts a stage's frames and faces, and tells.

    Args:
        stage: what is counted.
        inputs: how many there are.
        tell: told after every frame.

    Attributes:
        frames: frames done, earlier runs included.
        faces: faces in them.
        new_frames: frames done in this run.
        new_faces: faces in them.
    """

    def __init__(
        self, stage: Literal["read", "annotate"], inputs: int, tell: Callable[[Progress], None] | None
    ) -> None:
        self.frames = self.faces = self.new_frames = self.new_faces = 0
        self._stage = stage
        self._inputs = inputs
        self._tell = tell
        self._input = 0
        self._path = Path()
        self._began = time.perf_counter()
        self._first: tuple[float, float] | None = None  # when the first frame of this run was done, and the fraction

    @property
    def faces_per_s(self) -> float:
        """Faces a second in this run, from its beginning."""
        return self.new_faces / max(time.perf_counter() - self._began, 1e-9)

    def open(self, path: Path, frames: int = 0, faces: int = 0) -> None:
        """Turn to the next input, of which an earlier run had done some frames."""
        self._input += 1
        self._path = path
        self.frames += frames
        self.faces += faces

    def add(self, faces: int, part: float) -> None:
        """Count a frame; `part` of its input, 0–1, is done with it."""
        self._count(1, faces, (self._input - 1 + min(max(part, 0.0), 1.0)) / self._inputs)

    def add_many(self, path: Path, done: int, frames: int, faces: int, fraction: float) -> None:
        """Count frames of an input that was opened, where several are read at once.

        Args:
            path: the input.
            done: inputs that are done.
            frames: its frames.
            faces: faces in them.
            fraction: how much of all the inputs is done, 0–1.
        """
        self._path, self._input = path, done
        self._count(frames, faces, min(max(fraction, 0.0), 1.0))

    def settle(self, frames: int, faces: int) -> None:
        """Set right what was counted: more, if an earlier run had read more of an input; less, if it was read twice."""
        self.frames += frames
        self.faces += faces
        if frames < 0:
            self.new_frames += frames
            self.new_faces += faces

    def _count(self, frames: int, faces: int, fraction: float) -> None:
        self.frames += frames
        self.new_frames += frames
        self.faces += faces
        self.new_faces += faces
        if self._tell is None:
            return
        now = time.perf_counter()
        if self._first is None:
            self._first = now, fraction
        gained = fraction - self._first[1]
        self._tell(
            Progress(
                stage=self._stage,
                path=self._path,
                input=self._input,
                inputs=self._inputs,
                frames=self.frames,
                faces=self.faces,
                faces_per_s=self.faces_per_s,
                fraction=fraction,
                left_s=(now - self._first[0]) * (1 - fraction) / gained if gained > 0 else None,
            )
        )
