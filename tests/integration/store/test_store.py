"""Sessions in SQLite and PostgreSQL."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import text

import mimik
from mimik.errors import StoreError
from mimik.store import (
    COARSE_S,
    EMOTIONS,
    ROOM,
    Draft,
    Marker,
    MarkerKind,
    Person,
    Purpose,
    Session,
    SessionState,
    Store,
)
from mimik.store.rows import merge
from tests.sessions import aggregates, assert_same, samples

pytestmark = pytest.mark.integration

ISTANBUL = timezone(timedelta(hours=3))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url) as store:
        yield store


@pytest.fixture
def session(store: Store) -> Session:
    return store.begin(Draft("A lesson"))


def test_a_session_is_read_as_it_was_begun(store: Store) -> None:
    started = datetime(2026, 11, 20, 23, 30, 5, 250_000, ISTANBUL)
    draft = Draft(
        title=" Şubat: çığ, öykü 🙂 ",
        purpose=Purpose.LESSON,
        tags=("sınıf 7", "7b", "sınıf 7", " "),
        consent="told on paper",
        ground="research",
        raw_days=7,
        keep_days=None,
        source="camera 0",
        model="m 1",
        started_at=started,
    )
    begun = store.begin(draft)
    assert store.session(begun.id) == begun
    assert begun.title == "Şubat: çığ, öykü 🙂"
    assert begun.tags == ("sınıf 7", "7b")
    assert (begun.purpose, begun.consent, begun.ground) == (Purpose.LESSON, "told on paper", "research")
    assert (begun.source, begun.model, begun.version, begun.live) == ("camera 0", "m 1", mimik.__version__, True)
    assert begun.started_at == started
    assert begun.started_at.utcoffset() == timedelta(hours=3)  # hours and weekdays stay the recorder's
    assert (begun.state, begun.duration_s, begun.people, begun.clip) == (SessionState.RECORDING, 0.0, 0, None)
    assert begun.keep_until is None
    assert begun.raw_until is not None
    assert abs(begun.raw_until - datetime.now(UTC) - timedelta(days=7)) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("draft", "message"),
    [
        (Draft(" "), "needs a title"),
        (Draft("x" * 201), "200 letters; this one has 201"),
        (Draft("x", Purpose.WORK), "consent or a legal ground"),
        (Draft("x", Purpose.SHOP, consent=" "), "consent or a legal ground"),
        (Draft("x", raw_days=-1), "-1 days"),
    ],
)
def test_a_draft_that_cannot_be_begins_nothing(store: Store, draft: Draft, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        store.begin(draft)
    assert store.sessions() == ()


def test_characters_that_a_database_cannot_hold_do_not_stop_a_session(store: Store) -> None:
    begun = store.begin(Draft("a\0b", source="/videos/\udcff.mp4"))
    assert (begun.title, begun.source) == ("ab", "/videos/?.mp4")


def test_aggregates_are_added_to_what_is_there(store: Store, session: Session) -> None:
    first = aggregates([0, 0, 1, 59, 60], [0, 1, 0, 0, 0], seed=1)
    second = aggregates([59, 60, 60, 61], [0, 0, 2, 0], seed=2)
    store.append(session.id, None, first, 60.0)
    store.append(session.id, None, second, 62.0)
    both = merge(_joined(first, second), 1)
    assert_same(store.aggregates(session.id), both)
    assert_same(store.aggregates(session.id, COARSE_S), merge(both, COARSE_S))
    assert_same(store.aggregates(session.id, 20), merge(both, 20))
    assert_same(store.aggregates(session.id, 120), merge(both, 120))
    assert store.session(session.id).duration_s == 62.0
    assert store.session(session.id).people == 2


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 60.0), (60.0, 120.0), (60.0, math.inf), (1.0, 2.0)])
@pytest.mark.parametrize("step_s", [1, COARSE_S])
def test_a_stretch_of_a_session_is_read_alone(
    store: Store, session: Session, start_s: float, end_s: float, step_s: int
) -> None:
    sums = aggregates([0, 0, 1, 59, 60, 61, 120], [0, 1, 0, 0, 0, 2, 0], seed=1)
    store.append(session.id, None, sums, 121.0)
    whole = merge(sums, step_s)
    expected = whole.where((whole.start_s >= start_s) & (whole.start_s < end_s))
    assert_same(store.aggregates(session.id, step_s, start_s, end_s), expected)


def _joined(first: mimik.store.Aggregates, second: mimik.store.Aggregates) -> mimik.store.Aggregates:
    names = [name for name in first.__slots__ if name != "step_s"]
    columns = [np.concatenate([getattr(first, name), getattr(second, name)]) for name in names]
    return type(first)(1, *columns)


def test_long_sessions_are_read_by_the_minute(store: Store, session: Session) -> None:
    store.append(session.id, None, aggregates([0.0], [0]), 4 * 3600)
    assert store.aggregates(session.id).step_s == 1
    store.append(session.id, None, aggregates([14400.0], [0]), 4 * 3600 + 1)
    assert store.aggregates(session.id).step_s == 60


def test_a_session_without_rows_is_empty(store: Store, session: Session) -> None:
    found = store.aggregates(session.id)
    assert len(found) == 0
    assert found.probabilities.shape == (0, 7)
    assert list(store.samples(session.id)) == []
    store.append(session.id, samples([], []), aggregates([], []), 3.0)  # a sign of life
    assert store.session(session.id).duration_s == 3.0


def test_a_session_never_grows_shorter(store: Store, session: Session) -> None:
    store.append(session.id, None, aggregates([], []), 9.0)
    store.append(session.id, None, aggregates([], []), 4.0)
    assert store.session(session.id).duration_s == 9.0


def test_aggregates_of_another_step_are_a_mistake(store: Store, session: Session) -> None:
    with pytest.raises(ValueError, match="by 1 s"):
        store.append(session.id, None, aggregates([0.0], [0], step_s=60), 1.0)


def test_samples_are_read_in_batches_in_the_order_of_time(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimik.store.store._BATCH", 7)
    times = [index // 3 * 0.1 for index in range(60)]
    wanted = samples(times, [1 + index % 3 for index in range(60)])
    store.append(session.id, wanted, aggregates([0, 1], [0, 0]), 2.0)
    batches = list(store.samples(session.id))
    assert [len(batch) for batch in batches] == [7] * 8 + [4]

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(batch, name) for batch in batches])

    for name in ("time_s", "person", "state", "reason", "label"):
        np.testing.assert_array_equal(column(name), getattr(wanted, name), err_msg=name)
    np.testing.assert_allclose(column("box"), wanted.box, atol=0.051)
    for name in ("probabilities", "quality", "valence", "arousal"):
        np.testing.assert_allclose(column(name), getattr(wanted, name), atol=0.000051, err_msg=name)
        assert column(name).dtype == getattr(wanted, name).dtype
    part = np.concatenate([batch.time_s for batch in store.samples(session.id, 0.5, 1.0)])
    np.testing.assert_array_equal(part, [time for time in times if 0.5 <= time < 1.0])


def test_a_repeated_time_stamp_keeps_one_sample(store: Store, session: Session) -> None:
    store.append(session.id, samples([1.0, 1.0], [1, 1]), aggregates([1.0], [0]), 2.0)
    assert [len(batch) for batch in store.samples(session.id)] == [1]


def test_an_aggregate_only_session_never_gets_a_row_about_one_person(store: Store) -> None:
    session = store.begin(Draft("Shop", aggregate_only=True))
    store.append(session.id, samples([0.0, 0.0], [1, 2]), aggregates([0, 0, 0], [0, 1, 2]), 1.0)
    store.set_person(session.id, Person(1, (20, 30)))
    assert store.people(session.id) == ()
    assert store.session(session.id).people == 0
    assert store.aggregates(session.id).person.tolist() == [ROOM]
    with store._read() as connection:
        for table in ("samples", "seconds", "minutes"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table} WHERE person > 0")) == 0, table
        assert connection.scalar(text("SELECT count(*) FROM people")) == 0


def test_an_append_is_all_or_nothing(store: Store, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append(session.id, None, aggregates([0.0], [0]), 1.0)
    before = store.aggregates(session.id)

    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Store, "_remember_people", fail)
    with pytest.raises(RuntimeError):
        store.append(session.id, None, aggregates([0, 1], [0, 0]), 2.0)
    assert_same(store.aggregates(session.id), before)


def test_people_and_their_ages(store: Store, session: Session) -> None:
    store.append(session.id, samples([0.0], [3]), aggregates([0, 0], [0, 1]), 1.0)
    store.set_person(session.id, Person(3, (20, 30)))
    store.set_person(session.id, Person(3, (25, 35)))
    store.set_person(session.id, Person(2))
    assert store.people(session.id) == (Person(1), Person(2), Person(3, (25, 35)))
    store.append(session.id, None, aggregates([1.0], [3]), 2.0)
    assert store.people(session.id)[2] == Person(3, (25, 35))
    assert store.sessions()[0].people == 3


def test_markers_are_kept_by_time_edited_and_deleted(store: Store, session: Session) -> None:
    other = store.begin(Draft("Other"))
    saved = store.add_markers(
        session.id, [Marker(9.5, " soru 2 "), Marker(2, kind=MarkerKind.BASELINE), Marker(9.5, "third")]
    )
    assert [marker.label for marker in saved] == ["soru 2", "", "third"]
    assert len({marker.id for marker in saved} - {0}) == 3
    assert store.markers(session.id) == (saved[1], saved[0], saved[2])
    ended = replace(saved[1], end_s=12.0)
    store.edit_marker(session.id, ended)
    store.delete_marker(session.id, saved[2].id)
    assert store.markers(session.id) == (ended, saved[0])
    changes: list[Callable[[], None]] = [
        lambda: store.edit_marker(other.id, ended),
        lambda: store.delete_marker(other.id, ended.id),
        lambda: store.delete_marker(session.id, saved[2].id),
    ]
    for change in changes:
        with pytest.raises(StoreError, match="has no marker"):
            change()
    assert store.markers(other.id) == ()


@pytest.mark.parametrize(
    "marker",
    [
        Marker(-1, "x"),
        Marker(math.nan, "x"),
        Marker(math.inf, "x"),
        Marker(5, "x", end_s=4),
        Marker(5, "x", end_s=math.inf),
        Marker(5, "  "),
    ],
)
def test_markers_that_cannot_be_are_refused_together_with_the_good(
    store: Store, session: Session, marker: Marker
) -> None:
    with pytest.raises(StoreError):
        store.add_markers(session.id, [Marker(1, "good"), marker])
    assert store.markers(session.id) == ()


def test_sessions_are_found_by_words_purpose_and_tag_newest_first(store: Store) -> None:
    """The one made last comes first, also where it is of a video of long ago."""
    day = datetime(2026, 1, 1, tzinfo=UTC)
    old = store.begin(Draft("Istanbul, ilk ders", tags=("7b",), started_at=day))
    mid = store.begin(Draft("Reklam B", Purpose.ADVERTISEMENT, source="b.mp4", started_at=day + timedelta(0.5)))
    new = store.begin(Draft("Reklam A", Purpose.ADVERTISEMENT, tags=("İstanbul",), started_at=day - timedelta(900)))
    assert [session.id for session in store.sessions()] == [new.id, mid.id, old.id]
    assert [session.id for session in store.sessions("İSTANBUL")] == [new.id, old.id]
    assert [session.id for session in store.sessions("reklam istanbul")] == [new.id]
    assert [session.id for session in store.sessions("B.MP4")] == [mid.id]
    assert [session.id for session in store.sessions(purpose=Purpose.ADVERTISEMENT)] == [new.id, mid.id]
    assert [session.id for session in store.sessions(tag="istanbul")] == [new.id]
    assert store.sessions("100%") == ()


def test_the_beginning_of_an_id_will_do_where_it_is_unique(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = iter("aaaaaaaaaaaabbbbcccccccc")

    def choose(_: str) -> str:
        return next(letters)

    monkeypatch.setattr("secrets.choice", choose)
    first, second, third = (store.begin(Draft(title)) for title in "123")
    assert store.session("c") == store.session("CCC") == third
    assert store.session("aaaaa") == first
    assert store.session(second.id) == second
    with pytest.raises(StoreError, match="Several sessions begin with aaaa: aaaaaaaa, aaaabbbb"):
        store.session("aaaa")
    for unknown in ("", "x", "%", "_", "aaaaaaaaa", "a\0"):
        with pytest.raises(StoreError, match="There is no session"):
            store.session(unknown)


def test_what_people_wrote_can_be_edited(store: Store, session: Session) -> None:
    edited = store.edit(session.id, title="New", tags=["a", "b"], purpose=Purpose.WORK, consent="yes", keep_days=90)
    assert edited == store.session(session.id)
    assert (edited.title, edited.tags, edited.purpose, edited.consent) == ("New", ("a", "b"), Purpose.WORK, "yes")
    assert edited.raw_until == session.raw_until
    assert edited.raw_until is not None
    assert edited.keep_until is not None
    assert edited.keep_until - edited.raw_until == timedelta(days=60)
    assert store.edit(session.id, keep_days=None, raw_days=None).keep_until is None
    with pytest.raises(StoreError, match="consent or a legal ground"):
        store.edit(session.id, consent="")
    with pytest.raises(StoreError, match="needs a title"):
        store.edit(session.id, title="\n")
    assert store.session(session.id).consent == "yes"


def test_words_are_found_anywhere_and_ids_by_their_beginning(store: Store) -> None:
    first = store.begin(Draft("Çay saati", tags=("Sınıf",), source="film.mp4"))
    store.begin(Draft("Other"))
    for search in ("cay", "SAATİ çay", "sinif", "film", first.id, first.id[:3].upper(), f"{first.id[:4]} cay"):
        assert [each.id for each in store.sessions(search)] == [first.id], search
    assert store.sessions(first.id[1:]) == ()


def test_a_session_whose_program_fell_silent_is_interrupted_until_it_speaks_again(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = store.begin(Draft("Done"))
    store.set_state(done.id, SessionState.DONE)
    paused = store.begin(Draft("Paused"))
    store.set_state(paused.id, SessionState.PAUSED)
    assert store.adopt() == ()
    monkeypatch.setattr("mimik.store.upkeep._QUIET_S", -60.0)  # a minute later
    assert {each.id for each in store.adopt()} == {session.id, paused.id}
    assert store.adopt() == ()
    assert {each.state for each in store.sessions()} == {SessionState.INTERRUPTED, SessionState.DONE}
    store.append(session.id, None, aggregates([], []), 1.0)
    assert store.session(session.id).state is SessionState.RECORDING
    store.append(done.id, None, aggregates([], []), 1.0)
    assert store.session(done.id).state is SessionState.DONE


def test_unknown_sessions_are_said_to_be_unknown(store: Store) -> None:
    for use in (
        lambda: store.append("zz", None, aggregates([0.0], [0]), 1.0),
        lambda: store.set_state("zz", SessionState.DONE),
        lambda: store.edit("zz", title="x"),
        lambda: store.markers("zz"),
        lambda: store.add_markers("zz", [Marker(1, "x")]),
        lambda: store.people("zz"),
        lambda: store.set_person("zz", Person(1)),
        lambda: store.aggregates("zz"),
        lambda: list(store.samples("zz")),
        lambda: store.set_clip("zz", "a.mp4"),
        lambda: store.delete("zz"),
    ):
        with pytest.raises(StoreError, match="There is no session zz"):
            use()


def test_a_clip_stays_in_its_folder(store: Store, session: Session) -> None:
    store.set_clip(session.id, "a/b.mp4")
    assert store.session(session.id).clip == "a/b.mp4"
    for name in ("../sessions.db", "/etc/passwd", "a/../../x"):
        with pytest.raises(ValueError, match="clip folder"):
            store.set_clip(session.id, name)
    store.set_clip(session.id, None)
    assert store.session(session.id).clip is None


def test_the_size_grows_with_the_rows(store: Store, session: Session) -> None:
    before = store.size_bytes()
    count = 3000
    store.append(session.id, samples([float(i) for i in range(count)], [1] * count), aggregates([], []), 9.0)
    after = store.size_bytes()
    assert before is not None
    assert after is not None
    assert after > before + count * 20


def test_threads_may_share_a_store(store: Store) -> None:
    session = store.begin(Draft("Shared"))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for second in range(10):
                store.append(session.id, None, aggregates([float(second)], [0], seed=7), 10.0)
                store.aggregates(session.id)
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    one = aggregates([0.0], [0], seed=7)
    assert store.aggregates(session.id).frames.tolist() == [4 * int(one.frames[0])] * 10


def test_everything_can_be_read_with_plain_sql(store: Store, session: Session) -> None:
    wanted = samples([0.5], [1])
    store.append(session.id, wanted, aggregates([0.0], [0]), 1.0)
    with store._read() as connection:
        row = connection.execute(text("SELECT happy, label FROM samples")).one()
    assert row.happy == pytest.approx(float(wanted.probabilities[0, 3]) * 10_000, abs=0.5)
    assert EMOTIONS[row.label] == EMOTIONS[int(wanted.probabilities[0].argmax())]


def test_opening_again_finds_what_was_saved(database_url: str) -> None:
    with Store.open(database_url) as store:
        begun = store.begin(Draft("Kept"))
    with Store.open(database_url) as store:
        assert store.sessions() == (begun,)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path / "new" / "s.db") as store:
        store.begin(Draft("x"))
        for path in (tmp_path / "new").iterdir():
            assert path.stat().st_mode & 0o077 == 0, path
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
