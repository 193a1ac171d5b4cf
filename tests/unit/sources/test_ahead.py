"""Frames made in a thread of their own: the same, in order, few at a time; errors in their place; nothing left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.errors import SourceError
from mimik.sources import ahead
from mimik.types import Frame

PICTURE = np.zeros((4, 4, 3), np.uint8)


class Making:
    """Makes frames; may break after the last.

    Attributes:
        made: how many so far.
        thread: the name of the thread that makes them.
        closed: whether the making was ended.
    """

    def __init__(self, count: int, error: BaseException | None = None) -> None:
        self.made = 0
        self.thread = ""
        self.closed = False
        self._count = count
        self._error = error

    def __iter__(self) -> Iterator[Frame]:
        self.thread = threading.current_thread().name
        try:
            for index in range(self._count):
                self.made += 1
                yield Frame(PICTURE, index, index / 30)
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


def makers() -> int:
    return sum(thread.name == "mimik-decode" for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert makers() == 0


@settings(max_examples=30, deadline=None)
@given(count=st.integers(0, 60), room=st.integers(1, 8))
def test_all_frames_in_order(count: int, room: int) -> None:
    making = Making(count)
    assert [frame.index for frame in ahead(making, room)] == list(range(count))
    assert making.thread == "mimik-decode"
    assert making.closed


def test_they_are_made_while_those_before_are_worked_on_but_few() -> None:
    making = Making(1000)
    frames = ahead(making, 5)
    assert making.made == 0, "not before somebody asks"
    for taken in range(1, 4):
        next(frames)
        end = time.monotonic() + 20
        while making.made < taken + 5 and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(0.02)
        assert making.made in (taken + 5, taken + 6), "as many as there is room for, and one in hand"
    frames.close()
    assert making.made <= 3 + 7


@pytest.mark.parametrize(
    "error", [SourceError("{path}: broke.", path="a"), ValueError("a defect"), KeyboardInterrupt()]
)
@pytest.mark.parametrize("count", [0, 3, 20])
def test_an_error_comes_after_the_frames_before_it(error: BaseException, count: int) -> None:
    seen: list[Frame] = []
    with pytest.raises(type(error)) as raised:
        seen.extend(ahead(Making(count, error), 2))
    assert raised.value is error
    assert [frame.index for frame in seen] == list(range(count))


@pytest.mark.parametrize("taken", [1, 4])
def test_closed_early_it_ends_the_making(taken: int) -> None:
    """Also of a maker that waits for room."""
    making = Making(10_000)
    frames = ahead(making, 2)
    for _ in range(taken):
        next(frames)
    began_s = time.monotonic()
    frames.close()
    assert time.monotonic() - began_s < 5
    assert makers() == 0
    assert making.made <= taken + 4


def test_an_error_that_nobody_waits_for_is_let_go() -> None:
    frames = ahead(Making(3, SourceError("{path}: broke.", path="a")), 8)
    next(frames)
    frames.close()


def test_never_asked_it_makes_nothing() -> None:
    making = Making(5)
    ahead(making).close()
    assert making.made == 0
