"""The queue of videos, in SQLite and PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mimik.errors import MissingError, StoreError
from mimik.store import Draft, Job, JobState, Purpose, Store

pytestmark = pytest.mark.integration


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with Store.open(database_url) as store:
        yield store


def job(id: str) -> Job:  # noqa: A002
    draft = Draft(f"Film {id}", Purpose.ADVERTISEMENT, tags=("a",), live=False, started_at=datetime.now(UTC))
    return Job(id, f"{id}.mp4", f"/uploads/{id}", draft, JobState.QUEUED, datetime.now(UTC))


def test_jobs_are_kept_in_order_and_survive_closing(database_url: str) -> None:
    wanted = tuple(job(id) for id in "bac")  # noqa: A001
    with Store.open(database_url) as store:
        for each in wanted:
            store.add_job(each)
    with Store.open(database_url) as store:
        assert store.jobs() == wanted
        assert store.job("a") == wanted[1]


def test_jobs_are_claimed_first_come_first_served_and_once(store: Store) -> None:
    for id in "abc":  # noqa: A001
        store.add_job(job(id))
    store.update_job("a", state=JobState.CANCELLED)
    first, second = store.claim_job(), store.claim_job()
    assert first is not None
    assert second is not None
    assert (first.id, first.state, second.id) == ("b", JobState.RUNNING, "c")
    assert store.claim_job() is None


def test_workers_never_share_a_job(store: Store) -> None:
    for number in range(12):
        store.add_job(job(f"j{number}"))
    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(lambda _: store.claim_job(), range(16)))
    ids = [each.id for each in claimed if each is not None]
    assert len(ids) == len(set(ids)) == 12


def test_progress_error_and_session_are_kept(store: Store) -> None:
    store.add_job(job("a"))
    error = ("{path}: cannot be read.", {"path": "ş.mp4"})
    changed = store.update_job("a", state=JobState.FAILED, progress=0.5, left_s=12.5, error=error, session="abcd")
    assert changed == store.job("a")
    assert (changed.progress, changed.left_s, changed.error, changed.session) == (0.5, 12.5, error, "abcd")
    assert store.update_job("a", error=None).error is None
    with pytest.raises(TypeError, match="name"):
        store.update_job("a", name="b")


def test_jobs_that_a_stopped_program_left_running_wait_again(store: Store) -> None:
    """Those of the same machine and folder alone: others may be at work still."""
    for id in "abc":  # noqa: A001
        store.add_job(replace(job(id), place="here" if id != "c" else "there"))
    for worker, place in (("mill:1", "here"), ("millstone:1", "here"), ("mill:2", "there")):
        assert store.claim_job(worker, place) is not None
    store.update_job("a", progress=0.7, left_s=3.0, frames=9, frame_count=12)
    assert store.requeue_running("mill:", "here") == 1
    assert [each.state for each in store.jobs()] == [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING]
    again = store.claim_job("mill:3", "here")
    assert again is not None
    assert (again.id, again.progress, again.left_s, again.frames, again.frame_count) == ("a", 0.0, None, 0, None)


def test_a_worker_only_gets_jobs_whose_files_lie_where_it_looks(store: Store) -> None:
    store.add_job(replace(job("a"), place="elsewhere"))
    store.add_job(job("b"))  # of an earlier version
    store.add_job(replace(job("c"), place="here"))
    claimed = [store.claim_job("w", "here") for _ in range(3)]
    assert [each and each.id for each in claimed] == ["b", "c", None]


def test_a_job_whose_worker_is_not_heard_of_goes_to_another(store: Store) -> None:
    """Once, and the first one finds out: nothing that it says of the job counts any more."""
    store.add_job(job("a"))
    assert store.claim_job("first", lease_s=0.05) is not None
    time.sleep(0.1)
    taken = store.claim_job("second", lease_s=60)
    assert taken is not None
    assert taken.id == "a"
    assert store.claim_job("third") is None
    assert not store.renew_job("a", "first")
    assert store.renew_job("a", "second")
    with pytest.raises(MissingError, match="another worker"):
        store.update_job("a", worker="first", state=JobState.DONE)
    assert store.update_job("a", worker="second", progress=0.5).progress == 0.5


def test_a_renewed_lease_holds(store: Store) -> None:
    store.add_job(job("a"))
    store.claim_job("first", lease_s=0.3)
    for _ in range(4):
        assert store.renew_job("a", "first", lease_s=60)
        time.sleep(0.1)
    assert store.claim_job("second") is None


def test_a_cancelled_job_is_nobodys(store: Store) -> None:
    store.add_job(job("a"))
    store.claim_job("first")
    store.update_job("a", state=JobState.CANCELLED)
    assert not store.renew_job("a", "first")
    with pytest.raises(MissingError):
        store.update_job("a", worker="first", progress=0.5)


def test_no_more_jobs_wait_than_there_is_room_for(store: Store) -> None:
    assert store.add_job(job("a"), most=2)
    assert store.add_job(job("b"), most=2)
    assert not store.add_job(job("c"), most=2)
    assert store.jobs_waiting() == 2
    store.claim_job("w")
    assert store.add_job(job("c"), most=2)


def test_a_deleted_job_is_unknown(store: Store) -> None:
    store.add_job(job("a"))
    store.delete_job("a")
    for use in (
        lambda: store.job("a"),
        lambda: store.delete_job("a"),
        lambda: store.update_job("a", progress=1.0),
    ):
        with pytest.raises(StoreError, match="no such job"):
            use()
