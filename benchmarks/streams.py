"""Many clients at once on `/v1/stream` of a real server: who is served how often, how late, at what cost.

    python benchmarks/streams.py [--clients 200] [--fps 5] [--seconds 120] [--side 320] [--greedy N] [--json]
                                 [-- OPTIONS OF mimik serve]

Starts `mimik serve` on a free port of this machine, with the real networks. Every client sends a photograph of a face
FPS times a second, whether or not it is answered, and at last asks how many of its frames were read, dropped or
failed; frames, results and drops must add up. The first GREEDY clients send as fast as the socket takes it. Limits
are environment variables (`MIMIK_LIMIT_TOGETHER=8`, say). Prints a Markdown table, or JSON.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from mimik.sources import read_picture
from mimik.sources.portraits import EILEEN_COLLINS

START_S = 60.0
SAMPLE_S = 1.0
GREEDY_FPS = 100.0


@dataclass
class Client:
    """What one client saw."""

    offered: int = 0
    results: int = 0
    dropped: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    ordered: bool = True
    ended: bool = False
    end: dict[str, int] | None = None
    last: int = -1


def frames(side: int) -> list[bytes]:
    """A photograph of a face that moves a little: JPEGs of `side` × `side`."""
    photo = read_picture(EILEEN_COLLINS)
    moved = [np.roll(photo, round(6 * np.sin(step / 3)), axis=1) for step in range(20)]
    return [cv2.imencode(".jpg", cv2.resize(each, (side, side)))[1].tobytes() for each in moved]


async def run_client(
    address: str, client: Client, pictures: list[bytes], fps: float, start_s: float, end_s: float
) -> None:
    """Send frames at a pace until the end, whatever comes back."""
    loop = asyncio.get_running_loop()
    async with connect(address, compression=None, max_queue=None, proxy=None, open_timeout=60) as socket:
        assert json.loads(await socket.recv())["type"] == "hello"

        async def take() -> None:
            with suppress(ConnectionClosed):
                async for text in socket:
                    message = json.loads(text)
                    if message["type"] == "result":
                        client.results += 1
                        client.dropped += message["dropped"]
                        client.ordered &= message["number"] > client.last
                        client.last = message["number"]
                        if not client.ended:  # afterwards, the last frames wait for a whole round
                            client.latencies_ms.append(message["latency_ms"])
                    elif message["type"] == "end":
                        client.end = message

        taking = asyncio.create_task(take())
        due_s = start_s
        while due_s < end_s:
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await socket.send(pictures[client.offered % len(pictures)])
            client.offered += 1
            due_s += 1 / fps
        client.ended = True
        await socket.send('{"type":"end"}')
        await asyncio.wait_for(taking, 60)


async def run_clients(address: str, arguments: argparse.Namespace) -> list[Client]:
    """All clients, out of step with one another."""
    pictures = frames(arguments.side)
    clients = [Client() for _ in range(arguments.clients)]
    loop = asyncio.get_running_loop()
    start_s = loop.time() + 2.0
    async with asyncio.TaskGroup() as tasks:
        for number, client in enumerate(clients):
            fps = GREEDY_FPS if number < arguments.greedy else arguments.fps
            shift_s = number / len(clients) / fps
            coroutine = run_client(
                address, client, pictures, fps, start_s + shift_s, start_s + shift_s + arguments.seconds
            )
            tasks.create_task(coroutine)
    return clients


@contextmanager
def server(options: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`mimik serve`, ready; its process and address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    many = {"MIMIK_LIMIT_STREAMS": "1000", "MIMIK_LIMIT_STREAMS_EACH": "1000"}
    command = [str(Path(sys.executable).with_name("mimik")), "serve", "--port", str(port), *options]
    folder = tempfile.TemporaryDirectory()
    process = subprocess.Popen(  # noqa: S603 (our own command)
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**many, **os.environ, "XDG_DATA_HOME": folder.name},
    )
    try:
        until = time.monotonic() + START_S
        while not _ready(address):
            if process.poll() is not None or time.monotonic() > until:
                assert process.stderr
                raise SystemExit(process.stderr.read().decode() or "the server does not start")
            time.sleep(0.2)
        yield process, address
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        process.kill()
        process.wait()
        folder.cleanup()


def _ready(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def metrics(address: str) -> dict[str, float]:
    """The server's counters."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


