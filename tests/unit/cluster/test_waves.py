"""Work in waves: begun soon, and in few of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

import pytest

from mimik.cluster import waves
from mimik.cluster.segments import Grid, Segment, Task
from mimik.cluster.waves import in_waves

TASK = Task(0, "a.mp4", "a.mp4", Grid(0.5, 2))


def pieces(count: int, pause_s: float = 0.0, stopped: Event | None = None) -> Iterator[list[Segment]]:
    for place in range(count):
        if stopped is not None and stopped.is_set():
            return
        time.sleep(pause_s)
        yield [Segment(TASK, place)]


def sizes(count: int, least: int, most: int) -> list[int]:
    made = list(in_waves(lambda over: pieces(count), lambda works: works, least, most, Event()))
    assert [segment.place for wave in made for (segment,) in wave] == list(range(count)), "all of them, in order"
    return [len(wave) for wave in made]


def test_what_is_cut_quickly_is_one_wave() -> None:
    assert sizes(50, 4, 100) == [50]
    assert sizes(0, 4, 100) == []
    assert sizes(25, 4, 10) == [10, 10, 5]


def test_the_first_wave_is_begun_before_all_is_cut_and_the_next_is_cut_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waves, "_GATHER_S", 0.0)
    begun, cut = Event(), Event()

    def cutting(over: Event) -> Iterator[list[Segment]]:
        for place, piece in enumerate(pieces(30)):
            if place == 4:
                assert begun.wait(60)
            yield piece
        cut.set()

    made = in_waves(cutting, lambda works: works, 4, 100, Event())
    assert len(next(made)) == 4
    begun.set()
    assert cut.wait(60), "while the first one is read"
    assert [len(wave) for wave in made] == [26]


def test_what_was_done_before_counts_for_no_wave() -> None:
    def fresh(works: Iterator[list[Segment]]) -> Iterator[list[Segment]]:
        return (work for work in works if work[0].place % 10 == 0)

    assert [len(wave) for wave in in_waves(lambda over: pieces(50), fresh, 2, 3, Event())] == [3, 2]  # type: ignore[arg-type]


def test_it_stops_at_once_and_cutting_with_it() -> None:
    stop, stopped = Event(), Event()

    def cutting(over: Event) -> Iterator[list[Segment]]:
        yield from pieces(10**6, 0.01, over)
        stopped.set()

    made = in_waves(cutting, lambda works: works, 10**5, 10**6, stop)
    stop.set()
    assert list(made) == []
    assert stopped.wait(5)


def test_what_cutting_raises_is_raised() -> None:
    def cutting(over: Event) -> Iterator[list[Segment]]:
        yield from pieces(3)
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        list(in_waves(cutting, lambda works: works, 4, 100, Event()))
