"""The writer: what is kept, when, and what becomes of it where the store fails."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mimik.errors import MissingError, SourceError, StoreError
from mimik.store import Aggregates, Draft, Marker, MarkerKind, Samples, Session, SessionState, SessionWriter, Store
from mimik.store import writer as module
from mimik.store.gathering import merge
from mimik.store.values import ROOM, Person, Purpose
from mimik.types import Attributes, Face, Frame, FrameResult, State
from tests.unit.store.readings import face, result

DRAFT = Draft("Maths")


def wait_for(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Fail unless it comes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.01)


class FakeStore:
    """Keeps in memory what it is given; fails while told to.

    Attributes:
        error: raised by everything while it is there.
        after: raised by `append` and `add_markers` once their work is done, as a lost answer is.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.after: Exception | None = None
        self.drafts: list[Draft] = []
        self.samples: list[Samples | None] = []
        self.sums: list[Aggregates] = []
        self.states: list[SessionState] = []
        self.kept: dict[int, Marker] = {}
        self.people: list[Person] = []
        self.duration_s = 0.0
        self.attempts = 0
        self.free = threading.Event()
        self.free.set()

    def begin(self, draft: Draft) -> Session:
        self._do()
        self.drafts.append(draft)
        return self.session("abc")

    def append(self, session: str, samples: Samples | None, aggregates: Aggregates, duration_s: float) -> None:
        self._do()
        self.samples.append(samples)
        self.sums.append(aggregates)
        self.duration_s = max(self.duration_s, duration_s)
        if self.after is not None:
            raise self.after

    def set_state(self, session: str, state: SessionState) -> None:
        self._do()
        self.states.append(state)

    def session(self, session: str, /) -> Session:
        now = datetime(2025, 5, 1, 9, tzinfo=UTC)
        texts = ("", "", False, "", True, "")
        return Session(
            "abc", "Maths", Purpose.OTHER, (), *texts, now, self.duration_s, SessionState.RECORDING, 0, None, "1", None,
            None,
        )  # fmt: skip

    def markers(self, session: str) -> tuple[Marker, ...]:
        self._do()
        return tuple(self.kept.values())

    def add_markers(self, session: str, markers: Sequence[Marker]) -> tuple[Marker, ...]:
        self._do()
        saved = tuple(replace(marker, id=len(self.kept) + number) for number, marker in enumerate(markers, 1))
        self.kept |= {marker.id: marker for marker in saved}
        if self.after is not None:
            raise self.after
        return saved

    def edit_marker(self, session: str, marker: Marker) -> None:
        self._do()
        if marker.id not in self.kept:
            raise StoreError("no such marker")
        self.kept[marker.id] = marker

    def set_person(self, session: str, person: Person) -> None:
        self._do()
        self.people.append(person)

    def _do(self) -> None:
        self.attempts += 1
        self.free.wait()
        if self.error is not None:
            raise self.error

    def total(self) -> Aggregates:
        return merge(self.sums)

    def frames(self) -> int:
        return int(self.total().of(ROOM).frames.sum()) if self.sums else 0

    def of_kind(self, kind: MarkerKind) -> list[Marker]:
        return [marker for marker in self.kept.values() if marker.kind is kind]


class Told:
    """Keeps notices."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, text: str, values: dict[str, object]) -> None:
        self.texts.append(text.format(**values))

    def of(self, words: str) -> list[str]:
        return [text for text in self.texts if words in text]


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, ten times as fast."""
    monkeypatch.setattr(module, "_FLUSH_S", 0.05)
    monkeypatch.setattr(module, "_LONGEST_WAIT_S", 0.1)
    monkeypatch.setattr(module, "_CLOSE_S", 0.3)
    monkeypatch.setattr(module, "_ROOM_S", 0.5)
    monkeypatch.setattr(module, "_MARK_S", 20.0)  # but no marker goes without its id because a disk is slow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "sessions.db") as opened:
        yield opened


