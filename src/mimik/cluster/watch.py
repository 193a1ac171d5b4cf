"""Many live cameras, each with a worker of its own; whoever is lost is replaced.

The supervisor asks every worker several times a second how its camera is, and takes what was read. A worker that is
dead, or does not answer, is given up, and another one takes the camera on, on whichever machine has room: people get
numbers that nobody had before, and the clock goes on. A camera that only this machine can mean stays here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, fields, replace
from itertools import chain, count
from threading import Event
from typing import Any

from mimik.cluster.camera import Beginning, Camera, CameraState, Report, is_of_one_machine
from mimik.cluster.reading import Told
from mimik.config import Settings
from mimik.realtime import RealtimeStatistics
from mimik.sources import is_camera_number
from mimik.sources.network import public_name
from mimik.sources.notices import tell
from mimik.types import FrameResult, Notice

__all__ = ["CameraHealth", "Watch", "camera_name", "camera_names", "free_name"]

_ASK_S = 0.25
_TELL_S = 1.0
_DEAD_S = 8.0
_START_S = 30.0
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0
_WELL_S = 30.0
_LAST_S = 3.0
_FAULTS = 4
"""Machines in a row that cannot watch a camera, until it is given up."""
_OVER = (CameraState.ENDED, CameraState.FAILED)

Take = Callable[[FrameResult], object]
"""What is given a camera's results, in order, each once."""


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """How a camera is.

    Attributes:
        camera: what it is called; without credentials.
        state: of `CameraState`.
        fps: frames read a second.
        latency_p50_ms: median time from capture to result.
        dropped: frames passed over because newer ones were there, and results that nobody took in time; since its
            worker began.
        frame_age_s: seconds since its last frame; None: there was none.
        results: frames read, since the watch began.
        restarts: how often its worker was replaced.
        machine: where it is watched; None: nowhere.
        trouble: what is wrong; None: nothing.
    """

    camera: str
    state: CameraState
    fps: float
    latency_p50_ms: float
    dropped: int
    frame_age_s: float | None
    results: int
    restarts: int
    machine: str | None
    trouble: Told | None

    def as_dict(self) -> dict[str, object]:
        """For JSON; what is wrong is in English."""
        trouble = None if self.trouble is None else self.trouble.text.format(**self.trouble.values)
        return {**{field.name: getattr(self, field.name) for field in fields(self)}, "trouble": trouble}


def camera_name(spec: str) -> str:
    """What a camera is called, by what names it on the command line.

    Raises:
        SourceError: it is an address that is not understood.
    """
    if "://" in spec:
        return public_name(spec)
    return f"camera {spec}" if is_camera_number(spec) else spec


def camera_names(specs: Sequence[str]) -> list[str]:
    """What cameras are called, each by a name of its own: addresses may differ in what is not shown alone."""
    names: list[str] = []
    for spec in specs:
        names.append(free_name(camera_name(spec), names, "{name} ({number})"))
    return names


def free_name(name: str, taken: Container[str], numbered: str) -> str:
    """The name, or where it is taken, with the first number from 2 on that is free."""
    names = chain([name], (numbered.format(name=name, number=number) for number in count(2)))
    return next(one for one in names if one not in taken)


