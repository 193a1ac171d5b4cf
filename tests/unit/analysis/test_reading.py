"""Recordings are read a turn at a time, several at once: as if it were frame by frame, wherever a run begins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mimik.analysis import Progress, analyse
from mimik.analysis.reading import due, read_alone, read_turns
from mimik.errors import SourceError
from mimik.pipeline import Pipeline, look_due
from mimik.types import Attributes, Detection, EmotionScores, Face, Frame, Image
from tests.fakes import detection, fake_pipeline, scores

from .stages import Clip, opener

FPS = 30
WIDTH, HEIGHT = 64, 48


class Chain:
    """A finder whose finds depend on every frame of the turn before; may be slow or break.

    Attributes:
        seen: the frames it was asked about, in order.
    """

    def __init__(self, turn: Callable[[float, float | None], bool], pause_s: float = 0.0, breaks: int = -1) -> None:
        self.seen: list[int] = []
        self.threads: set[int] = set()
        self.within = threading.Lock()
        self._turn = turn
        self._pause_s = pause_s
        self._breaks = breaks
        self._last_s: float | None = None
        self._x = 0.0

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        assert self.within.acquire(blocking=False), "one part of a turn at a time"
        time.sleep(self._pause_s)
        if frame.index == self._breaks:
            raise RuntimeError("a defect")
        begins = self._turn(frame.time_s, self._last_s)
        self._x = frame.index % 50 if begins else (self._x * 1.3 + frame.index + 1) % 97
        self._last_s = frame.time_s
        self.seen.append(frame.index)
        self.threads.add(threading.get_ident())
        self.within.release()
        return tuple(detection(self._x + 3 * n, side=30) for n in range(1 + frame.index % 3))


class Reader:
    """Reads a crop by its gray alone, whatever the batch."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def classify(self, crops: Sequence[NDArray[np.uint8]]) -> tuple[EmotionScores, ...]:
        self.batches.append(len(crops))
        return tuple(scores(confidence=0.3 + int(crop[0, 0]) / 400) for crop in crops)


class Line:
    """A pipeline and its finders, in the order in which they were made."""

    def __init__(
        self, turn_s: float, workers: int = 2, pause_s: float = 0.0, breaks: int = -1, looker: Looker | None = None
    ) -> None:
        self.finders: list[Chain] = []
        self.reader = Reader()

        def finder() -> Chain:
            self.finders.append(Chain(self.pipeline.turn, pause_s, breaks))
            return self.finders[-1]

        self.pipeline: Pipeline = fake_pipeline(
            classifier=self.reader, estimator=looker, finder=finder, turn_s=turn_s, workers=workers
        )


class Looker:
    """Looks at faces for age; remembers at which grays, which are the frames' numbers."""

    def __init__(self) -> None:
        self.grays: list[int] = []

    def look(self, image: Image, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        self.grays.append(int(image[0, 0, 0]))
        known = Attributes(float(image[0, 0, 0]), (20, 30), 0.5)
        return tuple(replace(face, attributes=known) for face in faces)


def frames(
    count: int, start: int = 0, fps: float = FPS, size: tuple[int, int] = (WIDTH, HEIGHT), error: bool = False
) -> Iterator[Frame]:
    """A recording whose pictures are as gray as their number; may break at its end."""
    for index in range(start, count):
        yield Frame(np.broadcast_to(np.uint8(index % 256), (size[1], size[0], 3)), index, index / fps)
    if error:
        raise SourceError("{path}: broke.", path="a.mp4")


Told = list[tuple[int, list[tuple[float, float, float | None]]]]


def told(readings: Iterable[tuple[Frame, tuple[Face, ...]]]) -> Told:
    """Frame numbers and, by face, its place, confidence and age."""
    return [
        (
            frame.index,
            [
                (
                    face.detection.box.x1,
                    face.emotions.confidence,
                    face.attributes.age_years if face.attributes else None,
                )
                for face in faces
            ],
        )
        for frame, faces in readings
    ]


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(("mimik-read", "mimik-decode"))]


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert threads() == []


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("turn_s", [0, 0.1, 0.5, 60])
@pytest.mark.parametrize("fps", [None, 12.0])
def test_turns_read_together_read_as_a_stream_would(workers: int, turn_s: float, fps: float | None) -> None:
    one = Line(turn_s)
    stream = one.pipeline.stream(kind=Clip(Path(), 0, 0).kind)
    shown, last_s = [], None
    for frame in frames(100):
        if due(frame.time_s, last_s, fps):
            shown.append((frame, stream.process(frame).faces))
            last_s = frame.time_s
    together = Line(turn_s, workers)
    assert told(read_turns(together.pipeline, frames(100), fps=fps)) == told(shown)


