"""The queue of videos, in SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from mimik.errors import StoreError
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
    store.add_job(job("a"))
    store.claim_job()
    store.update_job("a", progress=0.7, left_s=3.0)
    assert store.requeue_running(quiet_s=60) == 0  # it was heard of just now
    assert store.requeue_running() == 1
    again = store.claim_job()
    assert again is not None
    assert (again.id, again.progress, again.left_s) == ("a", 0.0, None)


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
