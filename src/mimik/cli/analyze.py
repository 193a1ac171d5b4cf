"""``mimik analyze``: a progress bar around `mimik.analysis`, and what is said when it is done."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from mimik.analysis import Engine, Summary, analyse, open_input
from mimik.analysis import Progress as Step
from mimik.cli.arguments import parse_formats
from mimik.cli.films import Films
from mimik.cli.keeping import planned, say_next
from mimik.cli.options import Wish
from mimik.cli.stopping import Stop
from mimik.cli.terminal import Terminal
from mimik.config import Settings
from mimik.errors import ConfigError, SourceError
from mimik.pipeline import Pipeline
from mimik.sinks import TABLE_SINKS
from mimik.sources import expand_inputs
from mimik.sources.opening import VIDEO_SUFFIXES
from mimik.track import prepare_tracking
from mimik.types import Frame, Source
from mimik.words import numeral

__all__ = ["Cluster", "analyze"]

_NO_SESSION = Wish()


def analyze(
    terminal: Terminal,
    settings: Settings,
    inputs: Sequence[str],
    output: Path,
    *,
    formats: str,
    annotate: bool,
    anonymise: bool,
    fps: float | None,
    as_json: bool,
    wish: Wish = _NO_SESSION,
    cluster: Cluster | None = None,
) -> int:
    """Analyse the inputs and tell how it went.

    Args:
        terminal: where to say what.
        settings: of the pipeline.
        inputs: as they were typed.
        output: the folder for the results.
        formats: as they were typed.
        annotate: also draw the results in.
        anonymise: make faces unrecognisable there.
        fps: frames a second to read; None: all.
        as_json: tell how it went as JSON.
        wish: also keep the videos as sessions.
        cluster: the cluster that reads them; None: this process does.

    Returns:
        0 all inputs were read, 1 some were not or a session lacks something, 2 none was, 130 interrupted.
    """
    chosen = parse_formats(formats, TABLE_SINKS)
    if anonymise and not annotate:
        raise ConfigError("--anonymize hides faces in what --annotate writes. Give both.")
    stop = Event()
    teller = _Teller(terminal)
    with planned(terminal, wish) as plan:
        if any(Path(each).suffix.lower() in VIDEO_SUFFIXES for each in inputs):
            prepare_tracking()
        pipeline = Pipeline.load(settings)
        paths = expand_inputs(inputs)
        films = None if plan is None else Films(terminal, plan, paths, pipeline.model)
        reading = _engine(terminal, settings, pipeline, cluster, teller)
        with reading as engine, _progress(terminal) as tell, Stop(stop.set):
            summary = analyse(
                pipeline,
                paths,
                output,
                formats=chosen,
                annotate=annotate,
                anonymise=anonymise,
                language=terminal.language,
                fps=fps,
                progress=tell,
                stop=stop,
                opener=teller.open,
                keep=None if films is None else films.keep,
                engine=engine,
            )
    if as_json:
        values = dataclasses.asdict(summary) | {"files": [str(path) for path in summary.files]}
        if films is not None:
            values["sessions"] = films.sessions
        terminal.write(json.dumps(values, ensure_ascii=False))
    else:
        terminal.out.print(_table(terminal, summary))
        for path in summary.files:  # not in the table, which would shorten long ones
            terminal.out.print(terminal.text("Written: {path}", path=path), markup=False, soft_wrap=True)
    if plan is not None and films is not None:
        for session in films.sessions:
            say_next(terminal, plan, session)
    if summary.interrupted:
        terminal.say("Interrupted. The same command continues where it was.")
        return 130
    if summary.failed:
        terminal.warn(
            "{failed} of {inputs} inputs failed; their rows say why.", failed=summary.failed, inputs=summary.inputs
        )
        return 1 if summary.frames else 2
    return int(films is not None and films.failed)


@dataclasses.dataclass(frozen=True, slots=True)
class Cluster:
    """Which cluster does the work.

    Attributes:
        address: of Ray; None: what the environment says, or one of its own on this machine.
        workers: most of them; None: one a processor core.
    """

    address: str | None = None
    workers: int | None = None


@contextmanager
def _engine(
    terminal: Terminal, settings: Settings, pipeline: Pipeline, cluster: Cluster | None, teller: _Teller
) -> Iterator[Engine | None]:
    """What reads the inputs; None: this process."""
    if cluster is None:
        yield None
        return
    from mimik.cluster import connected

    with connected(cluster.address, terminal.remark) as connection:
        from mimik.cluster import RayEngine

        yield RayEngine(connection, settings, pipeline, teller.notice, cluster.workers)


class _Teller:
    """Opens inputs, and tells people at once, and once, why one fails. The analysis writes it into the table, too."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._told: set[str] = set()

    def open(self, path: Path, start: int) -> Source:
        """Make a source of an input."""
        try:
            return _Telling(open_input(path, start, self.notice), self._tell)
        except SourceError as error:
            self._tell(error)
            raise

    def _tell(self, error: SourceError) -> None:
        self.notice(error.text, error.values)

    def notice(self, text: str, values: dict[str, object]) -> None:
        """Tell people of trouble with an input, once."""
        words = self._terminal.text(text, **values)
        if words not in self._told:  # damage is a notice and an error; what is drawn is read twice
            self._told.add(words)
            self._terminal.notice(text, values)


class _Telling:
    """A source that says why it breaks."""

    def __init__(self, source: Source, tell: Callable[[SourceError], None]) -> None:
        self.kind = source.kind
        self.name = source.name
        self.frame_count: int | None = getattr(source, "frame_count", None)
        self._source = source
        self._tell = tell

    def __iter__(self) -> Iterator[Frame]:
        try:
            yield from self._source
        except SourceError as error:
            self._tell(error)
            raise

    def close(self) -> None:
        self._source.close()


@contextmanager
def _progress(terminal: Terminal) -> Iterator[Callable[[Step], None]]:
    """A bar on standard error while work is done; none where nobody would see it move."""
    stages = {"read": terminal.text("Reading"), "annotate": terminal.text("Drawing")}
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
        TextColumn("{task.fields[left]}"),
        console=terminal.err,
        disable=terminal.quiet or not terminal.err.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task(stages["read"], total=1.0, speed="", left="")

        def tell(step: Step) -> None:
            bar.update(
                task,
                description=f"{stages[step.stage]} {step.input}/{step.inputs}",
                completed=step.fraction,
                speed=terminal.text("{speed:.0f} faces/s", speed=step.faces_per_s),
                left="" if step.left_s is None else terminal.text("{left} left", left=_clock(step.left_s)),
            )

        yield tell


def _clock(seconds: float) -> str:
    """``75.2`` → ``1:15``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _table(terminal: Terminal, summary: Summary) -> Table:
    lines = {
        "Inputs": numeral(summary.inputs, ",", terminal.language),
        "Failed": numeral(summary.failed, ",", terminal.language),
        "Frames": numeral(summary.frames, ",", terminal.language),
        "Faces": numeral(summary.faces, ",", terminal.language),
        "Faces a second": numeral(summary.faces_per_s, ".1f", terminal.language),
        "Time": _clock(summary.seconds),
    }
    if summary.resumed_frames:
        lines["Frames of an earlier run"] = numeral(summary.resumed_frames, ",", terminal.language)
    table = Table.grid(padding=(0, 2))
    for name, value in lines.items():
        table.add_row(terminal.text(name), value)
    return table