class Watch:
    """Samples a process's memory and processor time, and what waits in it, in a thread."""

    def __init__(self, process: int, address: str) -> None:
        self.rss_mib: list[float] = []
        self.queued: list[float] = []
        self.cpu_s = 0.0
        self._process = process
        self._address = address
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Watch":
        self._began = self._cpu()
        self._thread.start()
        return self

    def __exit__(self, *broken: object) -> None:
        self._over.set()
        self._thread.join()
        self.cpu_s = self._cpu() - self._began

    def _run(self) -> None:
        while not self._over.wait(SAMPLE_S):
            status = Path(f"/proc/{self._process}/status").read_text()
            found = re.search(r"VmRSS:\s+(\d+)", status)
            assert found
            self.rss_mib.append(int(found[1]) / 1024)
            with suppress(OSError):
                self.queued.append(metrics(self._address).get('mimik_queue{way="stream"}', 0.0))

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole run's figures."""
    with server(arguments.options) as (process, address):
        with Watch(process.pid, address) as watch:
            began_s = time.monotonic()
            clients = asyncio.run(run_clients(f"ws://{address}/v1/stream", arguments))
            took_s = time.monotonic() - began_s
        counted = metrics(address)
    rates = sorted(len(client.latencies_ms) / arguments.seconds for client in clients)
    latencies = [latency for client in clients for latency in client.latencies_ms]
    ends = [client.end for client in clients]
    warm = watch.rss_mib[len(watch.rss_mib) // 3 :] or [0.0]
    mean = statistics.fmean(rates)
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99]) if latencies else (0.0, 0.0, 0.0)
    return {
        "clients": len(clients),
        "seconds": arguments.seconds,
        "offered": sum(client.offered for client in clients),
        "served": sum(client.results for client in clients),
        "dropped": sum(end["dropped"] for end in ends if end),
        "failed": sum(end["failed"] for end in ends if end),
        "served_by_metrics": int(counted['mimik_pictures_total{way="stream"}']),
        "dropped_by_metrics": int(counted.get('mimik_dropped_total{way="stream"}', 0)),
        "complete": all(
            end is not None
            and end["frames"] == client.offered
            and end["read"] == client.results
            and end["frames"] == end["read"] + end["failed"] + end["dropped"]
            and client.dropped <= end["dropped"]
            for client, end in zip(clients, ends, strict=True)
        ),
        "ordered": all(client.ordered for client in clients),
        "rate_each": {"min": rates[0], "median": statistics.median(rates), "max": rates[-1], "mean": mean},
        "worst_share": rates[0] / mean if mean else 0.0,
        "latency_ms": {"p50": float(p50), "p95": float(p95), "p99": float(p99)},
        "rss_mib": {"warm": warm[0], "end": warm[-1], "max": max(warm)},
        "rss_over_time_mib": [round(each) for each in watch.rss_mib[:: max(1, len(watch.rss_mib) // 10)]],
        "rss_growth": max(warm) / warm[0] - 1 if warm[0] else 0.0,
        "queued_max": max(watch.queued, default=0.0),
        "cpu": watch.cpu_s / took_s,
        "cpu_ms_a_frame": 1000 * watch.cpu_s / max(1, sum(client.results for client in clients)),
    }


def table(figures: dict[str, Any]) -> str:
    """For people."""
    rate, latency, rss = figures["rate_each"], figures["latency_ms"], figures["rss_mib"]
    rows = {
        "frames offered": figures["offered"],
        "served": f"{figures['served']} ({rate['mean'] * figures['clients']:.1f} a second)",
        "dropped": figures["dropped"],
        "failed": figures["failed"],
        "all counted, in order": f"{figures['complete']}, {figures['ordered']}",
        "results a second and client, least / median / most": (
            f"{rate['min']:.3f} / {rate['median']:.3f} / {rate['max']:.3f}"
        ),
        "least against the mean": f"{figures['worst_share']:.2f}",
        "latency p50 / p95 / p99": f"{latency['p50']:.0f} / {latency['p95']:.0f} / {latency['p99']:.0f} ms",
        "memory after a third / at the end / at most": f"{rss['warm']:.0f} / {rss['end']:.0f} / {rss['max']:.0f} MiB",
        "memory over time": " ".join(map(str, figures["rss_over_time_mib"])) + " MiB",
        "most frames waiting": f"{figures['queued_max']:.0f}",
        "cores used": f"{figures['cpu']:.2f}; {figures['cpu_ms_a_frame']:.1f} ms of one for a frame that was read",
    }
    made_by = f"{platform.machine()}, {os.cpu_count()} cores, mimik {version('mimik')}, load {os.getloadavg()[0]:.1f}"
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    return "\n".join([f"{figures['clients']} clients, {figures['seconds']:g} s; {made_by}", "", *lines])


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--side", type=int, default=320, help="pixels of a frame's sides")
    parser.add_argument("--greedy", type=int, default=0, help=f"how many send {GREEDY_FPS:g} frames a second")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("options", nargs="*", help="options of mimik serve")
    arguments = parser.parse_args()
    figures = measure(arguments)
    print(json.dumps(figures, indent=1) if arguments.json else table(figures))


if __name__ == "__main__":
    main()