class Watch:
    """Supervises cameras, for one thread.

    Args:
        specs: the cameras, as SOURCE on the command line.
        settings: of the pipeline.
        taker: for a camera's name, what takes its results, as a context manager around the watch.
        notice: told of cameras that are lost and back.
        share: how much of a processor core is set aside for a camera.
        identity: of the pipeline, which every machine's must have; None: nobody looks.
    """

    def __init__(
        self,
        specs: Sequence[str],
        settings: Settings,
        taker: Callable[[str], AbstractContextManager[Take]],
        notice: Notice | None = None,
        share: float = 0.5,
        identity: str | None = None,
    ) -> None:
        self._taker = taker
        self._settings = settings.model_copy(update={"threads": 1})
        self._share = share
        self._identity = identity
        self._cameras = [_Watched(spec, name, notice) for spec, name in zip(specs, camera_names(specs), strict=True)]

    def run(self, stop: Event, told: Callable[[list[CameraHealth]], None]) -> list[CameraHealth]:
        """Watch until all cameras have ended, or it is stopped.

        Args:
            stop: set it, from any thread, to stop.
            told: told once a second, and at the end, how the cameras are.

        Returns:
            How they were at the end.

        Raises:
            SinkError: a result cannot be written.
        """
        import ray

        worker, here = ray.remote(Camera), _node()
        began_s, clock_s = time.perf_counter(), time.time()
        with ExitStack() as stack:
            takes = [stack.enter_context(self._taker(camera.name)) for camera in self._cameras]

            def start(spec: str, beginning: Beginning, avoid: frozenset[str]) -> Any:
                home = here if is_of_one_machine(spec) else None
                placed = worker.options(
                    num_cpus=self._share,
                    max_restarts=0,
                    max_concurrency=1,
                    scheduling_strategy=_placed(home, avoid, self._share, beginning.index),
                )
                return placed.remote(spec, self._settings, beginning, clock_s, _node, self._identity)

            next_s = 0.0
            try:
                while not (stop.is_set() or all(camera.over for camera in self._cameras)):
                    for camera, take in zip(self._cameras, takes, strict=True):
                        camera.step(start, take, began_s)
                    if (now := time.perf_counter()) >= next_s:
                        next_s = now + _TELL_S
                        told([camera.health() for camera in self._cameras])
                    stop.wait(_ASK_S)
                self._take_the_last(takes, began_s)
                told([camera.health() for camera in self._cameras])
            finally:
                for camera in self._cameras:
                    camera.let_go()
        return [camera.health() for camera in self._cameras]

    def _take_the_last(self, takes: Sequence[Take], began_s: float) -> None:
        """Let the workers stop, and take what they still have."""
        for camera in self._cameras:
            camera.close()
        end = time.perf_counter() + _LAST_S
        while time.perf_counter() < end and any(camera.asked for camera in self._cameras):
            for camera, take in zip(self._cameras, takes, strict=True):
                camera.finish(take, began_s)
            time.sleep(0.02)


def _node() -> str:
    import ray

    node: str = ray.get_runtime_context().get_node_id()
    return node


