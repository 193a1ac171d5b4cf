"""A real Ray cluster of two node processes, one processor core each; workers and a machine are killed on the way."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from mimik.analysis import Progress, Summary, analyse
from mimik.cli import main
from mimik.cluster import RayEngine, connected
from mimik.cluster.camera import CameraState
from mimik.cluster.segments import Grid, Task, cut
from mimik.cluster.watch import CameraHealth, Take, Watch
from mimik.config import Settings
from mimik.errors import ConfigError
from mimik.pipeline import Pipeline
from mimik.store import Aggregates, Samples, Store
from mimik.types import FrameResult
from tests.faces import collins, hopper
from tests.media import demo_video

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(240),
    # Of Ray's own, which nobody here can mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FORMATS = ("csv", "json")
SETTINGS = Settings(threads=1)
SEGMENT_S = 0.5
READER = "MapWorker(MapBatches(_Worker"
BEGUN_TWICE = "a worker was lost while it read it; another one has read that part"
MEMORY = 100 * 2**20


class Machines:
    """The cluster, and a way to lose parts of it."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        # A machine that is gone is missed after some six seconds; sooner, a busy one would be taken for gone, and with
        # the first machine this process would end.
        quick = {
            "health_check_initial_delay_ms": 5000,
            "health_check_period_ms": 1000,
            "health_check_failure_threshold": 6,
        }
        head = {"num_cpus": 1, "object_store_memory": MEMORY, "include_dashboard": False, "_system_config": quick}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address = str(self._cluster.address)
        self.second = self.add()

    def add(self) -> Any:
        return self._cluster.add_node(num_cpus=1, object_store_memory=MEMORY)

    def lose(self, node: Any) -> None:
        self._cluster.remove_node(node, allow_graceful=False)

    def raylet(self, node: Any) -> int:
        """The process that starts a machine's workers."""
        pid: int = node.all_processes["raylet"][0].process.pid
        return pid

    def close(self) -> None:
        self._cluster.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    before = dict(os.environ)
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0")
    made = Machines()
    yield made
    made.close()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("inputs")
    cv2.imwrite(str(folder / "collins.jpg"), collins())
    cv2.imwrite(str(folder / "hopper.png"), hopper())
    often = {"g": "12"}  # a film of this length would have one key frame, and could not be cut
    films = [
        demo_video(folder / "a.mp4", seconds=7, size=(400, 226), options=often),
        demo_video(folder / "b.mp4", seconds=4, size=(400, 226), options=often),
    ]
    grid = Grid.plan(SETTINGS.search_s, False, SEGMENT_S)
    assert all(len(list(cut(Task(0, str(film), film.name, grid)))) > 5 for film in films)
    return [films[0], folder / "collins.jpg", films[1], folder / "hopper.png", folder / "missing.mp4"]


@pytest.fixture(scope="module")
def whole(inputs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Summary, list[bytes]]:
    """What one process makes of the inputs."""
    out = tmp_path_factory.mktemp("whole")
    summary = analyse(Pipeline.load(SETTINGS), inputs, out, formats=FORMATS)
    return summary, tables(out)


def tables(folder: Path) -> list[bytes]:
    return [(folder / f"faces.{name}").read_bytes() for name in FORMATS]


