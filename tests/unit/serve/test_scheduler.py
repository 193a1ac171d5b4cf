"""Whose picture is read next."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Gauge

from mimik.errors import SourceError
from mimik.pipeline import Pipeline
from mimik.serve.problems import ProblemError
from mimik.serve.right_of_way import RightOfWay
from mimik.serve.scheduler import Lane, Scheduler
from mimik.types import Detection, Face, Frame, Image
from tests.fakes import detection, fake_pipeline

PICTURE = np.zeros((20, 20, 3), np.uint8)
FOUND = (detection(),)


class Slow:
    """A pipeline that reads when it is told to, and remembers how many pictures it was given at once."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.entered = threading.Semaphore(0)
        self.together: list[int] = []
        self.found: list[list[float]] = []
        self.refuses = 0
        self._pipeline = fake_pipeline()

    def find(self, image: Image) -> tuple[Detection, ...]:
        return self._pipeline.find(image)

    def read_found(self, frames: Sequence[Frame], found: Sequence[Sequence[Detection]]) -> tuple[tuple[Face, ...], ...]:
        self.together.append(len(frames))
        self.found.append([face.box.x1 for faces in found for face in faces])
        self.entered.release()
        assert self.may_go.wait(20)
        if any(frame.size[1] == self.refuses for frame in frames):
            raise RuntimeError("a defect")
        return self._pipeline.read_found(frames, found)


class Note:
    """Work that writes down when it is finished."""

    alone = False

    def __init__(self, done: list[str], name: str, image: Image = PICTURE) -> None:
        self.asked: list[str] = []
        self._done = done
        self._name = name
        self._frame = Frame(image)

    def frame(self) -> Frame:
        self.asked.append("frame")
        return self._frame

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        assert frame is self._frame
        self.asked.append("find")
        return FOUND

    def finish(self, faces: tuple[Face, ...]) -> None:
        assert len(faces) == 1
        self._done.append(self._name)

    def fail(self, error: Exception) -> None:
        self._done.append(f"{self._name} {type(error).__name__}")


class Broken(Note):
    """Work whose picture cannot be decoded."""

    def frame(self) -> Frame:
        raise ProblemError(422, "The form cannot be read: it is damaged, cut short or has too many fields.")


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.may_go.set()


def _scheduler(slow: Slow, together: int = 1, readers: int = 1, gather_s: float = 0.0) -> Scheduler:
    scheduler: Scheduler = Scheduler(slow, RightOfWay(), together, gather_s, readers)  # type: ignore[arg-type]
    return scheduler


def _until(done: list[str], count: int) -> None:
    end = time.monotonic() + 20
    while len(done) < count:
        assert time.monotonic() < end, done
        time.sleep(0.002)


def test_one_picture_a_client_in_turn(slow: Slow) -> None:
    """A client that has sent twenty waits behind nobody but itself."""
    scheduler, done = _scheduler(slow), list[str]()
    greedy, first, second = (scheduler.lane(20) for _ in range(3))
    greedy.offer(Note(done, "begun"))
    assert slow.entered.acquire(timeout=20)
    assert greedy.offer(*(Note(done, "greedy") for _ in range(20))) == 0
    for lane, name in ((first, "first"), (second, "second")):
        lane.offer(Note(done, name), Note(done, name))
    slow.may_go.set()
    _until(done, 25)
    assert done[:7] == ["begun", "first", "second", "greedy", "first", "second", "greedy"]
    scheduler.close()


class Following(Note):
    """Work that finds a face further right the more pictures were finished before."""

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        super().find(frame)
        return (detection(x=float(len(self._done))),)


