"""Time to open a long session, read its sums, analyse and draw them.

    python benchmarks/sessions.py [--hours 100] [--people 5] [--rate 10] [--raw] [--db URL] [--repeats 7]

Writes a session of HOURS with PEOPLE read RATE times a second through `Store.append`, as a recording would, then
times each step in this process, libraries loaded, and once in a process of its own, libraries and all. ``--raw``
writes the samples too (18 million rows by default, over a gigabyte). Without ``--db`` it is a SQLite file in a
temporary folder. Prints a Markdown table.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mimik.store import (
    FINE_S,
    ROOM,
    Aggregates,
    Draft,
    Marker,
    Purpose,
    Samples,
    SessionState,
    Store,
)

HOUR_S = 3600


def hour(number: int, people: int, rate: int, random: np.random.Generator) -> tuple[Samples, Aggregates]:
    """An hour of readings, expressions drifting over a minute or so, and its sums by the second."""
    frames = HOUR_S * rate
    drift = np.cumsum(random.normal(0, 0.05, (frames, people, 7)), axis=0) % 8
    weights = np.exp(np.abs(drift - 4))  # a triangle wave, so that nothing runs away
    probabilities = (weights / weights.sum(axis=2, keepdims=True)).astype(np.float32)
    time_s = number * HOUR_S + np.arange(frames) / rate
    shape = (HOUR_S, rate, people)
    labels = np.eye(7, dtype=np.int64)[probabilities.argmax(axis=2)].reshape(*shape, 7).sum(axis=1)
    sums = probabilities.reshape(*shape, 7).astype(np.float64).sum(axis=1)
    each = np.full((HOUR_S, people), rate)

    def rows(person_columns: Any, room: Any | None = None) -> Any:
        total = person_columns.sum(axis=1, keepdims=True) if room is None else room
        columns = np.concatenate([total, person_columns], axis=1)
        return columns.reshape(HOUR_S * (people + 1), *columns.shape[2:])

    aggregates = Aggregates(
        step_s=FINE_S,
        person=np.tile(np.arange(people + 1), HOUR_S),
        start_s=np.repeat(number * HOUR_S + np.arange(HOUR_S, dtype=np.float64), people + 1),
        frames=rows(each, np.full((HOUR_S, 1), rate)),
        faces=rows(each),
        sure=rows(each),
        uncertain=rows(each * 0),
        withheld=rows(labels * 0),
        probabilities=rows(sums),
        labels=rows(labels),
        quality=rows(each * 0.8),
        valence=rows(sums[..., 3] - sums[..., 4]),
        arousal=rows(sums[..., 0]),
    )
    flat = probabilities.reshape(-1, 7)
    count = len(flat)
    samples = Samples(
        time_s=np.repeat(time_s, people),
        person=np.tile(np.arange(1, people + 1), frames),
        box=np.tile(np.array([600, 300, 700, 420], np.float32), (count, 1)),
        state=np.zeros(count, np.int8),
        reason=np.full(count, -1, np.int8),
        label=flat.argmax(axis=1).astype(np.int8),
        probabilities=flat,
        quality=np.full(count, 0.8, np.float32),
        valence=flat[:, 3] - flat[:, 4],
        arousal=flat[:, 0],
    )
    return samples, aggregates


def write(url: str, hours: int, people: int, rate: int, raw: bool) -> str:
    """Records the session; returns its id."""
    random = np.random.default_rng(7)
    with Store.open(url) as store:
        session = store.begin(Draft(f"{hours} hours", Purpose.RESEARCH))
        for number in range(hours):
            samples, aggregates = hour(number, people, rate, random)
            store.append(session.id, samples if raw else None, aggregates, (number + 1) * HOUR_S)
        store.add_markers(session.id, [Marker(number * HOUR_S, f"hour {number + 1}") for number in range(hours)])
        store.set_state(session.id, SessionState.DONE)
    return session.id


def take(url: str, id: str) -> dict[str, float]:  # noqa: A002
    """Seconds that each step takes."""
    from mimik.analytics import analyse
    from mimik.report import figures

    times: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = step()
        times[name] = time.perf_counter() - start
        return result

    store = timed("open", lambda: Store.open(url))
    with store:
        session = timed("session", lambda: store.session(id))
        sums = timed("sums", lambda: store.aggregates(id))
        assert len(sums.of(ROOM)), "nothing was recorded"
        markers, people = timed("markers, people", lambda: (store.markers(id), store.people(id)))
        analysis = timed("analyse", lambda: analyse(session, sums, markers, people))
        timed("figures", lambda: figures(analysis, "en"))
    times["together"] = sum(times.values())
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=100)
    parser.add_argument("--people", type=int, default=5)
    parser.add_argument("--rate", type=int, default=10)
    parser.add_argument("--raw", action="store_true")
    parser.add_argument("--db", default="")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--session", default="", help="time this session of --db instead of writing one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        url = options.db or f"sqlite:///{Path(scratch) / 'sessions.db'}"
        if options.session:
            print(f"{take(url, options.session)['together']:.2f}")
            return
        start = time.perf_counter()
        id = write(url, options.hours, options.people, options.rate, options.raw)  # noqa: A001
        took = time.perf_counter() - start
        with Store.open(url) as store:
            size, shown = store.size_bytes() or 0, store.url.partition(":")[0]
        take(url, id)
        runs = [take(url, id) for _ in range(options.repeats)]
        cold = time.perf_counter()
        again = [sys.executable, __file__, "--db", url, "--session", id]
        subprocess.run(again, check=True, capture_output=True)  # noqa: S603
        cold = time.perf_counter() - cold
        with Store.open(url) as store:
            start = time.perf_counter()
            store.delete(id)
            deleted = time.perf_counter() - start
    print(
        f"{options.hours} hours, {options.people} people, {options.rate} Hz, {shown}, "
        f"{'with' if options.raw else 'without'} samples: {size / 1e6:.0f} MB, written in {took:.0f} s"
    )
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}", end=", ")
    print(", ".join(f"{name} {version(name)}" for name in ("sqlalchemy", "numpy")))
    print("\n| step | median ms | worst ms |\n|---|---|---|")
    for name in runs[0]:
        values = [run[name] * 1000 for run in runs]
        print(f"| {name} | {statistics.median(values):.0f} | {max(values):.0f} |")
    print(f"| together in a new process, with its imports | {cold * 1000:.0f} | |")
    print(f"| delete, nothing left in the file | {deleted * 1000:.0f} | |")


if __name__ == "__main__":
    main()
