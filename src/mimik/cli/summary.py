"""The demo's figures, as text: a line a second and a closing table."""

from __future__ import annotations

from collections import Counter, deque

from rich.table import Table

from mimik.cli.terminal import Terminal
from mimik.realtime import RealtimeStatistics
from mimik.types import Emotion, FrameResult, State
from mimik.words import EMOTION_COLOURS, emotion_name, reason_name, state_name

__all__ = ["Tally", "closing_line", "closing_table", "second_line"]

_BAR = 24
_LATENCIES = 18_000


class Tally:
    """Counts what a run read.

    Attributes:
        frames: results counted.
        labels: faces shown with each expression.
        withheld: faces whose reading was withheld.
        uncertain: faces shown with a question mark.
        latencies_ms: of the newest results, of ten minutes at 30 a second.
        dropped: frames passed over.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.labels: Counter[Emotion] = Counter()
        self.withheld = 0
        self.uncertain = 0
        self.latencies_ms: deque[float] = deque(maxlen=_LATENCIES)
        self.dropped = 0

    def add(self, result: FrameResult) -> None:
        """Count a frame."""
        self.frames += 1
        self.dropped += result.dropped
        self.latencies_ms.append(result.latency_ms)
        for face in result.faces:
            if face.label is None:
                self.withheld += 1
            else:
                self.labels[face.label] += 1
                self.uncertain += face.state is State.UNCERTAIN

    @property
    def faces(self) -> int:
        """All faces counted."""
        return self.labels.total() + self.withheld


def second_line(terminal: Terminal, second: int, result: FrameResult, statistics: RealtimeStatistics) -> str:
    """One second of a run, in a line."""
    people = []
    for face in result.faces:
        number = "" if face.track_id is None else f"#{face.track_id} "
        if face.label is None:
            reason = "" if face.reason is None else f" ({reason_name(face.reason, terminal.language)})"
            people.append(f"{number}{state_name(face.state, terminal.language)}{reason}")
        else:
            mark = "?" if face.state is State.UNCERTAIN else ""
            percent = terminal.text("{percent}%", percent=round(100 * face.emotions[face.label]))
            people.append(f"{number}{emotion_name(face.label, terminal.language)}{mark} {percent}")
    return terminal.text(
        "{second:>4} s  {people}  ·  {fps:.1f} fps, latency {p50:.0f} ms (p95 {p95:.0f}), dropped {dropped}",
        second=second,
        people=", ".join(people) or terminal.text("no face"),
        fps=statistics.result_fps,
        p50=statistics.latency_p50_ms,
        p95=statistics.latency_p95_ms,
        dropped=statistics.dropped,
    )


def closing_table(terminal: Terminal, tally: Tally) -> Table:
    """The whole run: shares of the expressions."""
    table = Table(
        title=terminal.text("{count} faces in {frames} frames", count=tally.faces, frames=tally.frames),
        header_style="bold",
    )
    table.add_column(terminal.text("Expression"))
    table.add_column(terminal.text("Share"), justify="right")
    table.add_column("", min_width=_BAR)
    for emotion in Emotion:
        share = tally.labels[emotion] / max(tally.faces, 1)
        bar = "█" * round(_BAR * share)
        table.add_row(
            emotion_name(emotion, terminal.language),
            terminal.text("{percent}%", percent=round(100 * share)),
            f"[{EMOTION_COLOURS[emotion]}]{bar}[/]" if bar else "",
        )
    share = tally.withheld / max(tally.faces, 1)
    name = state_name(State.WITHHELD, terminal.language)
    table.add_row(name[:1].upper() + name[1:], terminal.text("{percent}%", percent=round(100 * share)), "")
    return table


def closing_line(terminal: Terminal, tally: Tally, seconds: float) -> str:
    """The whole run: how fast it went."""
    import numpy as np

    p50, p95 = np.percentile(tally.latencies_ms, [50, 95]) if tally.latencies_ms else (0.0, 0.0)
    return terminal.text(
        "{fps:.1f} frames read a second, latency {p50:.0f} ms (p95 {p95:.0f} ms), {dropped} frames dropped",
        fps=tally.frames / max(seconds, 1e-3),
        p50=p50,
        p95=p95,
        dropped=tally.dropped,
    )
