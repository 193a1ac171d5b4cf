"""When the whole picture is searched, when faces are moved on, and when they are looked for near their places."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.detect import FaceFinder, Nearby
from mimik.types import Box, Detection, Frame, Gray, Image, SourceKind
from tests.fakes import FakeDetector, detection, fake_pipeline
from tests.unit.detect.test_flow import texture

STEP = 2
"""Pixels by which the pictures move to the right from frame to frame."""
SEARCH = "search"


class Colourless:
    """A decoder's picture; counts how often it was asked for colours."""

    def __init__(self, gray: Gray) -> None:
        self.gray = gray
        self.asked = 0

    @property
    def size(self) -> tuple[int, int]:
        return self.gray.shape[1], self.gray.shape[0]

    @property
    def image(self) -> Image:
        self.asked += 1
        return np.asarray(cv2.cvtColor(self.gray, cv2.COLOR_GRAY2BGR), np.uint8)


class Watcher(Nearby):
    """Finds what it is told, and remembers what it was asked.

    Attributes:
        found: in whole pictures.
        near: what looking near places gives: the faces there, unless a test says otherwise.
        asked: `SEARCH`, or the left edges near which it was asked to look.
        dimensions: of the pictures in which it looked near places.
    """

    def __init__(self, *found: Detection) -> None:
        self.found = found
        self.near: Callable[[Sequence[Box]], tuple[Detection, ...] | None] = lambda near: tuple(
            Detection(box, 0.6) for box in near
        )
        self.asked: list[str | list[int]] = []
        self.dimensions: list[int] = []

    def detect(self, image: Image) -> tuple[Detection, ...]:
        assert image.ndim == 3
        self.asked.append(SEARCH)
        return self.found

    def detect_near(self, pixels: Image | Gray, near: Sequence[Box]) -> tuple[Detection, ...] | None:
        self.asked.append([round(box.x1) for box in near])
        self.dimensions.append(pixels.ndim)
        return self.near(near)


LEFT, RIGHT = detection(60, 80, 60), detection(220, 90, 60)


def picture(number: int, seed: int = 0) -> Image:
    """A patchwork that moves to the right, in even colours."""
    moved = np.roll(texture(seed, 60, 400, 240), number * STEP, axis=1)
    return np.asarray(cv2.cvtColor(moved, cv2.COLOR_GRAY2BGR), np.uint8)


def finder(detector: Nearby, turn_s: float = 0.5) -> FaceFinder:
    return FaceFinder(detector, fake_pipeline(turn_s=turn_s).turn)


def lefts(found: Sequence[Detection]) -> list[float]:
    return [face.box.x1 for face in found]


def follow(
    detector: Watcher, times: Sequence[float], turn_s: float = 0.5, pictures: Sequence[Image] | None = None
) -> list[list[float]]:
    """The left edges of what is found, frame by frame."""
    one = finder(detector, turn_s)
    shown = pictures or [picture(number) for number in range(len(times))]
    return [
        lefts(one.find(Frame(image, n, time_s))) for n, (time_s, image) in enumerate(zip(times, shown, strict=True))
    ]


def test_it_searches_at_each_turn_and_moves_the_faces_on_between() -> None:
    detector = Watcher(LEFT, RIGHT)
    found = follow(detector, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.7])
    assert detector.asked == [SEARCH] * 3
    moved = [[60 + STEP * n, 220 + STEP * n] for n in range(5)]
    for here, expected in zip(found, [*moved, *moved[:2], moved[0]], strict=True):
        assert here == pytest.approx(expected, abs=0.5)


@given(st.floats(0.02, 60), st.integers(1, 60))
def test_a_frame_at_the_very_turn_is_searched(turn_s: float, turns: int) -> None:
    detector = Watcher(LEFT)
    follow(detector, [turns * turn_s - turn_s / 4, turns * turn_s], turn_s)
    assert detector.asked == [SEARCH, SEARCH]


def test_while_nobody_is_known_it_searches() -> None:
    detector = Watcher()
    assert follow(detector, [0, 0.1, 0.2]) == [[], [], []]
    assert detector.asked == [SEARCH] * 3
    detector.found = (LEFT,)
    detector.asked.clear()
    follow(detector, [0, 0.1, 0.2])
    assert detector.asked == [SEARCH]