def workers(name: str) -> list[int]:
    """Processes that Ray calls so."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                title = (place / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(f"ray::{name}".encode()):
                found.append(int(place.name))
    return found


def stopped_in_mid_reading(films: list[Path], raylet: int | None = None) -> int | None:
    """A worker that has a film open, stopped: it has begun a segment and will not end it.

    Args:
        films: one of these.
        raylet: only a worker of this one's machine; the others are stopped, too, or they might leave it no work.
    """
    for pid in workers(READER):
        with suppress(ProcessLookupError, FileNotFoundError):  # it has ended meanwhile
            os.kill(pid, signal.SIGSTOP)
            if raylet is not None and fields_of(pid)[1] != str(raylet):
                continue
            while fields_of(pid)[0] not in "TtZX":
                time.sleep(0.001)
            if {os.path.realpath(each) for each in Path(f"/proc/{pid}/fd").iterdir()} & {str(film) for film in films}:
                return pid
            os.kill(pid, signal.SIGCONT)
    return None


def fields_of(pid: int) -> list[str]:
    """A process's state, its parent, and more."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def in_segments(
    machines: Machines, inputs: list[Path], out: Path, catch: Callable[[], int | None], kill: Callable[[int], None]
) -> tuple[Summary, list[str]]:
    """Read the inputs, with a worker killed that is known to be reading; what came of it, and what was told."""
    pipeline = Pipeline.load(SETTINGS)
    killed: list[int] = []
    told: list[str] = []

    def progress(step: Progress) -> None:
        end = time.monotonic() + 90
        while not killed:
            assert time.monotonic() < end, "no worker reads"
            if (pid := catch()) is None:
                time.sleep(0.005)
                continue
            killed.append(pid)
            kill(pid)
            for other in workers(READER):
                with suppress(ProcessLookupError):
                    os.kill(other, signal.SIGCONT)

    with connected(machines.address) as connection:
        engine = RayEngine(
            connection,
            SETTINGS,
            pipeline,
            lambda text, values: told.append(text.format(**values)),
            segment_s=SEGMENT_S,
        )
        summary = analyse(pipeline, inputs, out, formats=FORMATS, progress=progress, engine=engine)
    assert killed
    return summary, told


def sessions(database: Path) -> list[list[object]]:
    """What a store holds of each session, by source."""

    def columns(table: Aggregates | Samples) -> list[object]:
        return [getattr(table, name) for name in table.__slots__]

    with Store.open(database) as store:
        return [
            [
                [each.title, each.source, each.live, each.model, each.duration_s, each.state, each.people],
                columns(store.aggregates(each.id)),
                [columns(batch) for batch in store.samples(each.id)],
            ]
            for each in sorted(store.sessions(), key=lambda each: each.source)
        ]