def test_turns_are_read_at_the_same_time() -> None:
    line = Line(0.5, workers=3, pause_s=0.003)
    read = told(read_turns(line.pipeline, frames(150)))
    assert [index for index, _ in read] == list(range(150))
    assert [finder.seen for finder in line.finders[:10]] == [[*range(n * 15, n * 15 + 15)] for n in range(10)]
    assert len({thread for finder in line.finders for thread in finder.threads}) == 3
    assert len(line.reader.batches) == 10, "the faces of a turn go through the network together"


def test_every_piece_of_work_is_paced_by_the_thread_that_does_it() -> None:
    line = Line(0.5, workers=3)
    paced: list[int] = []

    @contextmanager
    def pace() -> Iterator[None]:
        yield
        paced.append(threading.get_ident())

    told(read_turns(line.pipeline, frames(150), pace=pace))
    assert len(paced) == 150 + 10, "each frame's search, each turn's reading"
    assert set(paced) == {thread for finder in line.finders for thread in finder.threads}


@settings(max_examples=25, deadline=None)
@given(
    times=st.lists(st.floats(0, 0.4), min_size=1, max_size=60),
    turn_s=st.sampled_from([0, 0.2, 0.5, 2]),
    workers=st.integers(1, 4),
    fps=st.sampled_from([None, 5.0, 12.0]),
)
def test_whatever_the_frames_times(times: list[float], turn_s: float, workers: int, fps: float | None) -> None:
    def shown() -> Iterator[Frame]:
        now = 0.0
        for index, step in enumerate(times):
            now += step
            yield Frame(np.broadcast_to(np.uint8(index), (HEIGHT, WIDTH, 3)), index, now)

    alone = told(read_turns(Line(turn_s, 1).pipeline, shown(), fps=fps))
    together = told(read_turns(Line(turn_s, workers).pipeline, shown(), fps=fps))
    assert together == alone
    assert [index for index, _ in alone] == sorted({index for index, _ in alone})
    assert alone[0][0] == 0
    if fps is None:
        assert len(alone) == len(times)


@pytest.mark.parametrize(
    ("size", "longest"), [((WIDTH, HEIGHT), 32), ((4000, 3000), 4), ((6000, 4000), 2), ((2000, 1000), 24)]
)
def test_a_long_turn_is_read_in_parts_one_after_the_other_by_one_finder(size: tuple[int, int], longest: int) -> None:
    """Of no more than 32 frames, and of 48 megapixels but for the frame that makes them full."""
    line, whole = Line(60, workers=3, pause_s=0.001), Line(60, workers=1)
    read = told(read_turns(line.pipeline, frames(100, size=size)))
    (finder,) = line.finders
    assert finder.seen == list(range(100))
    assert line.reader.batches == [
        sum(1 + index % 3 for index in range(first, min(100, first + longest))) for first in range(0, 100, longest)
    ]
    assert read == told(read_turns(whole.pipeline, frames(100)))


def test_no_more_frames_are_held_than_the_turns_under_way() -> None:
    """A recording is as long as it likes; its pixels are let go once they are read."""
    taken = 0

    def shown() -> Iterator[Frame]:
        nonlocal taken
        for frame in frames(400):
            taken += 1
            yield frame

    line = Line(0.5, workers=2)
    for number, (frame, _) in enumerate(read_turns(line.pipeline, shown())):
        assert taken <= number + (line.pipeline.workers + 2) * 15 + 1
        assert not np.any(frame.image), "black"
        assert frame.size == (WIDTH, HEIGHT)
        assert np.asarray(frame.image).strides == (0, 0, 0), "without memory of its own"


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("last", [None, 14, 29, 44, 59])
def test_read_from_any_turn_on_the_rest_is_the_same(workers: int, last: int | None) -> None:
    whole = told(read_turns(Line(0.5, workers, looker=Looker()).pipeline, frames(90)))
    known = None if last is None else (last, last / FPS)
    start = 0 if last is None else last + 1
    rest = read_turns(Line(0.5, workers, looker=Looker()).pipeline, frames(90, start), known)
    assert told(rest) == whole[start:]


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("fps", [None, 12.0])
def test_stopped_and_gone_on_with_anywhere_it_ends_in_the_same_bytes(
    tmp_path: Path, workers: int, fps: float | None
) -> None:
    """From the last whole turn, though what is found depends on the frames before in its turn."""
    video, formats = Path("45.mp4"), ("csv", "json")

    def run(line: Line, output: Path, stop_at: int | None = None) -> tuple[int, int, bool]:
        stop = Event()

        def tell(step: Progress) -> None:
            if step.frames == stop_at:
                stop.set()

        summary = analyse(
            line.pipeline, [video], output, formats=formats, fps=fps, opener=opener, progress=tell, stop=stop
        )
        return summary.frames, summary.resumed_frames, summary.interrupted

    def bytes_of(output: Path) -> list[bytes]:
        return [(output / f"faces.{format_}").read_bytes() for format_ in formats]

    total, _, _ = run(Line(0.5, 1), tmp_path / "whole")
    expected = bytes_of(tmp_path / "whole")
    times = [frame.time_s for frame, _ in read_turns(Line(0.5, 1).pipeline, opener(video, 0), fps=fps)]
    turn = Line(0.5).pipeline.turn
    begins = [n for n in range(total) if turn(times[n], times[n - 1] if n else None)]
    assert len(begins) == 3
    for cut in range(1, total):
        output = tmp_path / f"{cut}"
        frames_read, _, interrupted = run(Line(0.5, workers), output, cut)
        assert (frames_read, interrupted) == (cut, True)
        resumed = Line(0.5, workers)
        assert run(resumed, output) == (total, max(n for n in begins if n < cut), False)
        assert bytes_of(output) == expected
        again = sorted(index for finder in resumed.finders for index in finder.seen)
        assert len(again) == total - max(n for n in begins if n < cut), "what was kept is not read again"


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 7, 15, 22, 40])
def test_what_was_decoded_before_a_recording_broke_is_read_first(workers: int, count: int) -> None:
    read: list[tuple[Frame, tuple[Face, ...]]] = []
    with pytest.raises(SourceError, match=r"a\.mp4: broke"):
        read.extend(read_turns(Line(0.5, workers).pipeline, frames(count, error=True)))
    assert told(read) == told(read_turns(Line(0.5, workers).pipeline, frames(count)))