def test_faces_are_found_when_the_picture_before_is_finished_and_once(slow: Slow) -> None:
    """Finding has a memory: a picture that is read alone after a failure is not found in again."""
    scheduler, done = _scheduler(slow, together=2), list[str]()
    lane, other = scheduler.lane(2), scheduler.lane(2)
    slow.refuses = 7
    begun, then, broken = (
        Following(done, "begun"),
        Following(done, "next"),
        Note(done, "other", np.zeros((7, 20, 3), np.uint8)),
    )
    lane.offer(begun)
    assert slow.entered.acquire(timeout=20)
    lane.offer(then)
    other.offer(broken)
    slow.may_go.set()
    _until(done, 3)
    assert sorted(done) == ["begun", "next", "other RuntimeError"]
    assert [work.asked for work in (begun, then, broken)] == [["frame", "find"]] * 3
    assert slow.found[0] == [0]
    assert sorted(slow.found[1]) == [1, 10], "together, and once one of them breaks the reading,"
    assert sorted(slow.found[2:]) == [[1], [10]], "each alone"
    scheduler.close()


class Away:
    """Replicas of which none answers."""

    calls = 1

    def __init__(self) -> None:
        self.asked = 0

    def read(self, frames: Sequence[Frame]) -> Sequence[tuple[Face, ...]]:
        self.asked += 1
        raise ProblemError(503, "No worker of the cluster answers. Try again later.")


def test_what_is_no_pictures_fault_is_not_tried_again_and_holds_no_stream_up(slow: Slow) -> None:
    away, done = Away(), list[str]()
    scheduler = Scheduler(slow, RightOfWay(), 3, 0.0, 1, away)  # type: ignore[arg-type]
    one, two = Note(done, "one"), Note(done, "two")
    one.alone = two.alone = True
    slow.may_go.set()
    scheduler._read([one, two, Note(done, "live")])
    assert done == ["live", "one ProblemError", "two ProblemError"]
    assert away.asked == 1
    scheduler.close()


class Lost(Note):
    """Work whose faces cannot be found."""

    def find(self, frame: Frame) -> tuple[Detection, ...]:
        raise RuntimeError("a defect")


def test_trouble_in_finding_is_one_clients_own(slow: Slow) -> None:
    scheduler, done = _scheduler(slow, together=3), list[str]()
    slow.may_go.set()
    scheduler.lane(3, ordered=False).offer(Note(done, "good"), Lost(done, "lost"), Note(done, "fine"))
    _until(done, 3)
    assert sorted(done) == ["fine", "good", "lost RuntimeError"]
    assert slow.together == [2]
    scheduler.close()


def test_the_newest_wins_and_the_oldest_are_counted(slow: Slow) -> None:
    queued = Gauge("waiting", "", registry=None)
    scheduler, done = _scheduler(slow), list[str]()
    lane = scheduler.lane(2, queued=queued)
    assert lane.offer(Note(done, "begun")) == 0
    assert slow.entered.acquire(timeout=20)
    assert [lane.offer(Note(done, str(number))) for number in range(6)] == [0, 0, 1, 1, 1, 1]
    assert queued._value.get() == 2
    slow.may_go.set()
    _until(done, 3)
    assert done == ["begun", "4", "5"]
    scheduler.close()
    assert queued._value.get() == 0


def test_pictures_of_several_clients_are_read_together(slow: Slow) -> None:
    """One of each, as many as were told; of an ordered lane never two at once."""
    scheduler, done = _scheduler(slow, together=3, readers=2), list[str]()
    lanes = [scheduler.lane(5) for _ in range(5)]
    for number in range(2):
        lanes[number].offer(Note(done, str(number)))
        assert slow.entered.acquire(timeout=20)
    slow.together.clear()
    for number, lane in enumerate(lanes):
        lane.offer(Note(done, str(number)), Note(done, str(number)))
    time.sleep(0.05)
    assert slow.together == [], "both readers are busy"
    slow.may_go.set()
    _until(done, 12)
    assert max(slow.together) == 3
    assert sum(slow.together) == 10
    scheduler.close()