def run(count: int = 40, fps: float = 20.0, people: int = 2) -> list[FrameResult]:
    """A video's results."""
    return [result(n / fps, [face(one) for one in range(1, people + 1)], n) for n in range(count)]


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_a_video_is_kept_at_its_own_times(store: Store) -> None:
    with SessionWriter(store, DRAFT, wall_clock=False) as writer:
        for each in run():
            writer.write(each)
        assert writer.elapsed_s == pytest.approx(1.95)
    session = store.session(writer.session.id)
    assert session.state is SessionState.DONE
    assert session.duration_s == pytest.approx(1.95)
    assert session.people == 2
    sums = store.aggregates(session.id)
    assert sums.of(ROOM).start_s.tolist() == [0, 1]
    assert sums.of(ROOM).frames.tolist() == [20, 20]
    assert sums.of(2).faces.tolist() == [20, 20]
    (samples,) = store.samples(session.id)
    assert len(samples) == 80
    assert writer.lost_s == 0
    assert writer.unsaved_s == 0


def test_a_live_run_is_kept_by_the_clock(store: Store) -> None:
    before = time.perf_counter()
    with SessionWriter(store, DRAFT) as writer:
        began = time.perf_counter()
        for n in range(5):
            writer.write(result(100 + n, [face()], n, captured_s=time.perf_counter()))
            time.sleep(0.05)
        passed, whole = time.perf_counter() - began, time.perf_counter() - before
        assert writer.elapsed_s >= passed
    (samples,) = store.samples(writer.session.id)
    assert 0 <= samples.time_s[0] < whole - 0.2
    assert samples.time_s[-1] - samples.time_s[0] == pytest.approx(0.2, abs=passed)
    assert samples.time_s[-1] < whole


def test_frames_without_a_face_count_for_the_room(store: Store) -> None:
    with SessionWriter(store, DRAFT, wall_clock=False) as writer:
        for n in range(30):
            writer.write(result(n / 10, (), n))
    sums = store.aggregates(writer.session.id)
    assert sums.person.tolist() == [ROOM] * 3
    assert sums.frames.tolist() == [10, 10, 10]
    assert sums.faces.sum() == 0