def test_nought_searches_every_frame() -> None:
    detector = Watcher(LEFT)
    assert follow(detector, [0, 0.1, 0.2], turn_s=0) == [[60]] * 3
    assert detector.asked == [SEARCH] * 3


def hidden(number: int, face: Detection) -> Image:
    """The picture of a moment in which something passes before a face that has been moved on till then."""
    image = picture(number)
    left, upper = int(face.box.x1) - 25 + number * STEP, int(face.box.y1) - 25
    image[upper : upper + 110, left : left + 110] = 90
    return image


def test_a_face_that_is_lost_is_looked_for_near_its_place_and_the_others_are_moved_on() -> None:
    detector = Watcher(LEFT, RIGHT)
    detector.near = lambda near: (detection(230, 90, 60, score=0.95),)
    found = follow(detector, [0, 0.1, 0.2, 0.3], pictures=[picture(0), picture(1), hidden(2, RIGHT), hidden(3, RIGHT)])
    assert detector.asked == [SEARCH, [222], [230]], "from the second frame on"
    assert [sorted(here) for here in found[2:]] == [
        pytest.approx([64, 230], abs=0.5),
        pytest.approx([66, 230], abs=0.5),
    ]


def test_a_face_that_is_not_found_near_its_place_either_has_the_whole_picture_searched_at_once() -> None:
    detector = Watcher(LEFT, RIGHT)
    detector.near = lambda near: None
    found = follow(detector, [0, 0.1, 0.2], pictures=[picture(0), hidden(1, RIGHT), picture(1)])
    assert detector.asked == [SEARCH, [220], SEARCH, [220], SEARCH]
    assert found == [[60, 220]] * 3


def test_a_neighbour_who_is_known_is_not_taken_for_a_lost_face() -> None:
    detector = Watcher(LEFT, RIGHT)
    detector.near = lambda near: (detection(62, 80, 60),)
    follow(detector, [0, 0.1], pictures=[picture(0), hidden(1, RIGHT)])
    assert detector.asked == [SEARCH, [220], SEARCH]


def test_who_has_left_is_forgotten() -> None:
    detector = Watcher(LEFT)
    one = finder(detector)
    one.find(Frame(picture(0), 0, 0))
    detector.near, detector.found = (lambda near: None), ()
    assert one.find(Frame(hidden(1, LEFT), 1, 0.1)) == ()
    assert one.find(Frame(picture(2), 2, 0.2)) == ()
    assert detector.asked == [SEARCH, [60], SEARCH, SEARCH]


@pytest.mark.parametrize(("gap_s", "looks"), [(0.04, False), (0.2, False), (0.21, True), (5.0, True), (-0.1, True)])
def test_frames_far_apart_are_not_compared(gap_s: float, looks: bool) -> None:
    """Nor is one that comes before the last."""
    detector = Watcher(LEFT)
    (found,) = follow(detector, [10, 10 + gap_s], turn_s=60)[1]
    assert detector.asked == ([SEARCH, [60]] if looks else [SEARCH])
    assert found == pytest.approx(60 if looks else 62, abs=0.5)


def test_after_a_gap_faces_are_moved_on_again() -> None:
    detector = Watcher(LEFT)
    found = follow(detector, [0, 1, 1.1, 1.2], turn_s=60)
    assert detector.asked == [SEARCH, [60]]
    assert [here[0] for here in found] == pytest.approx([60, 60, 62, 64], abs=0.5)


def test_pictures_of_another_size_are_not_compared() -> None:
    detector = Watcher(LEFT)
    small = picture(1)[:200, :300]
    found = follow(detector, [0, 0.1, 0.2], pictures=[picture(0), small, np.roll(small, STEP, axis=1)])
    assert detector.asked == [SEARCH, [60]]
    assert [here[0] for here in found] == pytest.approx([60, 60, 62], abs=0.5)


def test_who_is_met_beside_a_lost_face_is_moved_on_from_there() -> None:
    detector = Watcher(LEFT)
    detector.near = lambda near: (LEFT, detection(170, 80, 60))
    found = follow(detector, [0, 0.1, 0.2], pictures=[picture(0), picture(1, seed=1), picture(2, seed=1)])
    assert detector.asked == [SEARCH, [60]]
    assert sorted(found[2]) == pytest.approx([62, 172], abs=0.5)


