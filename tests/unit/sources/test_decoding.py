"""Times from time stamps that are missing, in disorder or set anew; pictures whose colours are made when asked for."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.align import FaceAligner
from mimik.gate import QualityGate
from mimik.sources import VideoFile
from mimik.sources.decoding import Colours, DecodedPicture, Timeline
from mimik.types import Detection, Frame, Gray, Image
from tests.faces import collins, hopper
from tests.media import write_video
from tests.unit.test_gate import COLLINS, HOPPER


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


def decoded(image: Image, form: str, full_range: bool = False) -> VideoFrame:
    """A frame as a decoder of such pixels gives it."""
    frame = VideoFrame.from_ndarray(image, format="bgr24")
    return frame.reformat(format=form, dst_color_range=ColorRange.JPEG if full_range else None)


def luma_of(image: Image) -> Gray:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def apart(one: Gray, other: Gray) -> tuple[float, float]:
    """Mean and all but largest difference, gray values."""
    difference = np.abs(one.astype(np.int16) - other)
    return float(difference.mean()), float(np.percentile(difference, 99))


def own_plane(picture: DecodedPicture) -> bool:
    """Whether its luma lies where the decoder put it."""
    return np.shares_memory(picture.gray, np.frombuffer(memoryview(picture._frame.planes[0]), np.uint8))


OWN = ("yuv420p", "yuv422p", "yuv444p", "nv12", "nv21", "gray")
MADE = ("rgb24", "bgr24", "yuv420p10le", "yuyv422", "gbrp")


@pytest.mark.parametrize("form", [*OWN, "yuvj420p", *MADE])
@pytest.mark.parametrize("picture", [collins, hopper])
def test_luma_is_that_of_the_colours(form: str, picture: Callable[[], Image]) -> None:
    """In broadcast range, in full range, and where the decoder gives no luma in bytes."""
    lazy = DecodedPicture(decoded(picture(), form))
    mean, most = apart(lazy.gray, luma_of(lazy.image))
    assert mean < 1.5
    assert most <= 3
    assert lazy.gray.dtype == np.uint8
    assert lazy.gray.shape == lazy.image.shape[:2]
    assert lazy.size == (lazy.image.shape[1], lazy.image.shape[0])
    if form in MADE:
        assert (mean, most) == (0, 0), "made from the colours"


@pytest.mark.parametrize("form", ["yuv420p", "yuv444p", "nv12"])
def test_full_range_is_seen_by_the_frames_own_word(form: str) -> None:
    lazy = DecodedPicture(decoded(collins(), form, full_range=True))
    mean, most = apart(lazy.gray, luma_of(lazy.image))
    assert mean < 1.5
    assert most <= 3
    assert own_plane(lazy), "as the decoder gave it, not a copy"
    assert not own_plane(DecodedPicture(decoded(collins(), form))), "stretched from broadcast range"


def test_black_and_white_are_black_and_white() -> None:
    for form, full_range in (("yuv420p", False), ("yuv420p", True), ("yuvj420p", False), ("yuv420p10le", False)):
        for value in (0, 255):
            gray = DecodedPicture(decoded(np.full((48, 64, 3), value, np.uint8), form, full_range)).gray
            assert np.abs(gray.astype(int) - value).max() <= 2, (form, full_range, value)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 150), st.integers(2, 150), st.sampled_from(["yuv420p", "yuvj420p", "yuv444p", "nv12"]))
def test_pictures_of_any_size(width: int, height: int, form: str) -> None:
    """Rows that lie further apart than they are long, odd sides."""
    image = np.asarray(cv2.resize(hopper(), (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    lazy = DecodedPicture(decoded(image, form))
    assert lazy.gray.shape == (height, width)
    assert apart(lazy.gray, luma_of(lazy.image))[0] < 4


def test_each_form_is_made_once_when_asked_for() -> None:
    class Counted(Colours):
        made = 0

        def bgr(self, frame: VideoFrame) -> Image:
            self.made += 1
            return super().bgr(frame)

    colours = Counted()
    lazy = DecodedPicture(decoded(collins(), "yuv420p"), colours)
    frame = Frame(lazy, 3, 0.1)
    assert frame.size == (512, 512)
    assert frame.pixels is lazy.gray is frame.pixels
    assert frame.without_pixels().size == (512, 512)
    assert colours.made == 0
    assert frame.image is lazy.image is frame.image
    assert colours.made == 1
    assert np.array_equal(frame.image, DecodedPicture(decoded(collins(), "yuv420p")).image)
    rgb = DecodedPicture(decoded(collins(), "rgb24"), colours)
    assert (rgb.gray.shape, rgb.image.shape, colours.made) == ((512, 512), (512, 512, 3), 2)


def test_threads_may_share_what_makes_colours() -> None:
    """Frames of one video are read by several."""
    colours = Colours()
    images = [np.roll(collins(), 40 * number, axis=1) for number in range(8)] * 4
    alone = [DecodedPicture(decoded(image, "yuv420p")).image for image in images[:8]] * 4
    with ThreadPoolExecutor(4) as pool:
        lazy = [DecodedPicture(decoded(image, "yuv420p"), colours) for image in images]
        together = list(pool.map(lambda each: each.image, lazy))
    assert all(np.array_equal(one, two) for one, two in zip(together, alone, strict=True))


def test_luma_outlives_its_frame(tmp_path: Path) -> None:
    """The decoder uses its buffers again only when nobody looks at them any more."""
    path = write_video(tmp_path / "a.avi", (np.full((48, 64, 3), 8 * n, np.uint8) for n in range(30)), codec="mjpeg")
    kept = [(frame.pixels, frame.pixels.copy()) for frame in VideoFile(path)]
    assert len(kept) == 30
    assert all(np.array_equal(gray, then) for gray, then in kept)
    assert len({int(gray[24, 32]) for gray, _ in kept}) > 25


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_luma_is_turned_as_colours_are(tmp_path: Path, rotation: int, mirrored: bool) -> None:
    """All eight ways in which a picture may lie in its file."""
    image = np.asarray(cv2.resize(hopper(), (320, 240)), np.uint8)
    path = write_video(tmp_path / "a.mp4", [image] * 2, rotation=rotation, mirrored=mirrored, options={"crf": "10"})
    # A player turns counter-clockwise and then mirrors.
    upright = np.rot90(image, rotation // 90)
    upright = upright[:, ::-1] if mirrored else upright
    for frame in VideoFile(path):
        assert frame.size == (upright.shape[1], upright.shape[0])
        assert frame.pixels.shape == upright.shape[:2]
        assert apart(frame.pixels, luma_of(frame.image))[0] < 1.5
        assert apart(frame.pixels, luma_of(np.ascontiguousarray(upright)))[0] < 4


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("picture", "face"), [(collins, COLLINS), (hopper, HOPPER)])
def test_faces_are_judged_and_cut_out_of_luma_as_out_of_colours(
    picture: Callable[[], Image], face: Detection, full_range: bool
) -> None:
    lazy = DecodedPicture(decoded(picture(), "yuv420p", full_range))
    cuts = [FaceAligner().align(pixels, face) for pixels in (lazy.gray, lazy.image)]
    assert cuts[0].shape == cuts[1].shape == (48, 48)
    assert apart(cuts[0], cuts[1])[0] < 1.5
    luma, colours = (QualityGate().judge(pixels, face) for pixels in (lazy.gray, lazy.image))
    assert luma.reason is colours.reason is None
    assert luma.score == pytest.approx(colours.score, abs=0.05)


@pytest.mark.parametrize("factor", [0.1, 1.0, 6.0])
def test_luma_and_colours_are_withheld_for_the_same_reason(factor: float) -> None:
    image = np.clip(hopper() * factor, 0, 255).astype(np.uint8)
    lazy = DecodedPicture(decoded(image, "yuv420p"))
    luma, colours = (QualityGate().judge(pixels, HOPPER) for pixels in (lazy.gray, lazy.image))
    assert luma.reason is colours.reason