def test_an_unordered_lane_fills_a_batch_by_itself(slow: Slow) -> None:
    scheduler, done = _scheduler(slow, together=4), list[str]()
    slow.may_go.set()
    scheduler.lane(6, ordered=False).offer(*(Note(done, str(number)) for number in range(6)))
    _until(done, 6)
    assert (slow.together, done) == ([4, 2], ["0", "1", "2", "3", "4", "5"])
    scheduler.close()


@pytest.mark.parametrize("gather_s", [0.0, 5.0])
def test_a_picture_waits_for_others_only_where_told(slow: Slow, gather_s: float) -> None:
    scheduler, done = _scheduler(slow, together=2, gather_s=gather_s), list[str]()
    slow.may_go.set()
    scheduler.lane().offer(Note(done, "0"))
    if not gather_s:
        _until(done, 1)
    began_s = time.monotonic()
    scheduler.lane().offer(Note(done, "1"))
    _until(done, 2)
    assert slow.together == ([2] if gather_s else [1, 1])
    assert time.monotonic() - began_s < 4.5, "a full batch does not wait"
    scheduler.close()


def test_gathering_ends(slow: Slow) -> None:
    scheduler, done = _scheduler(slow, together=2, gather_s=0.05), list[str]()
    slow.may_go.set()
    scheduler.lane().offer(Note(done, "alone"))
    _until(done, 1)
    scheduler.close()


def test_one_clients_trouble_is_its_own(slow: Slow, caplog: pytest.LogCaptureFixture) -> None:
    """A picture that cannot be decoded, one that breaks the reading of its batch, and the others."""
    scheduler, done = _scheduler(slow, together=4), list[str]()
    slow.refuses = 33
    slow.may_go.set()
    works = [
        Note(done, "good"),
        Broken(done, "damaged"),
        Note(done, "defect", np.zeros((33, 20, 3), np.uint8)),
        Note(done, "fine"),
    ]
    scheduler.lane(4, ordered=False).offer(*works)
    _until(done, 4)
    assert sorted(done) == ["damaged ProblemError", "defect RuntimeError", "fine", "good"]
    assert [record.message for record in caplog.records] == ["A picture could not be read."]
    scheduler.close()


class Mute(Broken):
    """Work that cannot even be told that it failed."""

    def fail(self, error: Exception) -> None:
        raise RuntimeError("a defect")


def test_no_defect_ends_a_thread(slow: Slow, caplog: pytest.LogCaptureFixture) -> None:
    scheduler, done = _scheduler(slow), list[str]()
    slow.may_go.set()
    scheduler.lane(2, ordered=False).offer(Mute(done, "mute"), Note(done, "next"))
    _until(done, 1)
    assert done == ["next"]
    assert [record.message for record in caplog.records] == ["That a picture could not be read could not be told."]
    scheduler.close()


def test_what_is_closed_is_not_read(slow: Slow) -> None:
    scheduler, done = _scheduler(slow), list[str]()
    staying, leaving = scheduler.lane(), scheduler.lane(3)
    staying.offer(Note(done, "begun"))
    assert slow.entered.acquire(timeout=20)
    leaving.offer(Note(done, "left"), Note(done, "left"))
    staying.offer(Note(done, "stayed"))
    leaving.close()
    assert leaving.offer(Note(done, "late")) == 1
    slow.may_go.set()
    _until(done, 2)
    scheduler.close()
    assert done == ["begun", "stayed"]


def test_what_waits_at_the_end_is_told(slow: Slow) -> None:
    scheduler, done = _scheduler(slow), list[str]()
    lane = scheduler.lane(3)
    lane.offer(Note(done, "begun"))
    assert slow.entered.acquire(timeout=20)
    lane.offer(Note(done, "waits"))
    threading.Timer(1.0, slow.may_go.set).start()
    scheduler.close()
    scheduler.lane().offer(Note(done, "late"))
    assert done == ["begun", "waits ProblemError", "late ProblemError"]


