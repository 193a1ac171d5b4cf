"""``mimik watch``: many cameras on a cluster, a table of how they are, and what keeps their results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from rich.live import Live
from rich.table import Table

from mimik.cli.arguments import parse_formats
from mimik.cli.keeping import Plan, planned, say_next
from mimik.cli.options import Wish
from mimik.cli.stopping import Stop
from mimik.cli.terminal import Terminal
from mimik.cluster import connected
from mimik.cluster.camera import CameraState
from mimik.cluster.watch import CameraHealth, Take, Watch, camera_name, free_name
from mimik.config import Settings
from mimik.errors import ConfigError, StoreError
from mimik.pipeline import Pipeline
from mimik.sinks import CsvSink, JsonLinesSink
from mimik.sinks.whole import unwritable
from mimik.store import SessionWriter
from mimik.types import FrameResult
from mimik.words import numeral

__all__ = ["watch"]

_SINKS = {"jsonl": JsonLinesSink, "csv": CsvSink}
_STATES = {
    CameraState.WAITING: "waiting",
    CameraState.LIVE: "live",
    CameraState.AWAY: "away",
    CameraState.LOST: "lost",
    CameraState.ENDED: "ended",
    CameraState.FAILED: "cannot be read",
}


def watch(
    terminal: Terminal,
    settings: Settings,
    specs: Sequence[str],
    output: Path | None,
    *,
    formats: str,
    seconds: float | None,
    share: float,
    address: str | None,
    as_json: bool,
    wish: Wish,
) -> int:
    """Watch cameras until Ctrl-C, the time being up, or the end of all.

    Args:
        terminal: where to say what.
        settings: of the pipeline.
        specs: the cameras.
        output: the folder for their tables; None: there are none.
        formats: as they were typed.
        seconds: end after so long; None: never.
        share: processor cores that are set aside for a camera.
        address: of Ray; None: what the environment says, or one of its own.
        as_json: say how the cameras are as JSON, a line a camera and second.
        wish: also keep them as sessions.

    Returns:
        0, 1 where a camera could never be read, 130 after Ctrl-C.
    """
    chosen = parse_formats(formats, _SINKS)
    if len(set(specs)) < len(specs):
        twice = next(spec for spec in specs if specs.count(spec) > 1)
        raise ConfigError("{camera}: given twice. Give each camera once.", camera=camera_name(twice))
    for spec in specs:
        camera_name(spec)  # says what is wrong with it
    if output is not None:
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(output, error) from error
    stop = Event()
    with planned(terminal, wish) as plan, connected(address, terminal.remark):
        pipeline = Pipeline.load(settings)  # says here what is wrong with the models, rather than on every machine
        kept = _Kept(terminal, plan, output, chosen, pipeline, several=len(specs) > 1)
        cameras = Watch(specs, settings, kept.take, terminal.notice, share, pipeline.identity)
        with _table(terminal, as_json) as tell, Stop(stop.set, seconds) as stopping:
            health = cameras.run(stop, tell)
    if not as_json:
        terminal.out.print(_drawn(terminal, health))
    return stopping.exit_code or int(kept.failed or any(camera.state is CameraState.FAILED for camera in health))


class _Kept:
    """What keeps the cameras' results: a table each in the folder, and a session each in the store."""

    def __init__(
        self,
        terminal: Terminal,
        plan: Plan | None,
        output: Path | None,
        formats: Sequence[str],
        pipeline: Pipeline,
        several: bool,
    ) -> None:
        self.failed = False
        self._slugs: set[str] = set()
        self._terminal = terminal
        self._plan = plan
        self._output = output
        self._formats = formats
        self._pipeline = pipeline
        self._several = several
        # A second watch must not take the place of what the first one wrote.
        self._began = datetime.now(UTC).astimezone().strftime("%Y%m%d-%H%M%S")

    @contextmanager
    def take(self, camera: str) -> Iterator[Take]:
        """What takes a camera's results."""
        slug = free_name(_slug(camera), self._slugs, "{name}-{number}")
        self._slugs.add(slug)
        with ExitStack() as stack:
            takes: list[Take] = []
            for name in self._formats if self._output is not None else ():
                assert self._output is not None
                path = self._output / f"{slug}-{self._began}.{name}"
                takes.append(stack.enter_context(_SINKS[name](path, attributes=self._pipeline.attributes)).write)
            if self._plan is not None:
                takes.append(stack.enter_context(self._session(self._plan, camera)))

            def take(result: FrameResult) -> None:
                for each in takes:
                    each(result)

            yield take

    @contextmanager
    def _session(self, plan: Plan, camera: str) -> Iterator[Take]:
        """A session that begins with the camera's first frame."""
        title = f"{plan.draft.title} · {camera}" if self._several else plan.draft.title
        draft = replace(plan.draft, title=title, source=camera, live=True, model=self._pipeline.model)
        writer: SessionWriter | None = None
        lost = False

        def take(result: FrameResult) -> None:
            nonlocal writer, lost
            if writer is None and not lost:
                writer = SessionWriter(plan.store, draft, notice=self._terminal.notice, wall_clock=True)
                try:
                    writer.__enter__()
                except StoreError as error:
                    writer, lost, self.failed = None, True, True
                    self._terminal.warn(error.text, **error.values)
            if writer is not None:
                writer.write(result)

        try:
            yield take
        finally:
            if writer is not None:
                writer.__exit__(None, None, None)
                self.failed = self.failed or writer.lost_s > 0
                if not writer.deleted:
                    say_next(self._terminal, plan, writer.session.id)


def _slug(name: str) -> str:
    """A file's name for a camera: its letters and digits."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[-80:] or "camera"


@contextmanager
def _table(terminal: Terminal, as_json: bool) -> Iterator[Callable[[list[CameraHealth]], None]]:
    """What is told how the cameras are."""
    if as_json:
        yield lambda health: terminal.write("\n".join(json.dumps(camera.as_dict()) for camera in health))
        return
    shown = not terminal.quiet and terminal.err.is_terminal
    live = Live(console=terminal.err, transient=True, auto_refresh=False) if shown else None
    around: AbstractContextManager[object] = nullcontext() if live is None else live
    with around:
        yield lambda health: None if live is None else live.update(_drawn(terminal, health), refresh=True)


def _drawn(terminal: Terminal, health: Sequence[CameraHealth]) -> Table:
    table = Table(header_style="bold")
    for number, heading in enumerate(
        ("Camera", "State", "Frames/s", "Latency", "Dropped", "Last frame", "Restarts", "Machine", "Trouble")
    ):
        table.add_column(terminal.text(heading), justify="right" if 2 <= number <= 6 else "left")
    for camera in health:
        trouble = camera.trouble
        table.add_row(
            camera.camera.replace("[", r"\["),
            terminal.text(_STATES[camera.state]),
            numeral(camera.fps, ".1f", terminal.language),
            f"{camera.latency_p50_ms:.0f} ms",
            numeral(camera.dropped, ",", terminal.language),
            "" if camera.frame_age_s is None else f"{numeral(camera.frame_age_s, '.1f', terminal.language)} s",
            f"{camera.restarts}",
            camera.machine or "",
            "" if trouble is None else terminal.text(trouble.text, **trouble.values).replace("[", r"\["),
        )
    return table
