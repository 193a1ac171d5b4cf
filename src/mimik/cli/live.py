"""``mimik live``, ``mimik demo`` and ``mimik serve``: one source, shown as a page, a window or text."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mimik.cli.doors import Doors
from mimik.cli.keeping import Keeper, Plan, planned
from mimik.cli.options import Wish
from mimik.cli.recording import Recorder, checked_path
from mimik.cli.stopping import Stop
from mimik.cli.terminal import Terminal, silence_stdout
from mimik.config import Settings
from mimik.errors import MimikError
from mimik.pipeline import Pipeline
from mimik.realtime import Realtime
from mimik.sources import Paced, open_source
from mimik.track import prepare_tracking
from mimik.types import Frame, FrameResult, Image, Notice, Source, SourceKind
from mimik.words import choose_language

if TYPE_CHECKING:
    from mimik.serve.scheduler import PictureReader

__all__ = ["Page", "Replication", "demonstrate", "print_lines", "show_page", "show_window"]

_RECORDED_FPS = 30.0
_NO_SESSION = Wish()


@dataclass(frozen=True, slots=True)
class Page:
    """Where the web page is served.

    Attributes:
        host: an address; only a loopback one without doors.
        port: 0: any free one; None: 8420 or one of the next.
        open_browser: show it.
        doors: who else may reach it; None: nobody.
    """

    host: str
    port: int | None
    open_browser: bool
    doors: Doors | None = None


@dataclass(frozen=True, slots=True)
class Replication:
    """Which cluster reads a server's pictures.

    Attributes:
        replicas: how many workers; None: one a processor core but one, which this process has.
        address: of Ray; None: what the environment says, or one of its own on this machine.
    """

    replicas: int | None
    address: str | None


def demonstrate(terminal: Terminal, settings: Settings, seconds: float, wish: Wish = _NO_SESSION) -> int:
    """Read the bundled source for some seconds; print a line a second and a closing table."""
    from mimik.cli.summary import Tally, closing_line, closing_table, second_line

    tally = Tally()
    with planned(terminal, wish) as plan:
        prepare_tracking()
        pipeline = Pipeline.load(settings)
        source = open_source("demo", notice=terminal.notice)
        with _kept(source, plan, pipeline, terminal) as keeper:
            with Stop(source.close) as stop, Realtime(source, pipeline.stream(source.kind)) as realtime:
                start = time.perf_counter()
                second = 1
                for result in realtime.results():
                    if not tally.frames:
                        # The seconds asked for are seconds of results: a cold start is not counted.
                        stop.limit(seconds)
                        start = time.perf_counter()
                    tally.add(result)
                    if keeper is not None:
                        keeper.read(result)
                    if time.perf_counter() - start >= second:
                        terminal.write(second_line(terminal, second, result, realtime.statistics()))
                        second += 1
                elapsed = time.perf_counter() - start
            terminal.out.print(closing_table(terminal, tally))
            terminal.write(closing_line(terminal, tally, elapsed))
    return stop.exit_code or _session_code(keeper)


def print_lines(
    terminal: Terminal,
    settings: Settings,
    spec: str,
    record: Path | None,
    seconds: float | None,
    wish: Wish = _NO_SESSION,
) -> int:
    """Print a JSON object a face and frame, until the source ends, the time is up, or nobody reads any more."""
    from mimik.sinks import JsonLinesSink

    record = record and checked_path(record)
    with planned(terminal, wish) as plan:
        prepare_tracking()
        pipeline = Pipeline.load(settings)
        opened = open_source(spec, notice=terminal.notice)
        with (
            _kept(opened, plan, pipeline, terminal) as keeper,
            _recorded(opened, record, terminal) as (source, recorder),
            Stop(source.close, seconds) as stop,
            JsonLinesSink(sys.stdout, attributes=pipeline.attributes) as lines,
        ):
            taking = _taking(recorder, keeper)
            try:
                for result in pipeline.run(source):
                    if taking is not None:
                        taking(result)
                    lines.write(result)
            except BrokenPipeError:
                silence_stdout()
    return stop.exit_code or _recording_code(terminal, recorder, record) or _session_code(keeper)


def show_window(
    terminal: Terminal,
    settings: Settings,
    spec: str,
    record: Path | None,
    seconds: float | None,
    wish: Wish = _NO_SESSION,
) -> int:
    """Show a desktop window until q, Esc, Ctrl-C, or the source's end."""
    from mimik.cli.window import HighGui, check_screen, show
    from mimik.sinks import Overlay

    check_screen()
    record = record and checked_path(record)
    overlay = Overlay(terminal.language)

    def draw(frame: Frame, result: FrameResult | None, recorder: Recorder | None) -> Image:
        if result is None:
            return frame.image
        if recorder is not None:
            recorder.read(result)
        return overlay.draw_on(frame.image, result.faces)

    with planned(terminal, wish) as plan:
        prepare_tracking()
        pipeline = Pipeline.load(settings)
        opened = open_source(spec, notice=terminal.notice)
        stream = pipeline.stream(opened.kind)
        with (
            _kept(opened, plan, pipeline, terminal) as keeper,
            _recorded(_paced(opened), record, terminal) as (source, recorder),
            Stop(source.close, seconds) as stop,
            Realtime(source, stream) as realtime,
            _followed(realtime, keeper),
        ):
            terminal.say("q or Esc in the window quits.")
            if keeper is not None:
                terminal.say("m in the window sets a marker.")
            show(
                realtime,
                lambda frame, result: draw(frame, result, recorder),
                HighGui(None if keeper is None else keeper.mark),
                lambda now: terminal.text(
                    "Mimik · {name} · {fps:.0f} fps, latency {latency:.0f} ms",
                    name=opened.name,
                    fps=now.capture_fps,
                    latency=now.latency_p50_ms,
                ),
                lambda: stop.wanted,
            )
    return stop.exit_code or _recording_code(terminal, recorder, record) or _session_code(keeper)


