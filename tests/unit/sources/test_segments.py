"""Parts of videos: the same frames, at the same times, as a run from the beginning gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimik.errors import SourceError
from mimik.sources import VideoFile
from mimik.sources.segments import Deviation, Part, VideoIndex, VideoPart, index_video
from mimik.types import Frame, Image
from tests.media import numbered, truncate, write_video

FRAMES = 120
FAST = {"preset": "ultrafast"}


@cache
def moving() -> tuple[Image, ...]:
    """Numbered pictures in which something moves, so that every frame depends on those before it."""
    rng = np.random.default_rng(3)
    texture = rng.integers(0, 255, (40, 40, 3), np.uint8)
    images = []
    for number in range(FRAMES):
        image = numbered(number, 160, 120)
        x, y = 60 + int(50 * np.sin(number / 9)), 50 + int(20 * np.cos(number / 7))
        image[y : y + 40, x : x + 40] = texture
        images.append(image)
    return tuple(images)


def uneven() -> list[float]:
    steps = np.random.default_rng(5).choice([0.01, 0.04, 0.08, 0.3], FRAMES)
    return [float(time) for time in np.cumsum(steps) - steps[0]]


MAKERS: dict[str, Callable[[Path], Path]] = {
    "h264-b.mp4": lambda path: write_video(path, moving(), options={"g": "24", "bf": "3", "preset": "fast"}),
    "h264-b.mkv": lambda path: write_video(path, moving(), options={"g": "24", "bf": "3", "preset": "fast"}),
    "h264-open.mkv": lambda path: write_video(
        path, moving(), options={"g": "24", "bf": "3", "x264-params": "open-gop=1", "preset": "fast"}
    ),
    "h264-uneven.mp4": lambda path: write_video(path, moving(), times=uneven(), options={"g": "24", "bf": "2"}),
    "h264-uneven.mkv": lambda path: write_video(path, moving(), times=uneven(), options={"g": "24", "bf": "2"}),
    "h264-sound.mp4": lambda path: write_video(path, moving(), audio=True, options={"g": "24", **FAST}),
    "h264-turned.mp4": lambda path: write_video(path, moving(), rotation=90, options={"g": "24", **FAST}),
    "mpeg4-b.mp4": lambda path: write_video(path, moving(), codec="mpeg4", options={"g": "12", "bf": "2"}),
    "mpeg2.mkv": lambda path: write_video(path, moving(), codec="mpeg2video", options={"g": "12", "bf": "2"}),
    "hevc-b.mp4": lambda path: write_video(
        path,
        moving(),
        codec="libx265",
        options={"g": "24", "preset": "ultrafast", "x265-params": "log-level=none:bframes=3"},
    ),
    "mjpeg.mkv": lambda path: write_video(path, moving(), codec="mjpeg"),
    "vp9.webm": lambda path: write_video(
        path, moving(), codec="libvpx-vp9", options={"g": "24", "deadline": "realtime", "cpu-used": "8"}
    ),
}


class Whole:
    """A file, all its frames, and its index."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frames = [(frame.index, frame.time_s, frame.image.copy()) for frame in VideoFile(path)]
        self.index = index_video(path)


@pytest.fixture(scope="module", params=MAKERS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(MAKERS[request.param](tmp_path_factory.mktemp("parts") / request.param))


def same(frames: Iterator[Frame], expected: list[tuple[int, float, Image]]) -> None:
    got = list(frames)
    assert [(frame.index, frame.time_s) for frame in got] == [(index, time_s) for index, time_s, _ in expected]
    assert all(np.array_equal(frame.image, image) for frame, (*_, image) in zip(got, expected, strict=True))


def test_packets_tell_what_the_decoder_will_give(whole: Whole) -> None:
    assert whole.index is not None
    assert whole.index.times_s.tolist() == [time_s for _, time_s, _ in whole.frames]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(1, FRAMES - 1), max_size=4))
def test_parts_put_together_are_the_whole_to_the_last_bit(whole: Whole, cuts: set[int]) -> None:
    assert whole.index is not None
    for first, end in pairwise([0, *sorted(cuts), FRAMES]):
        same(iter(VideoPart(whole.path, whole.index.part(first, end))), whole.frames[first:end])


def test_decoding_begins_near_the_part(tmp_path: Path) -> None:
    index = index_video(MAKERS["h264-b.mp4"](tmp_path / "v.mp4"))
    assert index is not None
    assert all(0 <= first - index.begin(first) <= 24 for first in range(FRAMES))
    assert index.begin(FRAMES - 1) > 90


@pytest.mark.parametrize(
    ("name", "codec"), [("v.avi", "mpeg4"), ("v.ts", "libx264"), ("v.h264", "libx264")], ids=["avi", "ts", "bare"]
)
def test_files_without_sure_stamps_are_not_cut(tmp_path: Path, name: str, codec: str) -> None:
    assert index_video(write_video(tmp_path / name, moving(), codec=codec)) is None


def test_a_file_that_was_cut_short_is_not_cut(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mkv", moving(), options=FAST)
    assert index_video(path) is not None
    assert index_video(truncate(path, 0.6)) is None


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such file"):
        index_video(tmp_path / "none.mp4")


def changed(index: VideoIndex, **values: object) -> Part:
    from dataclasses import replace

    return replace(index.part(10, 30), **values)  # type: ignore[arg-type]


def test_other_frames_than_promised_are_a_deviation(tmp_path: Path) -> None:
    path = MAKERS["h264-b.mp4"](tmp_path / "v.mp4")
    index = index_video(path)
    assert index is not None
    stamps = index.part(10, 30).stamps
    for wrong in (stamps[:5] + stamps[6:], (*stamps[:5], stamps[5] + 1, *stamps[6:])):
        with pytest.raises(Deviation):
            list(VideoPart(path, changed(index, stamps=wrong)))
    with pytest.raises(Deviation):  # it goes on
        list(VideoPart(path, changed(index, last=True)))
    with pytest.raises(Deviation):  # decoding would begin behind it
        list(VideoPart(path, changed(index, seek=int(index.stamps[60]))))


@pytest.mark.parametrize("place", [0.2, 0.35, 0.5, 0.65, 0.8])
def test_with_damage_inside_parts_are_right_up_to_one_that_says_so(tmp_path: Path, place: float) -> None:
    path = write_video(tmp_path / "v.mkv", moving(), options={"g": "24", **FAST})
    data = bytearray(path.read_bytes())
    middle = int(len(data) * place)
    data[middle : middle + 200] = bytes(range(200))
    path.write_bytes(data)
    index = index_video(path)
    if index is None:  # the container noticed already
        return
    whole = Whole(path)
    unlike = 0
    for first in range(0, len(index.stamps), 24):
        end = min(first + 24, len(index.stamps))
        try:
            frames = list(VideoPart(path, index.part(first, end)))
        except Deviation:
            break  # from here on, the file is read from its beginning
        expected = whole.frames[first:end]
        assert [(frame.index, frame.time_s) for frame in frames] == [(number, time_s) for number, time_s, _ in expected]
        # What a decoder makes up for the damaged part differs from one decoding of the whole file to the next.
        unlike += any(
            not np.array_equal(frame.image, image) for frame, (*_, image) in zip(frames, expected, strict=True)
        )
    assert unlike <= 1
