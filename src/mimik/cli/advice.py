"""What figures of `mimik bench` say to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from mimik.cli.models import LIVE_SIDE

__all__ = ["EIGHT_BITS", "FLOATS", "FPS", "SIDES", "SIZES", "Advice", "Figures", "Film", "Live", "Trial", "advise"]

SIZES = ((640, 360), (1280, 720))
"""Of the pictures that settings are tried with."""
SIDES = (320, LIVE_SIDE, None)
"""Long sides to which they are shrunk to find faces."""
FPS = 30
"""Of the live run and the videos."""
FLOATS = {"detector": "centerface-fp16", "classifier": "default-fp16"}
"""The networks that are shipped in eight bits, as they were before."""
EIGHT_BITS = {"detector": "centerface", "classifier": "default"}
"""The same as they are shipped."""
_LATE_MS = 1000 / FPS
_CLEARLY = 1.15
"""What must be faster by less than this is as fast, on a machine that does other things, too."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting, tried.

    Attributes:
        threads: of a network; 0: one a core.
        side: long side to which pictures were shrunk to find faces; None: not at all.
        width: of the pictures, pixels.
        height: of the pictures, pixels.
        detector: its name or file.
        model: of what reads faces: its name, or its record's file.
        frames: how many were read.
        p50_ms: median time of a frame, found and read.
        p95_ms: what one frame in twenty exceeds.
    """

    threads: int
    side: int | None
    width: int
    height: int
    detector: str
    model: str
    frames: int
    p50_ms: float
    p95_ms: float

    @property
    def fps(self) -> float:
        """Frames a second."""
        return 1000 / self.p50_ms


@dataclass(frozen=True, slots=True)
class Film:
    """A video of 1280×720, read as `mimik analyze` reads it, without decoding.

    Attributes:
        threads: turns of the video that were read at a time; 0: one a core.
        fps: frames a second.
    """

    threads: int
    fps: float


@dataclass(frozen=True, slots=True)
class Live:
    """A live run of the demo at 30 frames a second.

    Attributes:
        p50_ms: median time from capture to result.
        p95_ms: what one result in twenty exceeds.
        read_fps: results a second.
        dropped: share of the frames that were passed over.
    """

    p50_ms: float
    p95_ms: float
    read_fps: float
    dropped: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured.

    Attributes:
        processor: what it calls itself.
        cores: that may be used.
        runtime: what runs the networks, and where.
        others: what else it could run them on here, as it calls that.
        load_s: seconds to load both networks.
        trials: settings, in the order in which they were tried; every picture by itself.
        films: a video, with the same threads as the trials.
        live: a live run with the settings of `mimik live` and the best threads.
        stages: milliseconds a frame in each stage of that run.
    """

    processor: str
    cores: int
    runtime: str
    others: tuple[str, ...]
    load_s: float
    trials: tuple[Trial, ...]
    films: tuple[Film, ...]
    live: Live
    stages: dict[str, float]


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do, or to leave as it is.

    Attributes:
        text: in English, with named places.
        values: what fills them.
    """

    text: str
    values: dict[str, object] = field(default_factory=dict)


def advise(figures: Figures) -> list[Advice]:
    """What the figures say to do."""
    default = _trial(figures, LIVE_SIDE)
    advice = _threads(figures)
    if figures.others:
        advice.append(
            Advice(
                "ONNX Runtime also has {others} here; Mimik's networks are made for the processor and run on it.",
                {"others": ", ".join(figures.others)},
            )
        )
    if (floats := _floats(figures)) is not None:
        gain = floats.p50_ms / default.p50_ms
        if gain * _CLEARLY < 1:
            advice.append(
                Advice(
                    "--detector {detector} --model {model}, the networks in floating point, read {gain:.0f}% more "
                    "frames here.",
                    {"detector": floats.detector, "model": floats.model, "gain": 100 / gain - 100},
                )
            )
        else:
            advice.append(
                Advice(
                    "Leave --detector and --model as they are: in eight bits the networks read {gain:.1f} times as "
                    "many frames here as in floating point.",
                    {"gain": gain},
                )
            )
    quick = _trial(figures, 320)
    if figures.live.p95_ms <= _LATE_MS:
        advice.append(Advice("Live, every frame of a camera is read in time: leave --side as it is."))
    elif quick.p50_ms * _CLEARLY < default.p50_ms:
        advice.append(
            Advice(
                "Live, --side 320 reads {fps:.0f} frames a second instead of {before:.0f}; small faces are missed more "
                "often.",
                {"fps": quick.fps, "before": default.fps},
            )
        )
    large = next(t for t in figures.trials if t.width == SIZES[1][0])
    minutes = 60 * FPS / max(film.fps for film in figures.films)
    if minutes > 60:
        advice.append(
            Advice(
                "An hour of 1280×720 video takes `mimik analyze` about {minutes:.0f} minutes; with --fps 5, {few:.0f}.",
                {"minutes": minutes, "few": minutes * 5 / FPS},
            )
        )
    else:
        advice.append(
            Advice("An hour of 1280×720 video takes `mimik analyze` about {minutes:.0f} minutes.", {"minutes": minutes})
        )
    if large.p50_ms > 2 * _trial(figures, None).p50_ms:
        advice.append(
            Advice("Set the camera to 640×360 or so: larger pictures cost time and show near faces no better.")
        )
    return advice


def _threads(figures: Figures) -> list[Advice]:
    """For live commands, by how long a picture takes, and for videos, of which several turns are read at a time."""
    advice = []
    one, all_cores = (
        next((t for t in figures.trials if t.side == LIVE_SIDE and t.threads == threads), None) for threads in (1, 0)
    )
    if one and all_cores:
        if one.p50_ms * _CLEARLY < all_cores.p50_ms:
            gain = 100 * all_cores.p50_ms / one.p50_ms - 100
            advice.append(Advice("Live, --threads 1 reads {gain:.0f}% more frames here.", {"gain": gain}))
        elif all_cores.p50_ms * _CLEARLY < one.p50_ms:
            advice.append(Advice("Live, leave --threads as it is: all cores are faster than one."))
        else:
            advice.append(Advice("Live, --threads 1 is as fast here and leaves the other cores to others."))
    single, several = (next((f for f in figures.films if f.threads == threads), None) for threads in (1, 0))
    if single and several:
        gain = several.fps / single.fps
        text = "For `mimik analyze`, leave --threads as it is: all cores read {gain:.1f} times as many frames as one."
        if gain < _CLEARLY:
            text = "For `mimik analyze`, --threads 1 reads as many frames here and leaves the other cores to others."
        advice.append(Advice(text, {"gain": gain}))
    return advice


def _trial(figures: Figures, side: int | None) -> Trial:
    """The fastest at a side, in the small pictures."""
    floats = _floats(figures)
    found = (t for t in figures.trials if t.side == side and t.width == SIZES[0][0] and t is not floats)
    return min(found, key=lambda trial: trial.p50_ms)


def _floats(figures: Figures) -> Trial | None:
    """The one with the networks in floating point, where those in eight bits were tried, too."""
    first, last = figures.trials[0], next((t for t in figures.trials if t.detector == FLOATS["detector"]), None)
    return None if first.detector == FLOATS["detector"] else last