def test_time_stamps_that_repeat_lose_no_sample(store: Store) -> None:
    """As those of H.264 in AVI do."""
    with SessionWriter(store, DRAFT, wall_clock=False) as writer:
        for n in range(20):
            writer.write(result(n // 2 / 5, [face()], n))
    (samples,) = store.samples(writer.session.id)
    assert len(samples) == 20
    np.testing.assert_allclose(samples.time_s, np.arange(20) // 2 / 5, atol=0.002)


def test_aggregate_only_keeps_no_row_of_a_person(store: Store) -> None:
    with SessionWriter(store, replace(DRAFT, aggregate_only=True), wall_clock=False) as writer:
        for each in run():
            writer.write(each)
    sums = store.aggregates(writer.session.id)
    assert set(sums.person.tolist()) == {ROOM}
    assert sums.faces.tolist() == [40, 40]
    assert list(store.samples(writer.session.id)) == []
    assert store.people(writer.session.id) == ()


def test_aggregate_only_leaves_the_store_nothing_to_keep() -> None:
    fake = FakeStore()
    with SessionWriter(fake, replace(DRAFT, aggregate_only=True), wall_clock=False) as writer:
        for each in run():
            writer.write(each)
    assert set(fake.samples) == {None}
    assert set(fake.total().person.tolist()) == {ROOM}


def test_people_of_a_source_started_again_are_others(store: Store) -> None:
    with SessionWriter(store, DRAFT, wall_clock=False) as writer:
        for each in run(10):
            writer.write(each)
        for each in run(10):  # its index begins anew
            writer.write(each)
        writer.begin_stream()
        writer.write(result(3.0, [face(1)], 99))
    assert [person.number for person in store.people(writer.session.id)] == [1, 2, 3, 4, 5]
    batches = list(store.samples(writer.session.id))
    times = np.concatenate([samples.time_s for samples in batches])
    assert (np.diff(times) >= 0).all()
    assert times[-1] >= 2 * 0.45 + 3 - 1e-9


def test_nothing_is_recorded_while_paused_and_a_marker_stands_over_it() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        writer.write(result(0, [face()], 0, time.perf_counter()))
        writer.pause()
        writer.pause()
        assert writer.state is SessionState.PAUSED
        assert writer.time_of(result(0).frame) is None
        for n in range(1, 5):
            writer.write(result(n, [face()], n, time.perf_counter()))
        wait_for(lambda: fake.states == [SessionState.PAUSED])
        writer.resume()
        assert writer.time_of(result(0).frame) is not None
        writer.write(result(9, [face()], 9, time.perf_counter()))
    assert fake.frames() == 2
    (pause,) = fake.of_kind(MarkerKind.PAUSE)
    assert pause.end_s is not None
    assert pause.end_s > pause.time_s
    assert fake.states[-1] is SessionState.DONE


def test_a_pause_ends_with_the_session() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        writer.pause()
        time.sleep(0.02)
    (pause,) = fake.of_kind(MarkerKind.PAUSE)
    assert pause.end_s == writer.elapsed_s > pause.time_s


def test_markers_are_saved_at_once_and_have_ids(store: Store) -> None:
    with SessionWriter(store, DRAFT) as writer:
        first, named, early = writer.mark(), writer.mark(" Question 2 "), writer.mark("spot 1", 0.0)
        assert {marker.label: marker.id for marker in store.markers(writer.session.id)} == {
            "1": first.id,
            "Question 2": named.id,
            "spot 1": early.id,
        }
    assert 0 not in (first.id, named.id, early.id)
    assert first.time_s <= named.time_s <= writer.elapsed_s
    with pytest.raises(StoreError):
        writer.mark("too late")


def test_rest_closes_by_itself_or_with_the_session() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        short, long = writer.rest(0.01), writer.rest()
        time.sleep(0.05)
    one, other = fake.of_kind(MarkerKind.BASELINE)
    assert one == short
    assert one.end_s == pytest.approx(one.time_s + 0.01)
    assert long.end_s == pytest.approx(long.time_s + 10)
    assert other.end_s == writer.elapsed_s


def test_what_people_do_to_an_open_marker_meanwhile_stays() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        writer.pause()
        wait_for(lambda: bool(fake.kept))
        (pause,) = fake.kept.values()
        fake.kept[pause.id] = replace(pause, label="break")
        writer.resume()
        wait_for(lambda: fake.kept[pause.id].end_s is not None)
        assert fake.kept[pause.id].label == "break"
        writer.pause()
        wait_for(lambda: len(fake.kept) == 2)
        fake.kept.clear()  # deleted
        writer.resume()
    assert fake.kept == {}
    assert writer.lost_s == 0
    assert fake.states[-1] is SessionState.DONE


@pytest.mark.parametrize(
    ("error", "state"), [(ZeroDivisionError(), SessionState.INTERRUPTED), (SourceError("gone"), SessionState.DONE)]
)
def test_a_defect_leaves_an_interrupted_session_and_a_lost_camera_a_whole_one(
    error: Exception, state: SessionState
) -> None:
    fake = FakeStore()

    def record() -> None:
        with SessionWriter(fake, DRAFT) as writer:
            writer.write(result(0, [face()]))
            raise error

    with pytest.raises(type(error)):
        record()
    assert fake.states == [state]
    assert fake.frames() == 1


def test_signs_of_life_are_given_while_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HEARTBEAT_S", 0.05)
    fake = FakeStore()
    with SessionWriter(fake, DRAFT):
        wait_for(lambda: len(fake.sums) > 3)
    assert fake.frames() == 0


def test_writing_is_off_the_frame_path() -> None:
    """The store hangs; the run does not notice."""
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        fake.free.clear()
        began = time.perf_counter()
        for n in range(2000):
            writer.write(result(0, [face(), face(2)], n, time.perf_counter()))
        took = time.perf_counter() - began
        fake.free.set()
    assert took < 10, "on the frame path it would never have ended"
    assert fake.frames() == 2000


def test_no_picture_is_kept_in_memory() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        fake.free.clear()
        image = np.zeros((4, 4, 3), np.uint8)
        picture = weakref.ref(image)
        writer.write(FrameResult(Frame(image, 1, 0.0, time.perf_counter()), (face(),), 5.0))
        del image
        gc.collect()
        assert picture() is None
        fake.free.set()


# --- ages ------------------------------------------------------------------------------------------------------------


def aged(track_id: int, age: tuple[int, int], settled: bool) -> Face:
    return replace(face(track_id), attributes=Attributes(sum(age) / 2, age, 0.9, 5, settled))


def test_an_age_is_saved_once_it_is_settled_and_then_left_alone() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        writer.write(result(0, [aged(1, (20, 30), False), aged(2, (40, 50), True)], 0, time.perf_counter()))
        wait_for(lambda: len(fake.people) == 1)
        assert fake.people == [Person(2, (40, 50))]
        writer.write(result(0, [aged(1, (21, 31), True), aged(2, (60, 70), True)], 1, time.perf_counter()))
        wait_for(lambda: len(fake.people) == 2)
    assert fake.people == [Person(2, (40, 50)), Person(1, (21, 31))]


def test_ages_that_never_settled_are_saved_at_the_end() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        for n, low in enumerate((20, 22, 24)):
            writer.write(result(0, [aged(1, (low, low + 10), False)], n, time.perf_counter()))
        wait_for(lambda: fake.frames() == 3)
        assert not fake.people
    assert fake.people == [Person(1, (24, 34))]


def test_ages_of_another_streams_people_are_numbered_on() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT) as writer:
        writer.write(result(0, [face(1), face(2)], 5, time.perf_counter()))
        writer.write(result(0, [aged(1, (30, 40), True)], 0, time.perf_counter()))
    assert fake.people == [Person(3, (30, 40))]


@pytest.mark.parametrize(
    "draft",
    [
        replace(DRAFT, aggregate_only=True),
        replace(DRAFT, purpose=Purpose.LESSON, ground="g"),
        replace(DRAFT, purpose=Purpose.WORK, ground="g"),
    ],
    ids=["sums only", "lesson", "work"],
)
def test_no_age_is_saved_of_pupils_of_workers_or_where_only_sums_are_kept(draft: Draft) -> None:
    fake = FakeStore()
    with SessionWriter(fake, draft) as writer:
        writer.write(result(0, [aged(1, (20, 30), True)], 0, time.perf_counter()))
    assert fake.frames() == 1
    assert not fake.people


def test_ages_wait_for_the_store_to_be_mended() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT, notice=Told()) as writer:
        fake.error = StoreError("locked")
        writer.write(result(0, [aged(1, (20, 30), True)], 0, time.perf_counter()))
        wait_for(lambda: writer.unsaved_s > 0)
        fake.error = None
    assert fake.people == [Person(1, (20, 30))]


# --- trouble ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [StoreError("{place}: no room.", place="x.db"), OSError("disk"), KeyError("defect")])
def test_trouble_is_told_once_and_once_more_when_it_is_over_and_nothing_is_lost(error: Exception) -> None:
    fake, told = FakeStore(), Told()
    with SessionWriter(fake, DRAFT, notice=told) as writer:
        writer.write(result(0, [face()], 0, time.perf_counter()))
        wait_for(lambda: fake.frames() == 1)
        fake.error = error
        attempts = fake.attempts
        for n in range(1, 30):
            writer.write(result(0, [face()], n, time.perf_counter()))
            time.sleep(0.005)
        marker = writer.mark("during")
        assert marker.id == 0
        wait_for(lambda: fake.attempts > attempts + 3)
        assert writer.unsaved_s > 0
        assert len(told.of("is not being saved")) == 1
        assert len(told.texts) == 2
        assert fake.frames() == 1
        fake.error = None
        wait_for(lambda: writer.unsaved_s == 0)
        wait_for(lambda: len(told.texts) == 3)
    assert "Nothing of it is lost" in told.texts[2]
    assert fake.frames() == 30
    assert [kept.label for kept in fake.kept.values()] == ["during"]
    assert writer.lost_s == 0
    assert fake.states[-1] is SessionState.DONE


@pytest.mark.parametrize("paused", [False, True])
def test_a_session_deleted_meanwhile_ends_quietly_and_nothing_of_it_comes_back(
    store: Store, paused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_HEARTBEAT_S", 0.05)
    told = Told()
    with SessionWriter(store, DRAFT, notice=told) as writer:
        for n in range(5):
            writer.write(result(0, [face()], n, time.perf_counter()))
        writer.rest(30)
        if paused:
            writer.pause()
        store.delete(writer.session.id)
        for n in range(5, 10):
            writer.write(result(0, [face()], n, time.perf_counter()))
        wait_for(lambda: writer.deleted)
        assert writer.state is SessionState.DONE
        ended_s = writer.elapsed_s
        writer.write(result(0, [face()], 10, time.perf_counter()))
        with pytest.raises(StoreError, match="No session is being recorded"):
            writer.mark("too late")
        assert writer.elapsed_s == ended_s
    assert len(told.texts) == 1
    assert "was deleted" in told.texts[0]
    assert store.sessions() == ()
    assert (writer.lost_s, writer.unsaved_s) == (0, 0)


def test_a_marker_deleted_meanwhile_ends_nothing() -> None:
    fake, told = FakeStore(), Told()
    with SessionWriter(fake, DRAFT, notice=told) as writer:
        writer.rest(30)
        wait_for(lambda: len(fake.kept) == 1)
        fake.after = MissingError("Session {session} has no marker {marker}.", session="abc", marker=1)
        writer.mark("a")
        wait_for(lambda: len(told.texts) == 2)
        fake.after = None
        wait_for(lambda: len(told.texts) == 3)
        assert not writer.deleted
    assert "is being saved again" in told.texts[2]


def test_work_whose_answer_was_lost_is_not_done_twice() -> None:
    fake = FakeStore()
    with SessionWriter(fake, DRAFT, notice=Told()) as writer:
        fake.after = StoreError("connection lost")
        for n in range(10):
            writer.write(result(0, [face()], n, time.perf_counter()))
        wait_for(lambda: writer.unsaved_s > 0)
        fake.after = None
        wait_for(lambda: writer.unsaved_s == 0)
        fake.after = StoreError("connection lost")
        writer.mark("once")
        wait_for(lambda: writer.unsaved_s > 0)
        fake.after = None
    assert fake.frames() == 10
    assert [marker.label for marker in fake.kept.values()] == ["once"]


def test_what_finds_no_room_is_marked_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ROWS", 50)
    fake, told = FakeStore(), Told()
    with SessionWriter(fake, DRAFT, notice=told) as writer:
        fake.error = StoreError("locked")
        for n in range(100):
            writer.write(result(0, [face()], n, time.perf_counter()))
            time.sleep(0.002)
        fake.error = None
        wait_for(lambda: writer.unsaved_s == 0)
        writer.write(result(0, [face()], 200, time.perf_counter()))
    assert fake.frames() == 51
    (lost,) = fake.of_kind(MarkerKind.LOST)
    times = np.sort(np.concatenate([part.time_s for part in fake.samples if part is not None]))
    assert times[49] < lost.time_s
    assert lost.end_s == times[50]
    assert writer.lost_s == pytest.approx(times[50] - lost.time_s)
    assert told.of("are lost and marked as such")


def test_a_video_waits_for_room_instead_of_losing_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ROWS", 50)
    fake = FakeStore()
    with SessionWriter(fake, DRAFT, wall_clock=False) as writer:
        for each in run(300, people=2):
            writer.write(each)
    assert fake.frames() == 300
    assert fake.of_kind(MarkerKind.LOST) == []


def test_what_is_never_saved_is_told_at_the_end() -> None:
    fake, told = FakeStore(), Told()
    with SessionWriter(fake, DRAFT, notice=told) as writer:
        fake.error = StoreError("gone")
        for n in range(20):
            writer.write(result(0, [face()], n, time.perf_counter()))
            time.sleep(0.01)
    assert len(told.of("could not be saved")) == 1
    assert writer.lost_s > 0.1


def test_a_session_that_cannot_be_begun_is_an_error() -> None:
    fake = FakeStore()
    fake.error = StoreError("read-only")
    with pytest.raises(StoreError, match="read-only"):
        SessionWriter(fake, DRAFT).__enter__()


def test_a_session_without_a_frame_is_empty_and_done(store: Store) -> None:
    with SessionWriter(store, DRAFT) as writer:
        pass
    writer.write(result(0, [face(state=State.SURE)]))
    assert store.session(writer.session.id).state is SessionState.DONE
    assert len(store.aggregates(writer.session.id)) == 0