def show_page(
    terminal: Terminal,
    settings: Settings,
    spec: str | None,
    page: Page,
    record: Path | None = None,
    seconds: float | None = None,
    wish: Wish = _NO_SESSION,
    replication: Replication | None = None,
) -> int:
    """Serve the web page until Ctrl-C.

    Args:
        terminal: where to say what.
        settings: of the pipeline.
        spec: the source; None: each visitor's own camera.
        page: where to serve.
        record: also write the annotated source here.
        seconds: end after so long.
        wish: also keep the source as a session, and where the page's own sessions are kept.
        replication: what reads the pictures of requests; None: this process does.
    """
    from mimik.serve import create_app, serve
    from mimik.store import Store

    record = record and checked_path(record)

    def ready(address: str) -> None:
        terminal.say("Mimik is at {address}  (Ctrl-C ends it)", address=address)
        if seconds is not None:
            timer = threading.Timer(seconds, signal.raise_signal, (signal.SIGINT,))
            timer.daemon = True
            timer.start()

    def run(
        source: Callable[[Notice], Source] | Source | None,
        taking: Callable[[FrameResult], None] | None = None,
        pictures: PictureReader | None = None,
    ) -> None:
        app = create_app(
            pipeline,
            source=source,
            language=choose_language(terminal.asked) if terminal.asked else None,
            on_result=taking,
            store=(lambda: Store.open(wish.db)) if plan is None else plan.store,
            access=None if page.doors is None else page.doors.access(page.host),
            pictures=pictures,
        )
        transport = None if page.doors is None else page.doors.transport
        serve(app, page.host, page.port, page.open_browser, ready, terminal.notice, transport)

    with planned(terminal, wish) as plan:
        prepare_tracking()
        pipeline = Pipeline.load(settings)
        if spec is None:
            with _replicas(terminal, settings, pipeline, replication) as pictures:
                run(None, pictures=pictures)
            return 0
        opened = open_source(spec, notice=terminal.notice)
        if record is None and plan is None:
            # It can be opened, or we would not be here. It is opened again when somebody presses Start in the page.
            opened.close()
            run(lambda notice: open_source(spec, notice=notice))
            return 0
        with (
            _kept(opened, plan, pipeline, terminal) as keeper,
            _recorded(_paced(opened), record, terminal) as (source, recorder),
        ):
            try:
                run(source, _taking(recorder, keeper))
            finally:
                source.close()
    return _recording_code(terminal, recorder, record) or _session_code(keeper)


@contextmanager
def _replicas(
    terminal: Terminal, settings: Settings, pipeline: Pipeline, replication: Replication | None
) -> Iterator[PictureReader | None]:
    """What reads a server's pictures elsewhere; None: nothing does."""
    if replication is None:
        yield None
        return
    from mimik.cluster import connected
    from mimik.cluster.replicas import replicated

    with (
        connected(replication.address, terminal.remark) as connection,
        replicated(connection, settings, pipeline, replication.replicas) as replicas,
    ):
        yield replicas


def _paced(source: Source) -> Source:
    """The source, at the pace of its own time."""
    return source if source.kind is SourceKind.LIVE else Paced(source)


def _taking(recorder: Recorder | None, keeper: Keeper | None) -> Callable[[FrameResult], None] | None:
    """What hands a result to whoever keeps it; None where nobody does."""
    takers = [taker.read for taker in (recorder, keeper) if taker is not None]
    if not takers:
        return None

    def take(result: FrameResult) -> None:
        for taker in takers:
            taker(result)

    return take


@contextmanager
def _kept(source: Source, plan: Plan | None, pipeline: Pipeline, terminal: Terminal) -> Iterator[Keeper | None]:
    """What keeps the source as a session, where one is wanted."""
    if plan is None:
        yield None
        return
    try:
        keeper = Keeper(terminal, plan, source, pipeline.model)
    except MimikError:
        source.close()
        raise
    with keeper:
        yield keeper


@contextmanager
def _followed(realtime: Realtime, keeper: Keeper | None) -> Iterator[None]:
    """Hand every result of a live run to what keeps it, in a thread of its own."""
    if keeper is None:
        yield
        return

    def follow() -> None:
        with suppress(MimikError):  # whoever shows the run tells of it
            for result in realtime.results():
                keeper.read(result)

    thread = threading.Thread(target=follow, name="mimik-follow", daemon=True)
    thread.start()
    try:
        yield
    finally:
        realtime.close()
        thread.join(timeout=5)


def _session_code(keeper: Keeper | None) -> int:
    return 0 if keeper is None else keeper.exit_code


@contextmanager
def _recorded(source: Source, record: Path | None, terminal: Terminal) -> Iterator[tuple[Source, Recorder | None]]:
    """The source, and what records it on the way."""
    if record is None:
        yield source, None
        return
    from mimik.sinks import AnnotatedVideo

    with Recorder(source, AnnotatedVideo(record, _RECORDED_FPS, terminal.language), terminal) as recorder:
        yield recorder, recorder


def _recording_code(terminal: Terminal, recorder: Recorder | None, record: Path | None) -> int:
    """Say where the recording is; 1 where it ended too early."""
    if recorder is None:
        return 0
    if recorder.failed:
        return 1
    if recorder.written:
        terminal.say("Recorded {count} frames: {path}", count=recorder.written, path=record)
    else:
        terminal.warn("Nothing was recorded: no frame came.")
    return 0