@pytest.mark.parametrize("breaks", [0, 20, 33, 99])
def test_a_defect_in_reading_is_raised_after_the_turns_before_it(breaks: int) -> None:
    read: list[tuple[Frame, tuple[Face, ...]]] = []
    with pytest.raises(RuntimeError, match="a defect"):
        read.extend(read_turns(Line(0.5, 2, breaks=breaks).pipeline, frames(100)))
    assert [frame.index for frame, _ in read] == list(range(breaks // 15 * 15))


def test_a_defect_in_a_long_turn_keeps_no_later_part_waiting() -> None:
    with pytest.raises(RuntimeError, match="a defect"):
        list(read_turns(Line(60, 2, breaks=10).pipeline, frames(200)))


@pytest.mark.parametrize("fps", [None, 12.0, 3.0])
@pytest.mark.parametrize("rate", [30.0, 29.97, 10.0, 2.0])
def test_people_are_looked_at_when_a_stream_would(rate: float, fps: float | None) -> None:
    looker = Looker()
    read = told(read_turns(Line(0.5, 2, looker=looker).pipeline, frames(90, fps=rate), fps=fps))
    times: list[float | None] = [None, *(index / rate for index, _ in read)]
    wanted = [
        index for (index, _), (last_s, now) in zip(read, pairwise(times), strict=True) if look_due(now or 0, last_s)
    ]
    assert sorted(looker.grays) == wanted
    for index, faces in read:
        assert {age for _, _, age in faces} == {float(index) if index in wanted else None}


def test_without_age_nobody_is_looked_at_and_no_colours_are_made() -> None:
    class Luma:
        """A decoder's picture that must not be asked for colours."""

        size = (WIDTH, HEIGHT)
        gray = np.full((HEIGHT, WIDTH), 90, np.uint8)

        @property
        def image(self) -> Image:
            raise AssertionError("nobody needs its colours")

    shown = (Frame(Luma(), index, index / FPS) for index in range(40))
    read = told(read_turns(Line(0.5, 2).pipeline, shown))
    assert [index for index, _ in read] == list(range(40))


@pytest.mark.parametrize("taken", [1, 20, 60])
@pytest.mark.parametrize("workers", [1, 3])
def test_closed_early_it_leaves_no_thread(taken: int, workers: int) -> None:
    """As `_no_thread_is_left` sees once this is over."""
    readings = read_turns(Line(0.5, workers, pause_s=0.001).pipeline, frames(10_000))
    for _ in range(taken):
        next(readings)
    assert threads()
    readings.close()


def test_an_analysis_that_is_stopped_leaves_no_thread(tmp_path: Path) -> None:
    stop = Event()

    def tell(step: Progress) -> None:
        if step.frames == 10:
            stop.set()

    line = Line(0.5, 2)
    summary = analyse(line.pipeline, [Path("3000.mp4")], tmp_path, opener=opener, progress=tell, stop=stop)
    assert summary.interrupted
    assert threads() == []


def test_pictures_are_read_each_alone() -> None:
    pipeline = fake_pipeline(detection(7), turn_s=0.5, workers=3)
    read = list(read_alone(pipeline, frames(5)))
    assert [frame.index for frame, _ in read] == list(range(5))
    assert all(face.detection.box.x1 == 7 for _, (face,) in read)
