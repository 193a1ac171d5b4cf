"""The store is looked after at the start and hourly."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import anyio
import pytest

from mimik.errors import StoreError
from mimik.serve import upkeep
from mimik.serve.library import Library
from mimik.serve.queue import QueueWorker
from mimik.serve.right_of_way import RightOfWay
from mimik.store import Store
from tests.fakes import fake_pipeline


class Calendar:
    """A store of which only the upkeep is asked, and a worker that is only started."""

    def __init__(self, broken: int = 0) -> None:
        self.asked: list[str] = []
        self.tries = 0
        self._broken = broken

    def open(self) -> "Calendar":
        self.tries += 1
        if self.tries <= self._broken:
            raise StoreError("{path}: not there.", path="x")
        return self

    def upkeep(self) -> None:
        self.asked.append("upkeep")

    def start(self, store: object) -> None:
        self.asked.append("queue")

    def close(self) -> None:
        pass


def _keep_up(store: Calendar, times: int) -> None:
    """Run the upkeep until the store was asked so many things."""

    async def run() -> None:
        library = Library(cast(Callable[[], Store], store.open))
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(upkeep.keep_up, library, cast(QueueWorker, store))
                while len(store.asked) < times:
                    await anyio.sleep(0.005)
                tasks.cancel_scope.cancel()

    anyio.run(run)


def test_at_the_start_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_LOOK_S", 0.01)
    store = Calendar()
    _keep_up(store, 2)
    assert store.asked == ["upkeep", "queue"]


def test_again_when_an_hour_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_LOOK_S", 0.01)
    monkeypatch.setattr(upkeep, "_EVERY", upkeep._EVERY * 0)
    store = Calendar()
    _keep_up(store, 4)
    assert store.asked[:4] == ["upkeep", "queue"] * 2


def test_again_when_the_clock_was_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        """A clock that goes back by a day whenever it is looked at."""

        min = datetime.min
        now_ = datetime(2026, 1, 1, tzinfo=UTC)

        @classmethod
        def now(cls, zone: object) -> datetime:
            cls.now_ -= timedelta(days=1)
            return cls.now_

    monkeypatch.setattr(upkeep, "_LOOK_S", 0.01)
    monkeypatch.setattr(upkeep, "datetime", Clock)
    store = Calendar()
    _keep_up(store, 4)
    assert store.asked[:4] == ["upkeep", "queue"] * 2


def test_a_store_that_comes_later_is_taken(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Its trouble is logged once."""
    monkeypatch.setattr(upkeep, "_LOOK_S", 0.01)
    store = Calendar(broken=3)
    _keep_up(store, 2)
    assert store.tries == 4
    assert [record.getMessage() for record in caplog.records] == ["No sessions are kept: x: not there."]


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """Without a store there is nothing to do; with one, its queue ends with the server."""
    anyio.run(upkeep.keep_up, Library(None), QueueWorker(fake_pipeline(), RightOfWay()))
    before = threading.active_count()
    with Store.open(tmp_path / "sessions.db") as store:
        worker = QueueWorker(fake_pipeline(), RightOfWay())
        worker.start(store)
        worker.stop()
    assert threading.active_count() <= before
