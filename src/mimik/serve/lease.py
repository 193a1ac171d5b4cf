"""A worker's hold on a job of the queue."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from mimik.errors import MissingError, StoreError
from mimik.store.values import Job, JobState

if TYPE_CHECKING:
    from mimik.store import Store

__all__ = ["Ended", "Lease", "Lost", "find_job"]

_log = logging.getLogger(__name__)


class Lost(Exception):  # noqa: N818 (no error)
    """The job is another worker's now."""


class Ended(Exception):  # noqa: N818 (no error)
    """The job is not to go on: it was cancelled, or the server stops."""


class Lease:
    """A worker's hold on a job, renewed by a thread while the context lasts.

    Args:
        store: where the job is.
        job: its id.
        worker: whose it is.
        lease_s: for how long at a time.

    Attributes:
        lost: whether another worker has the job now.
        session: the id of the session that the worker makes of it; None before.
    """

    def __init__(self, store: Store, job: str, worker: str, lease_s: float) -> None:
        self.lost = False
        self.session: str | None = None
        self._store = store
        self._job = job
        self._worker = worker
        self._lease_s = lease_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="mimik-lease", daemon=True)

    def __enter__(self) -> Lease:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(self._lease_s)

    def update(self, **fields: Any) -> None:
        """Change the job.

        Raises:
            StoreError: the store cannot be written.
            Ended: it was cancelled, or deleted.
            Lost: it is another worker's now.
        """
        try:
            self._store.update_job(self._job, worker=self._worker, **fields)
        except MissingError as error:
            now = find_job(self._store, self._job)
            raise (Ended if now is None or now.state is JobState.CANCELLED else Lost) from error

    def _renew(self) -> None:
        while not self._over.wait(self._lease_s / 4):
            try:
                kept = self._store.renew_job(self._job, self._worker, self._lease_s)
                if not kept:
                    now = find_job(self._store, self._job)
                    self.lost = now is not None and now.state is not JobState.CANCELLED
                    return  # a cancelled job's reader is told so elsewhere
            except StoreError as error:
                _log.warning("job %s: its lease cannot be renewed: %s", self._job, error)


def find_job(store: Store, job: str) -> Job | None:
    """The job of an id; None where there is none (any more)."""
    try:
        return store.job(job)
    except MissingError:
        return None
