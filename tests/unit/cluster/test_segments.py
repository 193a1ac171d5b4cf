"""Inputs cut into segments, read apart with fakes and put together again: as if they had been read in one go."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimik.analysis import Job, analyse
from mimik.analysis.inputs import Spooled
from mimik.analysis.progress import Meter, Progress
from mimik.cluster.engine import _Run
from mimik.cluster.joining import Joiner
from mimik.cluster.reading import Reading, Told, read_segment
from mimik.cluster.segments import Grid, Segment, Task, cut
from mimik.errors import ConfigError
from mimik.pipeline import Pipeline
from mimik.sinks.spool import read_frames
from tests.media import demo_video, numbered_frames, write_video
from tests.unit.analysis.stages import pipeline as remembering_line

FORMATS = ("csv", "json")


def line() -> Pipeline:
    """Fakes whose ids and labels depend on every frame before, in turns of half a second."""
    made = remembering_line()
    made._turn_s = 0.5
    return made


class InPieces:
    """An engine that cuts and joins as the one on Ray does, and works in whatever order.

    Args:
        line: what reads.
        order: shuffles the work.
        twice: do every piece twice.
        segment_s: of the grid.
        stop_after: pieces after which it is stopped.
    """

    def __init__(
        self,
        line: Pipeline,
        order: random.Random,
        twice: bool = False,
        segment_s: float = 1.0,
        stop_after: int | None = None,
    ) -> None:
        self.line, self.order, self.twice, self.stop_after = line, order, twice, stop_after
        self.grid = Grid.plan(0.5, False, segment_s)
        self.pieces = 0

    def read(self, jobs: Sequence[Job], meter: Meter, stop: Event) -> list[Spooled]:
        with _Run(self.line, jobs, self.grid, meter, None) as run:
            tasks = run.tasks()
            while tasks and not stop.is_set():
                work = [segment for each in run.fresh(list(cut(task)) for task in tasks) for segment in each]
                work *= 2 if self.twice else 1
                self.order.shuffle(work)
                for segment in work:
                    run.take(read_segment(self.line, segment, jobs[0].fps))
                    self.pieces += 1
                    if self.pieces == self.stop_after:
                        stop.set()
                        return run.finished()
                tasks = run.left()
            return run.finished()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("films")
    steps = [0.01, 0.04, 0.3, 0.04] * 25
    return [
        write_video(folder / "a.mp4", numbered_frames(110, 64, 48), options={"g": "12", "bf": "2"}),
        write_video(folder / "b.avi", numbered_frames(60, 64, 48), codec="mpeg4"),  # is not cut
        write_video(
            folder / "c.mkv",
            numbered_frames(100, 64, 48),
            times=[sum(steps[:place]) for place in range(100)],
            options={"g": "12", "bf": "2"},
        ),
        folder / "none.mp4",
    ]


def tables(folder: Path) -> list[bytes]:
    return [(folder / f"faces.{name}").read_bytes() for name in FORMATS]


@pytest.mark.parametrize("fps", [None, 7.0, 0.9])
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 99), segment_s=st.sampled_from([0.5, 1.0, 2.5]))
def test_pieces_in_any_order_and_twice_give_the_same_bytes(
    films: list[Path], tmp_path_factory: pytest.TempPathFactory, fps: float | None, seed: int, segment_s: float
) -> None:
    folder = tmp_path_factory.mktemp("out")
    whole = analyse(line(), films, folder / "whole", formats=FORMATS, fps=fps)
    engine = InPieces(line(), random.Random(seed), twice=True, segment_s=segment_s)
    pieces = analyse(line(), films, folder / "pieces", formats=FORMATS, fps=fps, engine=engine)
    assert tables(folder / "pieces") == tables(folder / "whole")
    assert engine.pieces > 2 * len(films)
    assert (pieces.frames, pieces.faces, pieces.failed) == (whole.frames, whole.faces, whole.failed)
    assert not list((folder / "pieces").glob(".mimik*"))


def test_interrupted_it_goes_on_with_what_was_read(films: list[Path], tmp_path: Path) -> None:
    whole = analyse(line(), films, tmp_path / "whole", formats=FORMATS)
    everything = InPieces(line(), random.Random(1))
    analyse(line(), films, tmp_path / "once", formats=FORMATS, engine=everything)
    stop = Event()
    first = InPieces(line(), random.Random(1), stop_after=7)
    summary = analyse(line(), films, tmp_path / "out", formats=FORMATS, engine=first, stop=stop)
    assert summary.interrupted
    second = InPieces(line(), random.Random(2))
    again = analyse(line(), films, tmp_path / "out", formats=FORMATS, engine=second)
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")
    assert (again.frames, again.faces) == (whole.frames, whole.faces), "what waited from the first run counts, too"
    # Of each input at most the last turn of what was joined is read again, which is one piece more.
    assert second.pieces <= everything.pieces - 7 + len(films)


def test_what_one_process_began_the_cluster_goes_on_with_and_the_other_way_round(
    films: list[Path], tmp_path: Path
) -> None:
    analyse(line(), films, tmp_path / "whole", formats=FORMATS)
    for number, first in enumerate((None, InPieces(line(), random.Random(4), stop_after=5))):
        stop = Event()

        def halt(step: Progress, stop: Event = stop, first: object = first) -> None:
            if first is None and step.frames == 37:
                stop.set()

        out = tmp_path / str(number)
        analyse(line(), films, out, formats=FORMATS, engine=first, stop=stop, progress=halt)
        last = InPieces(line(), random.Random(5)) if first is None else None
        assert analyse(line(), films, out, formats=FORMATS, engine=last).resumed_frames > 0
        assert tables(out) == tables(tmp_path / "whole")


def test_a_deviation_is_read_again_from_the_beginning(films: list[Path], tmp_path: Path) -> None:
    whole = analyse(line(), films[:1], tmp_path / "whole", formats=FORMATS)

    class Deviating(InPieces):
        def read(self, jobs: Sequence[Job], meter: Meter, stop: Event) -> list[Spooled]:
            with _Run(self.line, jobs, self.grid, meter, None) as run:
                (task,) = run.tasks()
                for segment in reversed(list(cut(task))):
                    deviates = segment.place in (2, 3)
                    run.take(Reading(segment, deviated=True) if deviates else read_segment(self.line, segment, None))
                (rest,) = run.left()
                assert rest.whole
                assert rest.after is not None
                (segment,) = cut(rest)
                run.take(read_segment(self.line, segment, None))
                assert run.left() == []
                return run.finished()

    pieces = analyse(line(), films[:1], tmp_path / "out", formats=FORMATS, engine=Deviating(line(), random.Random(0)))
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")
    assert (pieces.frames, pieces.faces, pieces.resumed_frames) == (whole.frames, whole.faces, 0), "nothing twice"


def task(path: Path, grid: Grid | None = None) -> Task:
    return Task(0, str(path), path.name, grid or Grid.plan(0.5, False, 1.0))


def test_a_worker_lost_again_and_again_fails_its_input_alone(films: list[Path], tmp_path: Path) -> None:
    class Losing(InPieces):
        def read(self, jobs: Sequence[Job], meter: Meter, stop: Event) -> list[Spooled]:
            told: list[str] = []
            with _Run(self.line, jobs, self.grid, meter, lambda text, values: told.append(text)) as run:
                for each in run.tasks():
                    for segment in cut(each):
                        lost = each.number == 0 and segment.place == 2
                        run.take(Reading(segment, lost=True) if lost else read_segment(self.line, segment, None))
                assert len(told) == 1
                return run.finished()

    summary = analyse(line(), films[:2], tmp_path, formats=FORMATS, engine=Losing(line(), random.Random(0)))
    assert (summary.failed, summary.inputs) == (1, 2)
    assert b"its worker was lost 4 times" in tables(tmp_path)[0]


def test_an_input_that_ended_early_has_no_more_work(films: list[Path], tmp_path: Path) -> None:
    job, meter = Job.plan(films[0], tmp_path, "fakes", None), Meter("read", 1, None)
    with _Run(line(), [job], Grid.plan(0.5, False, 1.0), meter, None) as run:
        first, second, third, *_ = cut(run.tasks()[0])
        run.take(Reading(third, deviated=True))
        run.take(read_segment(line(), first, None))
        run.take(Reading(second, lost=True))
        assert list(run.fresh([[third]])) == [], "in a later wave"
        assert run.left() == []
        assert len(run.finished()) == 1


def test_a_segment_whose_file_is_gone_is_left_to_a_run_from_the_beginning(films: list[Path], tmp_path: Path) -> None:
    _, second, *_ = cut(task(films[0], Grid.plan(0.5, False, 1.0)))
    gone = replace(second, task=replace(second.task, path=str(tmp_path / "gone.mp4")))
    assert read_segment(line(), gone, None) == Reading(gone, deviated=True)


def test_trouble_with_a_machine_ends_the_run_and_keeps_the_work(films: list[Path], tmp_path: Path) -> None:
    class Troubled(InPieces):
        def read(self, jobs: Sequence[Job], meter: Meter, stop: Event) -> list[Spooled]:
            with _Run(self.line, jobs, self.grid, meter, None) as run:
                for each in run.tasks():
                    first, second, *_ = cut(each)
                    run.take(read_segment(self.line, first, None))
                    trouble = Told("The machine {machine} cannot read faces. {detail}", {"machine": "m", "detail": "d"})
                    run.take(Reading(second, trouble=trouble))
            return []

    with pytest.raises(ConfigError, match="machine m cannot read faces"):
        analyse(line(), films[:1], tmp_path, engine=Troubled(line(), random.Random(0)))
    summary = analyse(line(), films[:1], tmp_path)
    assert summary.resumed_frames > 0


def test_cuts_lie_where_turns_begin_and_no_frame_is_decoded_thrice(films: list[Path]) -> None:
    grid = Grid.plan(0.5, False, 1.0)
    segments = list(cut(task(films[0], grid)))
    assert [segment.place for segment in segments] == list(range(len(segments)))
    assert {segment.count for segment in segments} == {len(segments)}
    assert sum(segment.share for segment in segments) == pytest.approx(1)
    assert [segment.start for segment in segments] == [0, 25, 50, 75, 100]
    assert list(cut(task(films[1]))) == [Segment(task(films[1]))]
    # A file with one key frame: all of its parts would be decoded from the beginning.
    options = {"g": "250", "sc_threshold": "0"}
    sparse = write_video(films[0].with_name("sparse.mp4"), numbered_frames(110, 64, 48), options=options)
    assert len(list(cut(task(sparse)))) == 2


@pytest.mark.parametrize(
    ("search_s", "attributes", "grid"),
    [
        (0.5, False, Grid(0.5, 60)),
        (0.5, True, Grid(0.5, 60)),
        (0.3, True, Grid(0.3, 100)),
        (0.0, True, Grid(1.0, 30)),
        (40.0, False, Grid(40.0, 1)),
    ],
)
def test_the_grid_keeps_to_the_turns_of_search_and_looks(search_s: float, attributes: bool, grid: Grid) -> None:
    assert Grid.plan(search_s, attributes) == grid


def test_turns_are_the_pipelines_own() -> None:
    made, grid = line(), Grid.plan(0.5, False)
    times = [number / 1000 for number in range(0, 5000, 7)] + [0.499999, 0.5, 0.9999996]
    for before, after in zip(sorted(times), sorted(times)[1:], strict=False):
        assert made.turn(after, before) == (grid.turn(after) != grid.turn(before))


def test_real_faces_in_pieces(tmp_path: Path) -> None:
    """With the pieces' own readings checked one by one against the whole's."""
    film = demo_video(tmp_path / "d.mp4", seconds=3, size=(160, 90))
    job = Job.plan(film, tmp_path, "fakes", None)
    joiner = Joiner(job)
    for segment in reversed(list(cut(task(film)))):
        assert joiner.take(read_segment(line(), segment, None))
        assert not joiner.take(read_segment(line(), segment, None))
    spooled = joiner.joined()
    joiner.close()
    assert spooled is not None
    assert [frame.index for frame in read_frames(job.spool)] == list(range(75))
