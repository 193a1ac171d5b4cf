"""Where cameras are watched, and what becomes of those whose worker or machine cannot go on. The workers are fakes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mimik.cluster import watch
from mimik.cluster.camera import Beginning, CameraState, Report
from mimik.cluster.reading import Told
from mimik.cluster.watch import _placed, _Watched
from mimik.realtime import RealtimeStatistics

pytest.importorskip("ray")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray")

NOTHING: frozenset[str] = frozenset()
A, B, C = (letter * 56 for letter in "abc")
"""Machines, as Ray calls them."""


def report(state: CameraState, node: str) -> Report:
    trouble = Told("{machine} cannot.", {"machine": node}) if state is CameraState.LOST else None
    return Report(state, RealtimeStatistics(0.0, 0.0, 0.0, 0.0, 0), None, 0, (), node, node, trouble)


class Workers:
    """Starts workers, the first of which say what is to be said, one after the other, and the last says it for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *says: Report) -> None:
        import ray

        monkeypatch.setattr(watch, "_FIRST_WAIT_S", 0.0)
        monkeypatch.setattr(ray, "wait", lambda answers, timeout: (answers, []))
        monkeypatch.setattr(ray, "get", lambda answer: answer)
        monkeypatch.setattr(ray, "kill", lambda actor: None)
        self._says = list(says)
        self.avoided: list[frozenset[str]] = []

    def start(self, spec: str, beginning: Beginning, avoid: frozenset[str]) -> Any:
        self.avoided.append(avoid)
        said = self._says.pop(0) if len(self._says) > 1 else self._says[0]
        return SimpleNamespace(report=SimpleNamespace(remote=lambda taken: said))


def test_a_camera_of_this_machine_is_never_watched_on_another() -> None:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    for avoid in (NOTHING, frozenset({A})):
        placed = _placed(A, avoid, 0.5, 0)
        assert isinstance(placed, NodeAffinitySchedulingStrategy)
        assert (placed.node_id, placed.soft) == (A, False)


def test_others_are_spread_and_go_elsewhere_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray._private import state

    free = {A: {"CPU": 1.0}, B: {"CPU": 0.2}, C: {"CPU": 1.0}}
    monkeypatch.setattr(ray, "nodes", lambda: [{"NodeID": node, "Alive": node != C} for node in (A, B, C)])
    monkeypatch.setattr(state, "available_resources_per_node", lambda: free)
    assert _placed(None, NOTHING, 0.5, 0) == "SPREAD"
    placed = _placed(None, frozenset({B}), 0.5, 1)
    assert (placed.node_id, placed.soft) == (A, True)
    assert _placed(None, frozenset({A}), 0.5, 0) == "SPREAD", "b has no room"
    monkeypatch.delattr(state, "available_resources_per_node")
    assert _placed(None, frozenset({B}), 0.5, 0) == "SPREAD", "in another Ray"


def test_machines_that_cannot_watch_are_avoided_until_one_can(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [report(CameraState.LOST, node) for node in "abc"]
    workers = Workers(monkeypatch, *lost, report(CameraState.LIVE, "d"))
    told: list[str] = []
    camera = _Watched("rtsp://10.0.0.5/a", "hall", lambda text, values: told.append(text.format(**values)))
    for _ in range(12):
        camera.step(workers.start, lambda result: None, 0.0)
    assert workers.avoided == [NOTHING, {"a"}, {"a", "b"}, {"a", "b", "c"}]
    assert told == ["a cannot.", "b cannot.", "c cannot.", "hall: watched again, on d"]
    health = camera.health()
    assert (health.state, health.restarts, health.machine, health.trouble) == (CameraState.LIVE, 3, "d", None)
    assert not camera._avoid


def test_where_no_machine_can_it_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers(monkeypatch, report(CameraState.LOST, "a"))
    camera = _Watched("rtsp://10.0.0.5/a", "hall", None)
    for _ in range(20):
        camera.step(workers.start, lambda result: None, 0.0)
    assert camera.over
    assert len(workers.avoided) == 4
    assert camera.health().as_dict()["state"] == "failed"
    assert camera.health().as_dict()["trouble"] == "a cannot."
