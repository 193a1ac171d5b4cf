"""How reading speeds up with workers, and what a cluster costs besides: ``python -m benchmarks.cluster``.

Reads one film with one process and with workers of a Ray on this machine, watches it as a camera, does the driver's and
the supervisor's part of it in this process, and prints Markdown. Figures in docs/cluster.md come from here; with fewer
cores than workers they show no speed-up.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from tests.media import demo_video

from benchmarks.machine import describe
from mimik.analysis import Job, Progress, analyse, open_input
from mimik.analysis.inputs import follow
from mimik.cluster import RayEngine, connected
from mimik.cluster.camera import CameraState, Sight
from mimik.cluster.joining import Joiner
from mimik.cluster.reading import read_segment
from mimik.cluster.segments import Grid, Task, cut
from mimik.cluster.watch import CameraHealth, Take, Watch
from mimik.config import Settings
from mimik.pipeline import Pipeline
from mimik.sinks import CsvSink, JsonLinesSink

_TICKS = os.sysconf("SC_CLK_TCK")


def workers(name: str) -> list[int]:
    """Processes that Ray calls so."""
    titles = {place: place / "cmdline" for place in Path("/proc").iterdir() if place.name.isdigit()}
    wanted = f"ray::{name}".encode()
    return [int(place.name) for place, title in titles.items() if title.read_bytes().startswith(wanted)]


def used_s(pid: int) -> float:
    """Processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mb(pid: int) -> float:
    """Memory that a process shares with nobody, megabytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))) / 1024


def read(film: Path, count: int | None, segment_s: float) -> dict[str, float]:
    """Read a film with so many workers; None: with this process."""
    settings = Settings(threads=1)
    pipeline = Pipeline.load(settings)
    seen: list[tuple[float, int]] = []
    memory: list[float] = []

    def note(step: Progress) -> None:
        seen.append((time.perf_counter(), step.frames))
        if count is not None and not memory and step.fraction > 0.5:
            memory.extend(resident_mb(pid) for pid in workers("MapWorker(MapBatches(_Worker"))

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        if count is None:
            analyse(pipeline, [film], Path(folder), progress=note)
            ready, over = began, time.perf_counter()
        else:
            with connected() as connection:
                ready = time.perf_counter()
                engine = RayEngine(connection, settings, pipeline, workers=count, segment_s=segment_s)
                analyse(pipeline, [film], Path(folder), progress=note, engine=engine)
                over = time.perf_counter()
    # From the first pieces of all workers on: starting them is told apart.
    first = seen[min(max(0, (count or 0) - 1), len(seen) - 2)]
    last = seen[-1]
    return {
        "frames/s": (last[1] - first[1]) / (last[0] - first[0]),
        "start s": ready - began,
        "first result s": seen[0][0] - ready,
        "tables s": over - last[0],
        "worker MB": sum(memory) / len(memory) if memory else 0.0,
    }


@contextmanager
def _nowhere() -> Iterator[Take]:
    yield lambda result: None


def watch(film: Path, seconds: float) -> dict[str, float]:
    """Watch a film as a camera; processor seconds a second, and memory."""
    stop = threading.Event()
    marks: list[tuple[float, float]] = []
    last: list[CameraHealth] = []

    def tell(health: list[CameraHealth]) -> None:
        last[:] = health
        if health[0].state is CameraState.LIVE and health[0].results > 50:
            (pid,) = workers("Camera")
            marks.append((time.perf_counter(), used_s(pid)))
            if marks[-1][0] - marks[0][0] > seconds:
                memory.append(resident_mb(pid))
                stop.set()

    memory: list[float] = []
    with connected():
        Watch([str(film)], Settings(detector_side=480), lambda name: _nowhere(), share=0.5).run(stop, tell)
    (since, before), (until, after) = marks[0], marks[-1]
    return {"cores": (after - before) / (until - since), "worker MB": memory[0], "latency ms": last[0].latency_p50_ms}


def apart(film: Path, segment_s: float) -> dict[str, float]:
    """What is not the workers' part, without Ray: milliseconds and bytes a frame, or a face where it says so.

    Times are of the processor, in this thread: a busy machine lengthens them little.
    """
    settings = Settings(threads=1)
    pipeline = Pipeline.load(settings)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = Job.plan(film, folder, pipeline.identity, None)
        clock = time.thread_time
        marks = [clock()]
        segments = list(
            cut(Task(0, str(film), film.name, Grid.plan(settings.search_s, pipeline.attributes, segment_s)))
        )
        marks.append(clock())
        readings = [read_segment(pipeline, segment, None) for segment in segments]
        frames, faces = sum(each.frames for each in readings), sum(each.faces for each in readings)
        # Every other one comes before its turn and has to wait, in a file.
        swapped = [each for place in range(0, len(readings), 2) for each in reversed(readings[place : place + 2])]
        sent = [pickle.dumps([each]) for each in swapped]
        joiner = Joiner(job)
        marks.append(clock())
        for each in sent:
            joiner.take(pickle.loads(each)[0])  # noqa: S301 (of our own)
            spooled = joiner.joined()
        marks.append(clock())
        joiner.close()
        assert spooled is not None
        with CsvSink(folder / "faces.csv") as table:
            for result in follow(pipeline, spooled):
                table.write(result)
        marks.append(clock())

        results = list(follow(pipeline, spooled))
        sights = [
            Sight(number, each.frame.index, each.frame.time_s, each.frame.time_s, each.frame.size, each.faces, 4.0, 0)
            for number, each in enumerate(results)
        ]
        reports = [pickle.dumps(sights[first : first + 6]) for first in range(0, frames, 6)]  # a quarter of a second's
        marks.append(clock())
        with JsonLinesSink(folder / "camera.jsonl") as lines:
            for report in reports:
                for sight in pickle.loads(report):  # noqa: S301 (of our own)
                    lines.write(sight.result("camera", 0.0))
        marks.append(clock())

        colours_s = 0.0
        for frame in open_input(film):
            began = clock()
            cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
            colours_s += clock() - began

        def each_ms(place: int) -> float:
            return 1000 * (marks[place + 1] - marks[place]) / frames

        return {
            "faces a frame": faces / frames,
            "going over the packets, ms": each_ms(0),
            "joining, ms": each_ms(2),
            "ids, smoothing, CSV, ms": each_ms(3),
            "a face's reading on its way, bytes": sum(map(len, sent)) / faces,
            "a face in the spool, bytes": job.spool.stat().st_size / faces,
            "a face in CSV, bytes": (folder / "faces.csv").stat().st_size / faces,
            "a camera's result taken and written, ms": each_ms(5),
            "a camera's result on its way, bytes": sum(map(len, reports)) / frames,
            "colours and gray of a frame, as a stream has them made, ms": 1000 * colours_s / frames,
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="how long the film is")
    parser.add_argument("--segment", type=float, default=5, help="seconds a segment")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    wanted = parser.parse_args()
    print(json.dumps(describe()))
    with tempfile.TemporaryDirectory() as folder:
        film = demo_video(Path(folder) / "film.mp4", seconds=wanted.seconds)
        print(f"film: 640x360, 25 frames/s, {wanted.seconds:g} s, one to two faces\n")
        print("| workers | frames/s | Ray starts, s | first result after, s | tables, s | a worker's memory, MB |")
        print("|---|---:|---:|---:|---:|---:|")
        for count in (None, *wanted.workers):
            row = read(film, count, wanted.segment)
            print(f"| {count or 'one process'} | " + " | ".join(f"{value:.1f}" for value in row.values()) + " |")
        print("\ncamera:", {name: round(value, 2) for name, value in watch(film, 15).items()})
        print("\n| apart | measured |\n|---|---:|")
        for name, value in apart(film, wanted.segment).items():
            print(f"| {name} | {value:.3g} |")


if __name__ == "__main__":
    main()
