"""What reading the pictures of several clients together gains: `mimik.serve.scheduler` with the real networks.

    python benchmarks/scheduler.py [--pictures 48] [--rounds 3] [--side 320]

Three loads: one client that sends its next picture when the last is read; four that do so and rest for 50 ms between;
sixteen that always have one waiting. For each way of reading them, taken in turns over several rounds: processor time a
picture, which other work on the machine hardly changes, pictures a second and the median and 95th percentile of the
time from arrival to result. "alone" is one thread that calls the pipeline itself. Prints a Markdown table.
"""

import argparse
import os
import platform
import threading
import time
from collections.abc import Callable

import numpy as np
from streams import frames

from mimik import Pipeline
from mimik.serve.right_of_way import RightOfWay
from mimik.serve.scheduler import Lane, Scheduler
from mimik.serve.visitor import decode_frame
from mimik.types import Box, Face, Image

LOADS = {"one client": (1, 0.0), "four, resting 50 ms": (4, 0.05), "sixteen": (16, 0.0)}
WAYS = [(1, 1, 0.0), (2, 1, 0.0), (1, 4, 0.0), (2, 4, 0.0), (2, 8, 0.0), (2, 4, 0.002), (2, 4, 0.005)]


class Work:
    """A picture, whose reading may be waited for."""

    def __init__(self, data: bytes, side: int) -> None:
        self.done = threading.Event()
        self._data = data
        self._side = side

    def picture(self) -> Image:
        return decode_frame(self._data, self._side)

    def near(self) -> tuple[Box, ...]:
        return ()

    def finish(self, faces: tuple[Face, ...]) -> None:
        assert faces, "nobody was found"
        self.done.set()

    def fail(self, error: Exception) -> None:
        raise error


def run(read: Callable[[int], None], clients: int, rest_s: float, pictures: int) -> tuple[float, float, list[float]]:
    """Processor seconds, seconds and each picture's seconds, with so many clients in threads."""
    took: list[float] = []

    def client(number: int) -> None:
        for _ in range(pictures // clients):
            began_s = time.perf_counter()
            read(number)
            took.append(time.perf_counter() - began_s)
            time.sleep(rest_s)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    cpu_s, began_s = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.process_time() - cpu_s, time.perf_counter() - began_s, took


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=320)
    arguments = parser.parse_args()
    pipeline, picture = Pipeline.load(), frames(arguments.side)[0]
    pipeline.read(decode_frame(picture, arguments.side))
    figures: dict[tuple[str, str], list[tuple[float, float, list[float]]]] = {}
    for _ in range(arguments.rounds):
        for load, (clients, rest_s) in LOADS.items():

            def alone(number: int) -> None:
                assert pipeline.read(decode_frame(picture, arguments.side))

            if clients == 1:
                figures.setdefault((load, "alone"), []).append(run(alone, 1, rest_s, arguments.pictures))
            for readers, together, gather_s in WAYS:
                scheduler = Scheduler(pipeline, RightOfWay(), together, gather_s, readers)
                lanes: list[Lane] = [scheduler.lane() for _ in range(clients)]

                def scheduled(number: int) -> None:
                    work = Work(picture, arguments.side)
                    lanes[number].offer(work)
                    assert work.done.wait(60)

                way = f"{readers} threads, {together} together, {gather_s * 1000:g} ms"
                figures.setdefault((load, way), []).append(run(scheduled, clients, rest_s, arguments.pictures))
                scheduler.close()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {arguments.rounds} rounds\n")
    print("| load | read by | processor ms a picture | pictures a second | median ms | p95 ms |")
    print("|---|---|---|---|---|---|")
    for (load, way), runs in figures.items():
        cpu = np.median([1000 * cpu_s / len(took) for cpu_s, _, took in runs])
        rate = np.median([len(took) / wall_s for _, wall_s, took in runs])
        p50, p95 = np.percentile([1000 * each for _, _, took in runs for each in took], [50, 95])
        print(f"| {load} | {way} | {cpu:.1f} | {rate:.1f} | {p50:.0f} | {p95:.0f} |")


if __name__ == "__main__":
    main()
