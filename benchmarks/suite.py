"""The measurements, each peer in turn, round after round."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.clips import FIVE, FPS, LOOP, ONE, Scene, lengthened, make_clip
from benchmarks.environments import EnvironmentMissingError, size_mb
from benchmarks.held import HeldError, held_runtime
from benchmarks.machine import (
    bare_products_ms,
    describe,
    installed_mb,
    matrix_rates,
    multiply_adds,
)
from benchmarks.peers import Peer
from benchmarks.process import PeerError, PeerProcess
from benchmarks.samples import ratio, spread
from mimik.processor import instructions
from mimik.weights import verified

__all__ = ["Plan", "Suite"]

_LATE_MS = 1000 / FPS
"""A picture that is shown later than this after it was captured, or never, came late."""
_FROM_MINUTE = 5
"""Memory grows from here on: before, caches fill."""

LENGTHS = (6, 12, 24, LOOP, 2 * LOOP, 4 * LOOP, 8 * LOOP, 16 * LOOP)
"""Frames of the clips that are made; each peer reads the longest that fits its turn."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and how long.

    Attributes:
        cache: folder of environments, clips and logs.
        peers: whom.
        rounds: turns of each peer.
        turn_s: about how long a turn lasts.
        live_s: seconds of a live run.
        long_live_s: seconds of a live run whose memory is watched.
        minutes: of video that are analysed to see whether memory grows; 0: none.
        against: the peer over which ratios are taken.
        install: whether missing environments are made.
        beside: what else the machine was doing, in words.
    """

    cache: Path
    peers: tuple[Peer, ...]
    rounds: int = 5
    turn_s: float = 3.0
    live_s: float = 5.0
    long_live_s: float = 60.0
    minutes: int = 60
    against: str = "fer"
    install: bool = True
    beside: str = ""


@dataclass
class Suite:
    """One run of the whole.

    Attributes:
        plan: as given.
        say: told what is being done.
    """

    plan: Plan
    say: Callable[[str], None]
    _absent: dict[str, str] = field(default_factory=dict)
    _missed: dict[str, dict[str, str]] = field(default_factory=dict)
    _versions: dict[str, Any] = field(default_factory=dict)
    _open: dict[str, PeerProcess] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """Everything, as it is written to the results."""
        started = time.time()
        result: dict[str, Any] = {
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": describe(),
            "beside": self.plan.beside,
            "rounds": self.plan.rounds,
            "turn_s": self.plan.turn_s,
            "against": self.plan.against,
        }
        self._log.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._begin()
            result["end_to_end"] = {scene.name: self._end_to_end(scene) for scene in (ONE, FIVE)}
            result["network"] = self._network()
            result["held"] = self._told("held to AVX2", self._held)
            result["stages"] = {scene.name: self._told("stages", self._stages, scene) for scene in (ONE, FIVE)}
        finally:
            for process in self._open.values():
                process.close()
            self._open.clear()
        result["live"] = self._live()
        result["memory"] = self._told("memory", self._memory)
        result["start"] = self._start()
        result["scaling"] = self._told("two processes", self._scaling)
        result["limits"] = self._limits()
        result["size_mb"] = self._sizes()
        result["peers"] = {peer.name: self._card(peer) for peer in self.plan.peers}
        result["machine"]["load_after"] = describe()["load"]
        result["seconds"] = round(time.time() - started)
        return result

    @property
    def _log(self) -> Path:
        return self.plan.cache / "log" / "peers.txt"

    @property
    def _clips(self) -> Path:
        return self.plan.cache / "clips"

    def _card(self, peer: Peer) -> dict[str, Any]:
        remark = peer.environment.remark if peer.environment else ""
        return {
            "title": peer.title,
            "versions": self._versions.get(peer.name),
            "absent": self._absent.get(peer.name),
            "failed": self._missed.get(peer.name, {}),
            "remark": remark,
            "latency_only": peer.network_only,
        }

    def _begin(self) -> None:
        """Make environments, start every peer and let it load; who cannot is told as absent."""
        for peer in self.plan.peers:
            try:
                environment = peer.environment
                if environment is not None and not environment.ready(self.plan.cache):
                    if not self.plan.install:
                        raise EnvironmentMissingError("is not installed, and installing was not wanted")
                    self.say(f"installing {environment.name}")
                    environment.make(self.plan.cache, self.plan.cache / "log" / f"install-{environment.name}.txt")
                self.say(f"loading {peer.name}")
                process = PeerProcess(peer.command(self.plan.cache), self._log)
                self._open[peer.name] = process
                self._versions[peer.name] = process.ask("load").get("versions")
            except (EnvironmentMissingError, PeerError, OSError) as error:
                self._absent[peer.name] = str(error)
                if (started := self._open.pop(peer.name, None)) is not None:
                    started.close()
                self.say(f"{peer.name} is absent: {error}")

    def _told(self, what: str, measure: Callable[..., Any], *given: Any) -> Any:
        """What a measurement of Mimik alone gives; None where it failed, which is told."""
        try:
            return measure(*given)
        except PeerError as error:
            self._missed.setdefault("mimik", {})[what] = str(error)
            return None

    def _turns(
        self, what: str, peers: Sequence[Peer], ask: Callable[[Peer], dict[str, Any]], rounds: int | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """Each peer's answers, asked one after the other, round after round; who fails once is left out from then."""
        answers: dict[str, list[dict[str, Any]]] = {}
        left = [peer for peer in peers if peer.name in self._open]
        for number in range(rounds or self.plan.rounds):
            for peer in list(left):
                self.say(f"{what}: {peer.name}, round {number + 1}")
                try:
                    said = ask(peer)
                except PeerError as error:
                    self._missed.setdefault(peer.name, {})[what] = str(error)
                    left.remove(peer)
                    answers.pop(peer.name, None)
                    continue
                if said.get("unsupported"):
                    left.remove(peer)
                    continue
                answers.setdefault(peer.name, []).append(said)
        return answers

    def _end_to_end(self, scene: Scene) -> dict[str, Any]:
        """Frames a second from a file to rows."""
        peers = [peer for peer in self.plan.peers if not peer.network_only]
        chosen: dict[str, int] = {}
        what = f"{scene.name} face{'s' if scene.faces > 1 else ''}"

        def warm_up(peer: Peer) -> dict[str, Any]:
            rate = 0.0
            for length in LENGTHS[::2]:  # the first one also fills caches, and what is short tells of beginnings
                said = self._ask_clip(peer, scene, length)
                rate = said["frames"] / said["seconds"]
                if said["seconds"] > self.plan.turn_s / 4:
                    break
            fitting = [length for length in LENGTHS if length / rate <= self.plan.turn_s]
            chosen[peer.name] = fitting[-1] if fitting else LENGTHS[0]
            return said

        self._turns(what, peers, warm_up, 1)
        answers = self._turns(
            what, [p for p in peers if p.name in chosen], lambda peer: self._ask_clip(peer, scene, chosen[peer.name])
        )
        rates = {name: [said["frames"] / said["seconds"] for said in all_said] for name, all_said in answers.items()}
        rows = {
            name: {
                "fps": spread(rates[name]),
                "frames": chosen[name],
                "frames_with_a_face": all_said[-1]["hits"] / max(1, all_said[-1]["frames"]),
                "faces_a_frame": all_said[-1]["faces"] / max(1, all_said[-1]["frames"]),
            }
            for name, all_said in answers.items()
        }
        return {
            "size": scene.size,
            "faces": scene.faces,
            "clip": make_clip(scene, LENGTHS[0], self._clips).name.rsplit("-", 1)[0],
            "peers": rows,
            "ratios": _ratios(rates, self.plan.against),
            "to_decoding": _ratios({"mimik": rates["mimik"], "opencv": rates["opencv"]}, "opencv")
            if {"mimik", "opencv"} <= set(rates)
            else {},
        }

    def _ask_clip(self, peer: Peer, scene: Scene, length: int) -> dict[str, Any]:
        said = self._open[peer.name].ask("clip", path=str(make_clip(scene, length, self._clips)))
        if not said.get("unsupported") and said["frames"] != length:
            raise PeerError(f"read {said['frames']} of {length} frames")
        return said

    def _live(self) -> dict[str, Any]:
        """Latency at 30 frames a second and peak memory, each peer in a process of its own, one after the other."""
        clip = str(make_clip(ONE, LENGTHS[-1], self._clips))
        rows = {}
        for peer in self.plan.peers:
            if not peer.live or peer.name in self._absent:
                continue
            self.say(f"live: {peer.name}")
            try:
                with PeerProcess(peer.command(self.plan.cache), self._log) as process:
                    process.ask("load", live=True)
                    process.ask("live", path=clip, seconds=1.0)  # warm-up
                    said = process.ask("live", path=clip, seconds=self.plan.live_s)
            except PeerError as error:
                self._missed.setdefault(peer.name, {})["live"] = str(error)
                continue
            latencies = spread(said["latencies_ms"])
            rows[peer.name] = {
                "latency_ms": latencies,
                "read_a_second": latencies["n"] / self.plan.live_s,
                "dropped": said["dropped"] / max(1, said["captured"]),
                "peak_mb": said["peak_mb"],
                **(_shown(said) if "shown" in said else {}),
            }
        return rows

    def _mimik(self) -> Peer | None:
        return next((p for p in self.plan.peers if p.name == "mimik" and p.name not in self._absent), None)

    def _memory(self) -> dict[str, Any] | None:
        """Whether memory grows: over a long video, and over a longer live run."""
        peer, found = self._mimik(), dict[str, Any]()
        if peer is None or not self.plan.minutes:
            return None
        clip = make_clip(ONE, LENGTHS[-1], self._clips)
        self.say(f"memory: {self.plan.minutes} minutes of video")
        with PeerProcess(peer.command(self.plan.cache), self._log) as process:
            process.ask("load")
            long = lengthened(clip, self.plan.minutes * 60 * FPS)
            from_s = min(_FROM_MINUTE, self.plan.minutes / 2) * 60
            found["video"] = process.ask("memory", timeout_s=3600, path=str(long), from_s=from_s, each_s=60)
        self.say(f"memory: {self.plan.long_live_s:.0f} s live")
        with PeerProcess(peer.command(self.plan.cache), self._log) as process:
            process.ask("load", live=True)
            process.ask("live", path=str(clip), seconds=5.0)
            said = process.ask("live", path=str(long), seconds=self.plan.long_live_s)
            found["live"] = {
                "seconds": self.plan.long_live_s,
                "growth_mb": said["after_mb"] - said["before_mb"],
                "peak_mb": said["peak_mb"],
                **_shown(said),
            }
        return found

    def _held(self) -> dict[str, Any] | None:
        """The network alone, one thread, with the instruction set held to AVX2."""
        peer = self._mimik()
        if peer is None or not {"avx512f", "amx_int8"} & set(instructions()):
            return None
        try:
            path = held_runtime(self.plan.cache)
        except HeldError as error:
            raise PeerError(str(error)) from error
        self.say("network, held to AVX2")
        times: dict[int, list[float]] = {1: [], 32: []}
        with PeerProcess(peer.command(self.plan.cache), self._log, environment={"PYTHONPATH": str(path)}) as process:
            process.ask("load")
            for _ in range(self.plan.rounds):
                for batch, repeats in ((1, 30), (32, 3)):
                    times[batch].append(process.ask("network", batch=batch, repeats=repeats)["ms"] / batch)
        return {f"ms_a_face_{batch}": spread(values) for batch, values in times.items()}

    def _network(self) -> dict[str, Any]:
        """The network alone, one thread: a face by itself, and faces a second in a batch."""
        rows: dict[str, Any] = {}
        for batch, repeats in ((1, 30), (32, 3)):
            peers = [peer for peer in self.plan.peers if not peer.decoder]
            answers = self._turns(
                f"network, batch of {batch}",
                peers,
                lambda peer: self._open[peer.name].ask("network", batch=batch, repeats=repeats),
            )
            for name, all_said in answers.items():
                rows.setdefault(name, {})[f"ms_a_face_{batch}"] = spread([said["ms"] / batch for said in all_said])
        for row in rows.values():
            if "ms_a_face_32" in row:
                row["faces_a_second_32"] = 1000 / row["ms_a_face_32"]["median"]
        return rows

    def _stages(self, scene: Scene) -> dict[str, Any] | None:
        """What an analysis computes, by stage, processor milliseconds a frame; the rest is spool, table and glue."""
        process = self._open.get("mimik")
        if process is None:
            return None
        self.say(f"stages, {scene.name}")
        clip = str(make_clip(scene, LENGTHS[5], self._clips))
        said = process.ask("stages", timeout_s=300, path=clip)
        frames, seconds = said["frames"], said["seconds"]
        stages = {name: taken * 1000 / frames for name, taken in said["stages"].items()}
        total = said["processor_s"] * 1000 / frames
        return {
            "frames": frames,
            "ms_a_frame": total,
            "elapsed_ms_a_frame": seconds * 1000 / frames,
            "stages": {**stages, "write": total - sum(stages.values())},
        }

    def _start(self) -> dict[str, Any]:
        """From nothing to the first rows, and the time of an import, each in a new process, disk warm."""
        clip = str(make_clip(ONE, LENGTHS[0], self._clips))
        rows: dict[str, Any] = {}
        peers = [p for p in self.plan.peers if not (p.decoder or p.network_only or p.name in self._absent)]
        for number in range(min(3, self.plan.rounds)):
            for peer in peers:
                self.say(f"start: {peer.name}, round {number + 1}")
                row = rows.setdefault(peer.name, {"first_s": [], "import_s": []})
                try:
                    with PeerProcess(peer.command(self.plan.cache), self._log) as process:
                        process.ask("load")
                        process.ask("clip", path=clip)
                        row["first_s"].append(time.perf_counter() - process.started_s)
                except PeerError as error:
                    self._missed.setdefault(peer.name, {})["start"] = str(error)
                if peer.imports:
                    python = peer.command(self.plan.cache)[0]
                    row["import_s"].append(max(0.0, _run_s(python, peer.imports) - _run_s(python, "pass")))
        return {name: {what: spread(values) for what, values in row.items() if values} for name, row in rows.items()}

    def _scaling(self) -> dict[str, Any] | None:
        """Two processes of one thread on a core each, over one."""
        if (peer := self._mimik()) is None:
            return None
        command = [*peer.command(self.plan.cache), "--threads", "1"]
        clip = str(make_clip(ONE, LENGTHS[4], self._clips))
        alone, together = [], []
        with (
            PeerProcess(command, self._log, cores=[0]) as first,
            PeerProcess(command, self._log, cores=[1]) as second,
        ):
            for process in (first, second):
                process.ask("load")
                process.ask("clip", path=str(make_clip(ONE, LENGTHS[0], self._clips)))
            for number in range(self.plan.rounds):
                self.say(f"two processes, round {number + 1}")
                # Each core by itself: another's work lies on one of them, mostly.
                single = [process.ask("clip", path=clip) for process in (first, second)]
                alone.append(sum(said["frames"] / said["seconds"] for said in single) / 2)
                first.tell("clip", path=clip)
                second.tell("clip", path=clip)
                both = [process.answer() for process in (first, second)]
                together.append(sum(said["frames"] / said["seconds"] for said in both))
        return {"one_fps": spread(alone), "two_fps": spread(together), "ratio": ratio(together, alone)}

    def _limits(self) -> dict[str, Any]:
        """What the processor could do."""
        self.say("matrix products")
        record, file = verified("default")
        layers = multiply_adds(file)
        counted = sum(layer["rows"] * layer["inner"] * layer["columns"] * layer["groups"] for layer in layers)
        return {
            "matrix_products": matrix_rates(),
            "network": record.name,
            "multiply_adds": counted,
            "multiply_adds_int8": sum(
                layer["rows"] * layer["inner"] * layer["columns"] * layer["groups"] for layer in layers if layer["int8"]
            ),
            "bare_ms_a_face_1": bare_products_ms(layers, 1),
            "bare_ms_a_face_32": bare_products_ms(layers, 32),
        }

    def _sizes(self) -> dict[str, Any]:
        """Installed sizes, and what takes the room in Mimik's."""
        self.say("sizes")
        parts = installed_mb("mimik")
        rows: dict[str, Any] = {"mimik": {"total": sum(parts.values()), "parts": parts}}
        for peer in self.plan.peers:
            environment = peer.environment
            if environment is not None and environment.ready(self.plan.cache):
                rows[environment.name] = {
                    "total": size_mb(environment.folder(self.plan.cache)),
                    "remark": environment.remark,
                }
        return rows


def _shown(said: dict[str, Any]) -> dict[str, Any]:
    """How pictures reached the screen of a live run."""
    frames, waits = said["shown"], said["shown_after_ms"]
    missing = frames[-1] - frames[0] + 1 - len(frames) if frames else 0
    return {
        "shown": len(frames),
        "late": missing + sum(1 for wait in waits if wait > _LATE_MS),
        "shown_after_ms": spread(waits) if waits else None,
    }


def _ratios(rates: dict[str, list[float]], against: str) -> dict[str, Any]:
    if against not in rates:
        return {}
    return {name: ratio(values, rates[against]) for name, values in rates.items() if name != against}


def _run_s(python: str, statement: str) -> float:
    start = time.perf_counter()
    subprocess.run([python, "-c", statement], check=False, capture_output=True)  # noqa: S603
    return time.perf_counter() - start
