"""The pictures and videos of an analysis, with its results drawn in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from threading import Event

from mimik.analysis.inputs import Opener, Spooled, follow
from mimik.analysis.progress import Meter
from mimik.errors import SourceError
from mimik.pipeline import Pipeline
from mimik.sinks.video import AnnotatedVideo, annotate_picture
from mimik.sinks.whole import unwritable
from mimik.types import FrameResult, SourceKind

__all__ = ["Drawing", "draw_all", "publish"]


@dataclass(frozen=True, slots=True)
class Drawing:
    """How results are drawn.

    Attributes:
        language: of the labels, ``en`` or ``tr``.
        anonymise: make faces unrecognisable.
    """

    language: str = "en"
    anonymise: bool = False


def draw_all(
    pipeline: Pipeline,
    inputs: Sequence[Spooled],
    folder: Path,
    drawing: Drawing,
    opener: Opener,
    meter: Meter,
    stop: Event,
) -> list[Path]:
    """Draw the results of every input that has any; the files made, which are fewer if stopped.

    Raises:
        SinkError: a file cannot be written.
        SourceError: an input is not any more what it was when it was read first.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    files: list[Path] = []
    taken: set[str] = set()
    for spooled in inputs:
        meter.open(spooled.job.path)
        if not spooled.frames:
            continue
        suffix = _suffix(spooled)
        target = folder / _free_name(spooled.job.path.stem, suffix, taken)
        draft = spooled.job.spool.with_suffix(suffix)
        if not _draw(pipeline, spooled, draft, drawing, opener, meter, stop):
            break
        publish(draft, target)
        files.append(target)
    return files


def publish(draft: Path, target: Path) -> None:
    """Put a finished file into its place, in one step.

    Raises:
        SinkError: the place cannot be written to.
    """
    try:
        draft.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error


def _suffix(spooled: Spooled) -> str:
    if spooled.ending.kind is not SourceKind.PICTURES:
        return ".mp4"
    return ".png" if spooled.job.path.suffix.lower() == ".png" else ".jpg"


def _free_name(stem: str, suffix: str, taken: set[str]) -> str:
    """A name that no input before has, even where case makes no difference; the same in every run."""
    for number in count(1):
        name = f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}"
        if name.casefold() not in taken:
            break
    taken.add(name.casefold())
    return name


def _draw(
    pipeline: Pipeline, spooled: Spooled, draft: Path, drawing: Drawing, opener: Opener, meter: Meter, stop: Event
) -> bool:
    """Draw one input's results; False if stopped."""
    results = _with_pixels(pipeline, spooled, opener)
    if spooled.ending.kind is SourceKind.PICTURES:
        for result in results:
            if stop.is_set():
                return False
            annotate_picture(result, draft, drawing.language, drawing.anonymise)
            meter.add(len(result.faces), 1.0)
        return True
    fps = (spooled.frames - 1) / spooled.duration_s if spooled.duration_s > 0 else 25.0
    with AnnotatedVideo(draft, fps, drawing.language, drawing.anonymise, recoverable=False) as video:
        for number, result in enumerate(results, 1):
            if stop.is_set():
                return False
            video.write(result)
            meter.add(len(result.faces), number / spooled.frames)
    return True


def _with_pixels(pipeline: Pipeline, spooled: Spooled, opener: Opener) -> Iterator[FrameResult]:
    """An input's results with their pictures, which are read once more."""
    source = opener(spooled.job.path, 0)
    try:
        frames = iter(source)
        for result in follow(pipeline, spooled):
            frame = next((frame for frame in frames if frame.index == result.frame.index), None)
            if frame is None or frame.image.shape != result.frame.image.shape:
                raise SourceError("{path}: changed while it was read. Run this again.", path=spooled.job.path)
            yield replace(result, frame=frame)
    finally:
        source.close()
