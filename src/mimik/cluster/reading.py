"""What a worker does: reads segments of inputs, and says what came of each."""

from __future__ import annotations

import os
import platform
import traceback
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from mimik.analysis import open_input
from mimik.analysis.reading import Readings, read_alone, read_turns
from mimik.cluster.segments import Segment, Task
from mimik.config import Settings
from mimik.errors import MimikError, SourceError
from mimik.pipeline import Pipeline
from mimik.sinks.spool import pack_frame
from mimik.sources.segments import Deviation, VideoPart
from mimik.types import Notice, Source, SourceKind

__all__ = ["Reader", "Reading", "Setup", "Told", "other_models", "read_segment", "unfit"]


class Told(NamedTuple):
    """Something to tell people.

    Attributes:
        text: a key of `mimik.words`.
        values: what fills its places.
    """

    text: str
    values: dict[str, str]

    @staticmethod
    def of(error: MimikError) -> Told:
        """What an error says."""
        return Told.plain(error.text, error.values)

    @staticmethod
    def plain(text: str, values: dict[str, object]) -> Told:
        """The same with values that can be sent anywhere."""
        return Told(text, {name: str(value) for name, value in values.items()})

    def naming(self, task: Task) -> Told:
        """The same, with an input called as people called it."""
        return Told(
            self.text, {name: task.name if value == task.path else value for name, value in self.values.items()}
        )


@dataclass(frozen=True, slots=True)
class Setup:
    """What every worker must agree on.

    Attributes:
        settings: of the pipeline.
        identity: the driver's `Pipeline.identity`.
        mimik: the driver's version.
        fps: frames a second to read; None: all.
    """

    settings: Settings
    identity: str
    mimik: str
    fps: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a segment.

    Attributes:
        segment: as given.
        kind: how the input's frames belong together; None where it could not be opened.
        lines: its frames, as a spool has them.
        frames: how many there are.
        faces: how many faces they hold.
        error: why it could not be read, or not to its end.
        notices: what the source passed over.
        deviated: whether the decoder gave other frames than the packets promised; then there are no lines.
        lost: whether its worker was lost again and again; then there is nothing else.
        trouble: what is wrong with the machine, which the input is not to blame for; then there is nothing else.
        defect: the traceback of an error that should not be; then there is nothing else.
    """

    segment: Segment
    kind: SourceKind | None = None
    lines: bytes = b""
    frames: int = 0
    faces: int = 0
    error: Told | None = None
    notices: tuple[Told, ...] = ()
    deviated: bool = False
    lost: bool = False
    trouble: Told | None = None
    defect: str | None = None


class Reader:
    """A worker's pipeline, loaded once.

    Args:
        setup: what all agree on.
    """

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._pipeline: Pipeline | None = None
        self._trouble: Told | None = None
        if (here := version("mimik")) != setup.mimik:
            self._trouble = Told(
                "The machine {machine} has Mimik {there}, this one {here}. Install the same version on both.",
                {"machine": platform.node(), "there": here, "here": setup.mimik},
            )
            return
        try:
            self._pipeline = Pipeline.load(setup.settings)
        except MimikError as error:
            self._trouble = unfit(error)
            return
        if self._pipeline.identity != setup.identity:
            self._trouble = other_models()

    def read(self, segment: Segment) -> Reading:
        """Read a segment. Raises nothing: Ray would do the same again, and come to the same end."""
        trouble = self._trouble or _unreachable(segment)
        if trouble is not None or self._pipeline is None:
            return Reading(segment, trouble=trouble)
        try:
            return read_segment(self._pipeline, segment, self._setup.fps)
        except MimikError as error:
            return Reading(segment, trouble=Told.of(error))
        except Exception:
            return Reading(segment, defect=traceback.format_exc())


def unfit(error: MimikError) -> Told:
    """What to say where this machine's networks cannot be loaded or run."""
    return Told("The machine {machine} cannot read faces. {detail}", {"machine": platform.node(), "detail": str(error)})


def other_models() -> Told:
    """What to say where this machine's models are not those of who asks."""
    return Told(
        "The machine {machine} has other models than this one. Install the same version, and put model files that you "
        "name under the same path, on both.",
        {"machine": platform.node()},
    )


def _unreachable(segment: Segment) -> Told | None:
    """What to say of a file that the driver sees and this machine does not."""
    if segment.task.size is None or (size := _size(segment.task.path)) == segment.task.size:
        return None
    values = {"path": segment.task.name, "machine": platform.node()}
    if size is None:
        return Told(
            "{path}: the machine {machine} does not see it. Put inputs into a folder that all machines have under the "
            "same path.",
            values,
        )
    return Told("{path}: the machine {machine} has another file there. Let all machines share one folder.", values)


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def read_segment(pipeline: Pipeline, segment: Segment, fps: float | None) -> Reading:
    """Read a segment as `mimik.analysis` would read these frames of the input."""
    notices: list[Told] = []

    def notice(text: str, values: dict[str, object]) -> None:
        notices.append(Told.plain(text, values).naming(segment.task))

    try:
        source = _open(segment, notice)
    except SourceError as error:
        if segment.part is not None:
            return Reading(segment, deviated=True)  # it could be read when it was cut; what is whole of it is to count
        return Reading(segment, error=Told.of(error).naming(segment.task))
    lines: list[bytes] = []
    found = 0
    broken: Told | None = None
    try:
        with closing(_readings(pipeline, source, segment, fps)) as readings:
            for frame, faces in readings:
                lines.append(pack_frame(frame, faces))
                found += len(faces)
    except Deviation:
        return Reading(segment, deviated=True)
    except SourceError as error:
        if segment.part is not None:
            return Reading(segment, deviated=True)  # a run from the beginning knows what to say
        broken = Told.of(error).naming(segment.task)
    finally:
        source.close()
    return Reading(segment, source.kind, b"".join(lines), len(lines), found, broken, tuple(notices))


def _open(segment: Segment, notice: Notice) -> Source:
    if segment.part is None:
        return open_input(Path(segment.task.path), segment.start, notice)
    return VideoPart(segment.task.path, segment.part)


def _readings(pipeline: Pipeline, source: Source, segment: Segment, fps: float | None) -> Readings:
    """The frames to read and their faces."""
    if source.kind is SourceKind.PICTURES:
        return read_alone(pipeline, source)
    before = None if segment.previous_s is None else (segment.start - 1, segment.previous_s)
    return read_turns(pipeline, source, before, fps)