def test_outcomes_can_be_awaited(slow: Slow) -> None:
    scheduler = _scheduler(slow, together=2)
    slow.may_go.set()

    def broken() -> Frame:
        raise ProblemError(422, "No picture was sent.")

    def good() -> Frame:
        return Frame(PICTURE)

    def nobody(frame: Frame) -> tuple[Detection, ...]:
        return ()

    async def ask(lane: Lane) -> list[int | BaseException]:
        with pytest.raises(ProblemError, match="No picture"):
            await lane.read(broken, len)
        assert await lane.read(good, len) == 1, "the detector searches"
        assert await lane.read(good, len, nobody) == 0
        return await scheduler.lane(2, ordered=False).read_all([(good, len), (broken, len)])

    first, second = asyncio.run(ask(scheduler.lane()))
    assert first == 1
    assert isinstance(second, ProblemError)
    scheduler.close()


@settings(max_examples=40, deadline=None)
@given(
    loads=st.lists(st.integers(1, 30), min_size=2, max_size=8),
    together=st.integers(1, 5),
)
def test_nobody_is_ahead_by_more_than_a_round(loads: list[int], together: int) -> None:
    """However much each client has sent: while all have something waiting, all are served alike, in their own order."""
    slow = Slow()
    scheduler, done = _scheduler(slow, together), list[str]()
    lanes = [scheduler.lane(100) for _ in loads]
    scheduler.lane().offer(Note([], "begun"))
    assert slow.entered.acquire(timeout=20)
    for number, (lane, load) in enumerate(zip(lanes, loads, strict=True)):
        for place in range(load):
            lane.offer(Note(done, f"{number} {place}"))
    slow.may_go.set()
    _until(done, sum(loads))
    scheduler.close()
    counts = [0] * len(loads)
    for name in done:
        number, place = map(int, name.split())
        assert counts[number] == place
        counts[number] += 1
        waiting = [count for count, load in zip(counts, loads, strict=True) if count < load]
        if len(waiting) == len(loads):
            assert max(counts) - min(counts) <= 1


def test_a_pipelines_readings_are_its_own() -> None:
    """Read by the scheduler as by the pipeline alone."""
    pipeline: Pipeline = fake_pipeline()
    scheduler = Scheduler(pipeline, RightOfWay())

    async def ask() -> tuple[Face, ...]:
        return await scheduler.lane().read(lambda: Frame(PICTURE), tuple)

    (face,), (same,) = asyncio.run(ask()), pipeline.read(PICTURE)
    assert (face.detection, face.state) == (same.detection, same.state)
    scheduler.close()


class Elsewhere:
    """Reads pictures in another place; refuses together what it refuses alone."""

    calls = 2

    def __init__(self, refuses: int = 0) -> None:
        self.together: list[int] = []
        self._refuses = refuses

    def read(self, frames: Sequence[Frame]) -> Sequence[tuple[Face, ...]]:
        self.together.append(len(frames))
        if any(frame.size[0] == self._refuses for frame in frames):
            raise SourceError("{path}: broken.", path="31")
        return [fake_pipeline().read(frame.image) for frame in frames]


def test_pictures_that_stand_alone_are_read_elsewhere_and_streams_are_not() -> None:
    elsewhere = Elsewhere(refuses=31)
    here = fake_pipeline()
    scheduler = Scheduler(here, RightOfWay(), together=8, gather_s=0.2, readers=1, pictures=elsewhere)

    async def ask() -> tuple[list[object], int]:
        sizes = (30, 31, 32)
        pictures = scheduler.lane(3, ordered=False).read_all(
            [(lambda side=side: Frame(np.zeros((20, side, 3), np.uint8)), len) for side in sizes]  # type: ignore[misc]
        )
        stream = scheduler.lane().read(lambda: Frame(PICTURE), len, find=lambda frame: here.find(frame.image))
        return list(await pictures), await stream

    read, streamed = asyncio.run(ask())
    scheduler.close()
    assert (read[0], read[2], streamed) == (1, 1, 1)
    assert isinstance(read[1], SourceError)
    assert sum(elsewhere.together) in (3, 6), "once, or once more each alone; never the stream's"