def test_the_command_gives_the_bytes_and_sessions_of_one_process(
    machines: Machines,
    inputs: list[Path],
    whole: tuple[Summary, list[bytes]],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mimik.cluster.RayEngine", partial(RayEngine, segment_s=SEGMENT_S))
    monkeypatch.setattr("mimik.cluster.engine._WAVE", 8)  # there are more pieces than that: several waves
    command = ["analyze", *map(str, inputs), "--format", "csv,json", "--json", "--threads", "1", "--session", "Films"]
    alone = ["-o", str(tmp_path / "alone"), "--db", str(tmp_path / "alone.db")]
    assert main([*command, *alone]) == 1
    capfd.readouterr()
    cluster = ["-o", str(tmp_path), "--db", str(tmp_path / "cluster.db")]
    assert main([*command, *cluster, "--engine", "ray", "--address", machines.address]) == 1
    said = capfd.readouterr()
    summary = json.loads(said.out)  # nothing else is on standard output
    assert (summary["frames"], summary["faces"], summary["failed"]) == (whole[0].frames, whole[0].faces, 1)
    assert "missing.mp4: there is no such file" in said.err
    assert tables(tmp_path) == whole[1]
    kept, expected = sessions(tmp_path / "cluster.db"), sessions(tmp_path / "alone.db")
    assert len(kept) == len(expected) == 2
    assert all(session[2] for session in expected)
    np.testing.assert_equal(kept, expected)


def test_a_worker_killed_in_mid_run_loses_nothing(
    machines: Machines, inputs: list[Path], whole: tuple[Summary, list[bytes]], tmp_path: Path
) -> None:
    films = [inputs[0], inputs[2]]

    def kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    summary, told = in_segments(machines, inputs, tmp_path, lambda: stopped_in_mid_reading(films), kill)
    assert sum(BEGUN_TWICE in line for line in told) == 1
    assert (summary.frames, summary.faces) == (whole[0].frames, whole[0].faces)
    assert tables(tmp_path) == whole[1]


def test_a_machine_without_the_files_or_with_others_is_named(machines: Machines, tmp_path: Path) -> None:
    film = demo_video(tmp_path / "a.mp4", seconds=1, size=(320, 180))
    pipeline = Pipeline.load(SETTINGS)
    pipeline.identity = "another model"
    with connected(machines.address) as connection, pytest.raises(ConfigError, match="has other models than this one"):
        analyse(pipeline, [film], tmp_path / "out", engine=RayEngine(connection, SETTINGS, pipeline))


@contextmanager
def kept(results: list[FrameResult]) -> Iterator[Take]:
    yield results.append


def watched(machines: Machines, films: list[Path], losses: list[Callable[[], None]]) -> Any:
    """Watch films as cameras, with one loss after the other; results and health.

    Each comes once all cameras are watched again after the one before: how long that takes is the machine's.
    """
    results: dict[str, list[FrameResult]] = {str(film): [] for film in films}
    health: list[list[CameraHealth]] = []
    stop = threading.Event()
    left, end = list(losses), time.monotonic() + 150

    def tell(now: list[CameraHealth]) -> None:
        health.append(now)
        again = sum(camera.restarts for camera in now) >= len(losses) - len(left)
        if again and all(camera.state is CameraState.LIVE for camera in now):
            if left:
                left.pop(0)()
            else:
                stop.set()
        elif time.monotonic() > end:
            stop.set()

    with connected(machines.address):
        watch = Watch([str(film) for film in films], SETTINGS, lambda name: kept(results[name]), share=0.3)
        health.append(watch.run(stop, tell))
    return results, health


def test_cameras_are_taken_on_where_a_machine_and_then_a_worker_is_lost(machines: Machines, tmp_path: Path) -> None:
    films = [demo_video(tmp_path / f"{name}.mp4", seconds=160, fps=5, size=(320, 180)) for name in "ab"]
    pids: list[int] = []

    def kill() -> None:
        pids.extend(workers("Camera")[:1])
        os.kill(pids[0], signal.SIGKILL)

    def lose() -> None:
        machines.lose(machines.second)

    results, health = watched(machines, films, [lose, kill])
    machines.second = machines.add()
    assert len(pids) == 1
    last = health[-1]
    assert sum(camera.restarts for camera in last) >= 2
    assert {camera.state for camera in last} <= {CameraState.LIVE, CameraState.ENDED}, "both are watched in the end"
    for film in films:
        indices = [result.frame.index for result in results[str(film)]]
        times = [result.frame.time_s for result in results[str(film)]]
        assert indices == sorted(set(indices)), "nothing is counted twice"
        assert times == [index / 5 for index in indices], "a recording's clock goes on"
    for camera in last:
        if camera.restarts:
            r = results[camera.camera]
            gaps = [after.frame.index - before.frame.index for before, after in pairwise(r)]
            assert 5 < max(gaps) < 600, "it was away for seconds"
            cut = gaps.index(max(gaps)) + 1
            people = [{face.track_id for result in part for face in result.faces} for part in (r[:cut], r[cut:])]
            assert not people[0] & people[1], "whoever is seen afterwards has a number that nobody had"


def test_a_camera_of_this_machine_is_opened_on_no_other(machines: Machines) -> None:
    """There are no such cameras, which is enough to see where they are looked for."""
    nodes: list[set[str]] = []
    stop = threading.Event()

    def tell(now: list[CameraHealth]) -> None:
        restarts = sum(camera.restarts for camera in now)
        if restarts < len(nodes) or any(camera.state is not CameraState.AWAY for camera in now):
            return
        nodes.append({camera._report.node for camera in watch._cameras if camera._report is not None})
        if len(nodes) == 1:
            os.kill(workers("Camera")[0], signal.SIGKILL)
        else:
            stop.set()

    with connected(machines.address):
        import ray

        here = ray.get_runtime_context().get_node_id()
        count = sum(node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]
        watch = Watch(["98", "99"], SETTINGS, lambda name: kept([]), share=0.3)
        watch.run(stop, tell)
    assert count > 1
    assert nodes == [{here}, {here}]


def test_the_command_watches_until_all_cameras_have_ended(
    machines: Machines, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    film = demo_video(tmp_path / "a.mp4", seconds=2, fps=10, size=(320, 180))
    command = ["watch", str(film), str(tmp_path / "none.mp4"), "-o", str(tmp_path / "out"), "--json", "--share", "0.3"]
    command += ["--session", "Hall", "--db", str(tmp_path / "sessions.db"), "--address", machines.address]
    assert main(command) == 1
    said = capfd.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    ended, failed = lines[-2:]
    assert (ended["state"], failed["state"]) == ("ended", "failed")
    assert "there is no such thing" in failed["trouble"]
    assert "The session is kept: " in said.err
    (table,) = (tmp_path / "out").glob("*a-mp4-*.jsonl")
    frames = {json.loads(line)["frame"] for line in table.read_text(encoding="utf-8").splitlines()}
    assert 0 < len(frames) == ended["results"] <= 20


def test_a_machine_lost_in_mid_run_loses_nothing(
    machines: Machines, inputs: list[Path], whole: tuple[Summary, list[bytes]], tmp_path: Path
) -> None:
    films, raylet = [inputs[0], inputs[2]], machines.raylet(machines.second)

    def lose(pid: int) -> None:
        machines.lose(machines.second)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # which a lost machine's worker would not outlive

    summary, told = in_segments(machines, inputs, tmp_path, lambda: stopped_in_mid_reading(films, raylet), lose)
    machines.second = machines.add()
    assert sum(BEGUN_TWICE in line for line in told) == 1
    assert (summary.frames, summary.faces) == (whole[0].frames, whole[0].faces)
    assert tables(tmp_path) == whole[1]


def test_a_servers_pictures_are_read_by_replicas(machines: Machines, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; from mimik.cli import main; sys.exit(main())", "serve", "--port", "0"]
    command += ["--engine", "ray", "--replicas", "1", "--address", machines.address, "--threads", "1"]
    command += ["--db", str(tmp_path / "sessions.db")]
    jpeg = cv2.imencode(".jpg", collins())[1].tobytes()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        try:
            assert running.stdout is not None
            said: list[str] = []
            for line in running.stdout:
                said.append(line)
                if found := re.search(r"Mimik is at (http://127\.0\.0\.1:\d+)", line):
                    break
            else:
                raise AssertionError("".join(said))
            with httpx.Client(base_url=found[1], trust_env=False, timeout=60) as http:

                def tops() -> list[str]:
                    answer = http.post("/v1/analyze", content=jpeg, headers={"Content-Type": "image/jpeg"})
                    assert answer.status_code == 200, answer.text
                    return [face["top"] for face in answer.json()["pictures"][0]["faces"]]

                assert tops() == ["happy"]
                (replica,) = workers("ServeReplica")
                os.kill(replica, signal.SIGKILL)
                assert tops() == ["happy"], "another one has taken its place"
            running.send_signal(signal.SIGINT)
            assert running.wait(30) == 0
        finally:
            running.kill()
    deadline_s = time.monotonic() + 30
    while workers("ServeReplica"):  # Ray ends it a moment after the server
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def test_a_ray_of_our_own_listens_on_this_machine_alone() -> None:
    """In a process of its own: how far Ray reaches is settled when it is imported."""
    program = """
from mimik.cluster import connected
with connected(notice=lambda text, values: print(text.format(**values))):
    import ray
    print(ray.util.get_node_ip_address())
"""
    hidden = {"RAY_ADDRESS", "MIMIK_RAY_ADDRESS"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    dashboard, address = done.stdout.splitlines()
    assert re.fullmatch(r"Ray's dashboard: http://127\.0\.0\.1:\d+/", dashboard)
    assert address == "127.0.0.1"