def test_a_face_both_moved_on_and_met_again_comes_once() -> None:
    """What looks for one face may see another whose place is known."""
    detector = Watcher(LEFT, RIGHT)
    detector.near = lambda near: (detection(223, 91, 60, 0.95), detection(64, 82, 60, 0.7))
    found = follow(detector, [0, 0.1], pictures=[picture(0), hidden(1, RIGHT)])
    assert detector.asked == [SEARCH, [220]]
    assert found[1][0] == 223, "the best first"
    assert len(found[1]) == 2


def test_colours_are_asked_for_at_turns_alone() -> None:
    """A decoder's luma does for following and for looking near places."""
    detector = Watcher(LEFT, RIGHT)
    one, shown = finder(detector), []
    for number in range(10):
        image = hidden(number, RIGHT) if number == 3 else picture(number)
        shown.append(Colourless(np.ascontiguousarray(image[..., 0])))
        one.find(Frame(shown[-1], number, number / 10))
    assert [each.asked for each in shown] == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert detector.asked == [SEARCH, [224], [224], SEARCH]
    assert detector.dimensions == [2, 2]


def test_luma_and_colours_are_followed_alike() -> None:
    found = []
    for gray in (False, True):
        one = finder(Watcher(LEFT, RIGHT))
        for number in range(5):
            image = picture(number)
            shown = one.find(Frame(Colourless(image[..., 0].copy()) if gray else image, number, number / 10))
        found.append([face.box for face in shown])
    assert found[0] == found[1]


class Scattered(FakeDetector):
    """Finds faces by the picture's first gray, so that each search gives others."""

    def pixels(self, width: int, height: int) -> int:
        return width * height

    def detect(self, image: Image) -> tuple[Detection, ...]:
        random = np.random.default_rng(int(image.sum()))
        return tuple(detection(x, 90, 60) for x in random.uniform((20, 200), (120, 300)))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.floats(0.1, 1.5))
def test_whoever_begins_at_a_turn_finds_what_one_who_began_before_it_would(turns: int, turn_s: float) -> None:
    pipeline = fake_pipeline(turn_s=turn_s)
    frames = [Frame(picture(number), number, number * 0.09) for number in range(30)]
    whole = FaceFinder(Nearby(Scattered()), pipeline.turn)
    boxes = [[face.box for face in whole.find(frame)] for frame in frames]
    begins = [n for n in range(30) if pipeline.turn(frames[n].time_s, frames[n - 1].time_s if n else None)]
    first = begins[min(turns, len(begins) - 1)]
    rest = FaceFinder(Nearby(Scattered()), pipeline.turn)
    assert [[face.box for face in rest.find(frame)] for frame in frames[first:]] == boxes[first:]


@pytest.mark.parametrize("kind", [SourceKind.LIVE, SourceKind.VIDEO])
def test_each_stream_follows_its_own_faces(kind: SourceKind) -> None:
    detector = Watcher(LEFT)
    pipeline = fake_pipeline(finder=lambda: finder(detector), turn_s=0.5)
    one, other = pipeline.stream(kind), pipeline.stream(kind)
    assert lefts(one.find(Frame(picture(0), 0, 0.0))) == [60]
    detector.found = (RIGHT,)
    assert lefts(other.find(Frame(picture(0), 0, 0.0))) == [220]
    for number in range(1, 4):
        frame = Frame(picture(number), number, number / 10)
        assert lefts(one.find(frame)) == pytest.approx([60 + STEP * number], abs=0.5)
        (face,) = other.process(frame).faces
        assert face.detection.box.x1 == pytest.approx(220 + STEP * number, abs=0.5)
    assert detector.asked == [SEARCH, SEARCH]


def test_pictures_that_stand_alone_are_searched() -> None:
    """By the detector, whatever finds faces in videos."""
    never = fake_pipeline(LEFT, finder=lambda: finder(Watcher()))
    stream = never.stream(SourceKind.PICTURES)
    assert [lefts(stream.find(Frame(picture(number)))) for number in range(3)] == [[60]] * 3
    assert lefts(never.find(picture(0))) == [60]


def test_without_a_finder_every_frame_is_searched() -> None:
    pipeline = fake_pipeline(LEFT)
    stream = pipeline.stream(SourceKind.VIDEO)
    found = [lefts(stream.find(Frame(Colourless(picture(n)[..., 0].copy()), n, n / 30))) for n in range(3)]
    assert found == [[60]] * 3
