"""What an interrupted analysis goes on from: a file an input, a line a frame, exact numbers.

Line 1 tells what was read how; a file with another line 1 is of no use and is begun anew. Then a line a frame, as
`Pipeline.read` gave it, before tracking and smoothing. The last line says that the input is done. A line counts once
its newline is there: what a killed process left of a line is cut off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from mimik.sinks.whole import WholeFile
from mimik.types import (
    Attributes,
    Box,
    Detection,
    EmotionScores,
    Face,
    Frame,
    Quality,
    Reason,
    SourceKind,
    State,
)

__all__ = ["Ending", "Spool", "SpooledFrame", "pack_frame", "read_frames", "unpack_frames"]

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """How an input ended.

    Attributes:
        kind: how its frames belong together; None where it could not be opened.
        error: why it could not be read, or not to its end.
    """

    kind: SourceKind | None
    error: str | None


@dataclass(frozen=True, slots=True, eq=False)
class SpooledFrame:
    """A frame's reading, without its pixels.

    Attributes:
        index: position in the source.
        time_s: seconds since the source's first frame.
        width: pixels.
        height: pixels.
        faces: as `Pipeline.read` gave them.
    """

    index: int
    time_s: float
    width: int
    height: int
    faces: tuple[Face, ...]

    def frame(self, source: str) -> Frame:
        """The frame with a black picture of the right size that takes no memory."""
        blank = np.broadcast_to(np.uint8(0), (self.height, self.width, 3))
        return Frame(blank, self.index, self.time_s, source=source)


class Spool:
    """One input's spool, ready to be gone on with. A context manager.

    Args:
        path: the file; made where it is not there.
        key: what was read how: strings, numbers and None.
        turn: whether a frame begins a turn, by its time and that of the frame before. Of an earlier run's last turn,
            which may not be whole, nothing is kept. None: all is kept, by one who knows that it is whole.

    Attributes:
        frames: how many frames it holds.
        faces: how many faces they hold.
        last: index and time of the last frame it holds; None before the first.
        ending: how the input ended; None where it has not.

    Raises:
        SinkError: the file cannot be written.
    """

    def __init__(
        self, path: Path, key: dict[str, object], turn: Callable[[float, float | None], bool] | None = lambda *_: True
    ) -> None:
        self.frames = 0
        self.faces = 0
        self.last: tuple[int, float] | None = None
        self.ending: Ending | None = None
        head = _line({"mimik_spool": _FORMAT, **key})
        keep = self._recover(path, head, turn)
        self._file = WholeFile(path, head, keep=keep)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, frame: Frame, faces: tuple[Face, ...]) -> None:
        """Keep a frame's reading.

        Raises:
            SinkError: the file cannot be written.
        """
        self._file.append(pack_frame(frame, faces))
        self._count(frame.index, frame.time_s, len(faces))

    def finish(self, ending: Ending) -> None:
        """Say that the input is done.

        Raises:
            SinkError: the file cannot be written.
        """
        self._file.append(_line({"kind": ending.kind, "error": ending.error}))
        self.ending = ending

    def _count(self, index: int, time_s: float, faces: int) -> None:
        self.frames += 1
        self.faces += faces
        self.last = (index, time_s)

    def _recover(self, path: Path, head: bytes, turn: Callable[[float, float | None], bool] | None) -> int | None:
        """Take stock of an earlier run's file; the bytes of it that hold, or None where none do."""
        if not path.exists():
            return None
        with path.open("rb") as file:
            if file.readline() != head:
                return None
            end = len(head)
            whole: tuple[int, int, int, tuple[int, float] | None] = (
                end,
                0,
                0,
                None,
            )  # up to the last turn: bytes, frames, faces, the last frame
            for line, values in _lines(file):
                if "n" not in values:
                    self.ending = _ending(values)
                    return end + len(line)
                if turn is not None and turn(values["t"], self.last and self.last[1]):
                    whole = end, self.frames, self.faces, self.last
                self._count(values["n"], values["t"], len(values["f"]))
                end += len(line)
        if turn is None:
            return end
        keep, self.frames, self.faces, self.last = whole
        return keep


def read_frames(path: Path) -> Iterator[SpooledFrame]:
    """A spool's frames, one at a time."""
    with path.open("rb") as file:
        file.readline()
        yield from unpack_frames(file)


def pack_frame(frame: Frame, faces: tuple[Face, ...]) -> bytes:
    """A frame's reading as a spool has it: a line."""
    width, height = frame.size
    return _line(
        {
            "n": frame.index,
            "t": float(frame.time_s),
            "w": width,
            "h": height,
            "f": [_pack(face) for face in faces],
        }
    )


def unpack_frames(lines: Iterable[bytes]) -> Iterator[SpooledFrame]:
    """The frames of lines that `pack_frame` made."""
    for _, values in _lines(lines):
        if "n" in values:
            yield SpooledFrame(
                values["n"], values["t"], values["w"], values["h"], tuple(_unpack(face) for face in values["f"])
            )


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _lines(file: Iterable[bytes]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Whole lines up to the first torn one. After a power cut a line's end may be there without its middle."""
    for line in file:
        if not line.endswith(b"\n"):
            return
        try:
            values = json.loads(line)
        except ValueError:
            return
        yield line, values


def _ending(values: dict[str, Any]) -> Ending:
    kind = values["kind"]
    return Ending(None if kind is None else SourceKind(kind), values["error"])


def _floats(values: Any) -> list[float]:
    # A float32 as a double, written in full: the same float32 comes back.
    return [float(value) for value in values]


def _pack(face: Face) -> list[object]:
    detection, probabilities, look = face.detection, face.emotions.probabilities, face.attributes
    return [
        _floats(detection.box),
        float(detection.score),
        None if detection.landmarks is None else _floats(detection.landmarks.ravel()),
        float(face.quality.score),
        face.quality.reason,
        None if probabilities is None else _floats(probabilities),
        *([] if look is None else [[look.age_years, *look.age, look.female]]),
    ]


def _unpack(values: list[Any]) -> Face:
    box, score, landmarks, quality, reason, probabilities, *looks = values
    reason = None if reason is None else Reason(reason)
    return Face(
        detection=Detection(
            Box(*box), score, None if landmarks is None else np.array(landmarks, np.float32).reshape(-1, 2)
        ),
        quality=Quality(quality, reason),
        emotions=EmotionScores(None if probabilities is None else np.array(probabilities, np.float32)),
        state=State.WITHHELD if reason else State.UNCERTAIN,
        reason=reason,
        attributes=_look(*looks[0]) if looks else None,
    )


def _look(age_years: float, low: int, high: int, female: float) -> Attributes:
    return Attributes(age_years, (low, high), female)