def _placed(home: str | None, avoid: frozenset[str], share: float, number: int) -> Any:
    """Where a worker is to be placed, as Ray says it.

    At home, where there is one: elsewhere the same SOURCE would open a camera in another room. Else on another machine
    than those where the last ones were lost, if one has room: Ray takes some ten seconds to see that a machine is gone,
    and would wait for it.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if home is not None:
        return NodeAffinitySchedulingStrategy(home, soft=False)
    if not avoid:
        return "SPREAD"
    try:  # there is no public way to ask
        from ray._private.state import available_resources_per_node
    except ImportError:
        return "SPREAD"
    alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}  # type: ignore[no-untyped-call]
    free = available_resources_per_node()  # type: ignore[no-untyped-call]
    others = [node for node in sorted(alive - avoid) if free.get(node, {}).get("CPU", 0) >= share]
    return NodeAffinitySchedulingStrategy(others[number % len(others)], soft=True) if others else "SPREAD"


Start = Callable[[str, Beginning, frozenset[str]], Any]
"""Starts a worker for a camera, from where the last one left off, and not on some machines."""


class _Watched:
    """One camera and its worker of the moment."""

    def __init__(self, spec: str, name: str, notice: Notice | None) -> None:
        self.name = name
        self._spec = spec
        self._notice = notice
        self._actor: Any = None
        self._answer: Any = None
        self._asked_s = 0.0
        self._began_s = 0.0
        self._answered = False
        self._avoid: frozenset[str] = frozenset()
        self._faults = 0
        self._taken = -1
        self._next_s = 0.0
        self._wait_s = _FIRST_WAIT_S
        self._state = CameraState.WAITING
        self._report: Report | None = None
        self._trouble: Told | None = None
        self._restarts = 0
        self._results = 0
        self._last_index = -1
        self._people = 0

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self._state in _OVER

    @property
    def asked(self) -> bool:
        """Whether an answer of the worker is still to come."""
        return self._answer is not None

    def step(self, start: Start, take: Take, began_s: float) -> None:
        """Take the worker's answer, ask it again, or find another one. Never waits."""
        now = time.perf_counter()
        if self.over:
            return
        if self._actor is None:
            if now >= self._next_s:
                beginning = Beginning(now - began_s, self._last_index + 1, self._people)
                self._actor = start(self._spec, beginning, self._avoid)
                self._taken, self._answered, self._began_s = -1, False, now
                self._ask(now)
            return
        if self._answer is None:
            self._ask(now)
            return
        if self._receive(take, began_s):
            self._ask(now)
        elif self._answer is not None and not self._answered and now - self._asked_s > _START_S:
            self.let_go()  # there was no room where it was placed
            self._avoid = frozenset()
        elif self._answer is not None and self._answered and now - self._asked_s > _DEAD_S:
            self._lose(self._of_it("{camera}: its worker does not answer; another one takes it."))

    def close(self) -> None:
        """Ask the worker to stop, and for what it has."""
        if self._actor is not None and not self.over:
            self._actor.close.remote()
            self._answer = self._actor.report.remote(self._taken)

    def finish(self, take: Take, began_s: float) -> None:
        """Take the worker's last answers, if they are there."""
        took = self._answer is not None and self._receive(take, began_s)
        if took and self._actor is not None and self._report is not None and self._report.sights:
            self._answer = self._actor.report.remote(self._taken)

    def let_go(self) -> None:
        """End the worker."""
        if self._actor is not None:
            import ray

            ray.kill(self._actor)
            self._actor = self._answer = None

    def health(self) -> CameraHealth:
        """How the camera is."""
        report, gone = self._report, self._state in (CameraState.LOST, CameraState.WAITING)
        statistics = RealtimeStatistics(0.0, 0.0, 0.0, 0.0, 0) if report is None or gone else report.statistics
        unsent = 0 if report is None or gone else report.unsent
        return CameraHealth(
            camera=self.name,
            state=self._state,
            fps=round(statistics.result_fps, 1),
            latency_p50_ms=round(statistics.latency_p50_ms, 1),
            dropped=statistics.dropped + unsent,
            frame_age_s=None if report is None or report.age_s is None else round(report.age_s, 1),
            results=self._results,
            restarts=self._restarts,
            machine=None if report is None or gone else report.machine,
            trouble=self._trouble,
        )

    def _ask(self, now: float) -> None:
        if self._actor is None:  # it is over
            return
        self._answer = self._actor.report.remote(self._taken)
        self._asked_s = now

    def _receive(self, take: Take, began_s: float) -> bool:
        """Take the answer, if it is there."""
        import ray
        from ray.exceptions import RayError

        ready, _ = ray.wait([self._answer], timeout=0)
        if not ready:
            return False
        answer, self._answer = self._answer, None
        try:
            report: Report = ray.get(answer)
        except RayError:
            self._lose(self._of_it("{camera}: its worker is gone; another one takes it."))
            return False
        for sight in report.sights:
            if sight.number > self._taken:
                self._taken = sight.number
                take(sight.result(self.name, began_s))
                self._results += 1
                self._last_index = sight.index
                self._people = max([self._people, *(face.track_id or 0 for face in sight.faces)])
        self._hear(report)
        return True

    def _hear(self, report: Report) -> None:
        now = time.perf_counter()
        if report.state is CameraState.LOST:
            self._answered, self._report, self._faults = True, report, self._faults + 1
            if self._faults < _FAULTS and report.trouble is not None:
                self._lose(report.trouble)
                return
            report = replace(report, state=CameraState.FAILED)
        if self._restarts and self._state is not report.state is CameraState.LIVE:
            tell(self._notice, "{camera}: watched again, on {machine}", camera=self.name, machine=report.machine)
        if report.state is CameraState.FAILED is not self._state and report.trouble is not None:
            tell(self._notice, report.trouble.text, **report.trouble.values)
        if report.state is CameraState.LIVE and now - self._began_s > _WELL_S:
            self._wait_s, self._faults = _FIRST_WAIT_S, 0
        if report.state is not CameraState.WAITING:  # it can do the work
            self._avoid = frozenset()
        self._answered = True
        self._report, self._state, self._trouble = report, report.state, report.trouble
        if self.over:
            self.let_go()

    def _of_it(self, text: str) -> Told:
        return Told(text, {"camera": self.name})

    def _lose(self, trouble: Told) -> None:
        """Give the worker up; another one is found after a while, which grows."""
        import ray

        ray.kill(self._actor)
        self._actor = self._answer = None
        self._restarts += 1
        if self._report is not None:
            self._avoid |= {self._report.node}
        self._state, self._trouble = CameraState.LOST, trouble
        tell(self._notice, trouble.text, **trouble.values)
        self._next_s = time.perf_counter() + self._wait_s
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
