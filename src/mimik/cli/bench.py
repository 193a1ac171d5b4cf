"""``mimik bench``: how fast this machine is, and which settings suit it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from mimik.analysis.reading import read_turns
from mimik.cli.advice import EIGHT_BITS, FLOATS, FPS, SIDES, SIZES, Advice, Figures, Film, Live, Trial, advise
from mimik.cli.bar import bar
from mimik.cli.models import LIVE_SIDE
from mimik.cli.stages import StageClock
from mimik.cli.terminal import Terminal
from mimik.config import usable_cores
from mimik.load import load
from mimik.processor import processor, with_instructions
from mimik.realtime import Realtime
from mimik.sources import Demo
from mimik.types import Frame, Image, SourceKind
from mimik.words import numeral

if TYPE_CHECKING:
    from mimik.config import Settings

__all__ = ["bench"]

_PICTURES = 16
"""Taken from all over the demo's loop: faces near and far, one, two and none."""
_SHOT = 20
"""Frames of a video that are drawn beforehand; it runs to and fro over them."""
_LOOP_S = 26.0
_LIVE_SHARE = 0.25


def bench(terminal: Terminal, settings: Settings, seconds: float, as_json: bool) -> int:
    """Measure for so many seconds and print figures and advice.

    Args:
        terminal: where.
        settings: what to load; threads and side are varied.
        seconds: about how long all of it lasts.
        as_json: print JSON instead.

    Raises:
        MimikError: the networks cannot be loaded.
    """
    with bar(terminal, terminal.text("Measuring")) as progress:
        figures = _measure(settings, seconds, progress)
    advice = advise(figures)
    if as_json:
        values: dict[str, Any] = asdict(figures)
        for row, trial in zip(values["trials"], figures.trials, strict=True):
            row["fps"] = trial.fps
        values["advice"] = [each.text.format(**each.values) for each in advice]
        terminal.write(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        _show(terminal, figures, advice)
    return 0


def _measure(settings: Settings, seconds: float, progress: Callable[[int, int], None]) -> Figures:
    cores = usable_cores()
    # First the threads, at the side of live commands, then the other sides and the larger pictures with the best.
    threads = [0] if cores == 1 else [0, 1]
    compared = {name: getattr(settings, name) for name in EIGHT_BITS} == EIGHT_BITS
    steps = 2 * len(threads) + compared + len(SIDES) - 1 + 1
    each_s = seconds * (1 - _LIVE_SHARE) / steps
    progress(0, steps + 1)
    started = time.perf_counter()
    load(settings)
    load_s = time.perf_counter() - started
    small, large = (_pictures(size) for size in SIZES)
    trials: list[Trial] = []
    films: list[Film] = []

    def attempt(number: int, side: int | None, pictures: Sequence[Image], chosen: Settings = settings) -> None:
        trials.append(_try(chosen, number, side, pictures, each_s))
        progress(len(trials), steps + 1)

    for number in threads:
        attempt(number, LIVE_SIDE, small)
    best = min(trials, key=lambda trial: trial.p50_ms).threads
    if compared:
        attempt(best, LIVE_SIDE, small, settings.model_copy(update=FLOATS))
    for side in SIDES:
        if side != LIVE_SIDE:
            attempt(best, side, small)
    attempt(best, None, large)
    for number in threads:
        films.append(Film(number, _video(settings.model_copy(update={"threads": number}), each_s)))
        progress(len(trials) + len(films), steps + 1)
    live, stages = _live(settings.model_copy(update={"threads": best, "detector_side": LIVE_SIDE}), seconds)
    progress(steps + 1, steps + 1)
    return Figures(processor(), cores, _runtime(), _others(), load_s, tuple(trials), tuple(films), live, stages)


def _pictures(size: tuple[int, int]) -> list[Image]:
    demo = Demo(size=size, paced=False)
    return [demo.picture(round(number * _LOOP_S * FPS / _PICTURES)) for number in range(_PICTURES)]


def _try(settings: Settings, threads: int, side: int | None, pictures: Sequence[Image], seconds: float) -> Trial:
    pipeline = load(settings.model_copy(update={"threads": threads, "detector_side": side}))
    pipeline.read(pictures[0])  # plans memory
    times: list[float] = []
    end = time.perf_counter() + seconds
    # Never fewer than a handful, however slow the machine.
    while time.perf_counter() < end or len(times) < 4:
        start = time.perf_counter()
        pipeline.read(pictures[len(times) % len(pictures)])
        times.append((time.perf_counter() - start) * 1000)
    p50, p95 = (float(value) for value in np.percentile(times, [50, 95]))
    height, width = pictures[0].shape[:2]
    return Trial(threads, side, width, height, settings.detector, settings.classifier, len(times), p50, p95)


def _video(settings: Settings, seconds: float) -> float:
    pipeline = load(settings)
    demo = Demo(size=SIZES[1], paced=False)
    shot = [demo.picture(number) for number in range(_SHOT)]
    end = start = 0.0

    def frames() -> Iterator[Frame]:
        index = 0
        while index < 4 or time.perf_counter() < end:
            place = index % (2 * _SHOT - 2)
            yield Frame(shot[min(place, 2 * _SHOT - 2 - place)], index, index / FPS)
            index += 1

    for _ in read_turns(pipeline, frames()):
        pass  # plans memory
    start = time.perf_counter()
    end = start + seconds
    read = sum(1 for _ in read_turns(pipeline, frames()))
    return read / (time.perf_counter() - start)


def _live(settings: Settings, seconds: float) -> tuple[Live, dict[str, float]]:
    clock = StageClock()
    pipeline = load(settings, clock.around)
    wanted = max(1.0, seconds * _LIVE_SHARE)
    latencies: list[float] = []
    dropped = 0
    with Realtime(Demo(seconds=wanted + 0.5), pipeline.stream(SourceKind.LIVE)) as realtime:
        for result in realtime.results():
            if result.frame.time_s < 0.5:  # the first frames plan memory
                clock.clear()
                continue
            latencies.append(result.latency_ms)
            dropped += result.dropped
    if not latencies:  # a frame takes longer than the run
        latencies = [wanted * 1000]
    p50, p95 = (float(value) for value in np.percentile(latencies, [50, 95]))
    live = Live(p50, p95, len(latencies) / wanted, dropped / (dropped + len(latencies)))
    return live, {name: taken * 1000 / len(latencies) for name, (taken, _) in clock.table().items()}


def _runtime() -> str:
    """ONNX Runtime runs both networks on the processor; which of its instructions they take is up to it."""
    return with_instructions(f"ONNX Runtime {version('onnxruntime')}, CPU")


def _others() -> tuple[str, ...]:
    """Providers of ONNX Runtime's beside the processor; Azure's is no machine but a service on the net."""
    from onnxruntime import get_available_providers

    names = (name.removesuffix("ExecutionProvider") for name in get_available_providers())
    return tuple(name for name in names if name not in ("CPU", "Azure"))


def _show(terminal: Terminal, figures: Figures, advice: Sequence[Advice]) -> None:
    text = terminal.text
    terminal.out.print(
        text(
            "{processor}, {cores} cores; {runtime}; loading took {seconds:.1f} s",
            processor=figures.processor,
            cores=figures.cores,
            runtime=figures.runtime,
            seconds=figures.load_s,
        ),
        markup=False,
        soft_wrap=True,
    )
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in ("pictures", "--detector", "--side", "--threads", "frames a second", "median", "95 of 100 within"):
        table.add_column(text(heading), justify="right")
    for trial in figures.trials:
        table.add_row(
            f"{trial.width}×{trial.height}",
            Path(trial.detector).name.replace("[", r"\["),
            str(trial.side or text("full")),
            str(trial.threads or text("all")),
            numeral(trial.fps, ".1f", terminal.language),
            f"{trial.p50_ms:.0f} ms",
            f"{trial.p95_ms:.0f} ms",
        )
    terminal.out.print(table)
    for film in figures.films:
        terminal.out.print(
            text(
                "A video of 1280×720, --threads {threads}: {fps:.0f} frames a second, without decoding.",
                threads=film.threads or text("all"),
                fps=film.fps,
            ),
            markup=False,
            soft_wrap=True,
        )
    live = figures.live
    terminal.out.print(
        text(
            "Live at 30 frames a second: {p50:.0f} ms from capture to result, 95 of 100 within {p95:.0f} ms; "
            "{fps:.0f} frames a second read, {dropped:.0f}% passed over.",
            p50=live.p50_ms,
            p95=live.p95_ms,
            fps=live.read_fps,
            dropped=live.dropped * 100,
        ),
        markup=False,
        soft_wrap=True,
    )
    spent = ", ".join(f"{text(name)} {numeral(ms, '.1f', terminal.language)}" for name, ms in figures.stages.items())
    terminal.out.print(text("Of a frame, in milliseconds: {stages}", stages=spent), markup=False, soft_wrap=True)
    for each in advice:
        terminal.out.print(f"→ {text(each.text, **each.values)}", markup=False, soft_wrap=True)
