"""Times from time stamps that are missing, in disorder or set anew."""

from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import cast

import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from hypothesis import given
from hypothesis import strategies as st

from mimik.sources.decoding import Timeline


def times(stamps: list[float | None]) -> list[float]:
    stream = SimpleNamespace(average_rate=Fraction(10), guessed_rate=None)
    timeline = Timeline(cast(VideoStream, stream))
    return [timeline.time(cast(VideoFrame, SimpleNamespace(time=stamp))) for stamp in stamps]


def test_times_count_from_the_first_frame() -> None:
    assert times([5.0, 5.5, 7.25]) == [0, 0.5, 2.25]


def test_a_missing_stamp_is_one_step_after_the_last() -> None:
    assert times([None, None, None]) == pytest.approx([0, 0.1, 0.2])
    assert times([3.0, None, 3.2]) == pytest.approx([0, 0.1, 0.2])
    assert times([None, 3.0, 3.5]) == pytest.approx([0, 0.1, 0.6])


def test_a_clock_set_anew_goes_on_where_it_was() -> None:
    assert times([0.0, 5.0, 0.0, 0.5]) == pytest.approx([0, 5.0, 5.1, 5.6])


@given(st.lists(st.one_of(st.none(), st.floats(-1e4, 1e4)), max_size=30))
def test_times_never_go_back(stamps: list[float | None]) -> None:
    result = times(stamps)
    assert all(a <= b for a, b in pairwise(result))
    assert not result or result[0] == 0
