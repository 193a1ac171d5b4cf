"""A session's clip: whoever was found is hidden, before and after, too."""

import time
from pathlib import Path

import av
import numpy as np
import pytest

from mimik.sinks import BlurredClip
from mimik.sinks import clip as module
from mimik.types import Box, Detection, EmotionScores, Face, Frame, FrameResult, Image, Quality, State

FACE = Box(40, 30, 80, 70)


def noise(number: int) -> Image:
    """A picture in which every pixel of a face is told from its neighbours."""
    return np.random.default_rng(number).integers(0, 256, (96, 128, 3)).astype(np.uint8)


def result(time_s: float, *boxes: Box, number: int = 0) -> FrameResult:
    faces = tuple(Face(Detection(box, 0.9), Quality(0.9), EmotionScores(None), State.WITHHELD) for box in boxes)
    return FrameResult(Frame(noise(number), number, time_s), faces, 5.0)


def is_hidden(image: Image) -> bool:
    """Whether the face's place holds a few plain cells instead of noise."""
    return len(np.unique(image[30:70, 40:80].reshape(-1, 3), axis=0)) <= 16


def test_a_face_is_hidden_half_a_second_before_it_is_found_and_after_it_is_lost() -> None:
    results = [result(n / 10, *((FACE,) if n == 10 else ()), number=n) for n in range(21)]
    hidden = [is_hidden(each.frame.image) for each in module._hidden(results)]
    assert hidden == [abs(n - 10) <= 5 for n in range(21)]


def test_results_stay_in_order_and_say_nothing_of_people() -> None:
    results = list(module._hidden([result(n / 10, FACE, number=n) for n in range(30)]))
    assert [each.frame.index for each in results] == list(range(30))
    assert all(each.faces == () for each in results)


def test_what_is_held_back_is_bounded() -> None:
    """Ten frames of one moment, ten times as many as there is room for."""
    coming = 0

    def results() -> "list[FrameResult]":
        return [result(0.0, number=0) for _ in range(3)] + [result(n / 1000, number=n) for n in range(200)]

    for _ in module._hidden(results()):
        coming += 1
    assert coming == 203


def test_a_clip_plays_by_the_sessions_clock(tmp_path: Path) -> None:
    clip = BlurredClip(tmp_path / "clips" / "a.mp4")
    for n in range(20):
        clip.write(result(0.0, FACE, number=n), 2.0 + n / 10)
        time.sleep(0.02)
    assert clip.close()
    with av.open(str(tmp_path / "clips" / "a.mp4")) as video:
        times = [float(frame.time or 0) for frame in video.decode(video=0)]
    assert times[0] == 0
    assert times[1] == pytest.approx(2.0, abs=0.01)
    assert times[-1] == pytest.approx(3.9, abs=0.01)


def test_nothing_written_leaves_no_file(tmp_path: Path) -> None:
    clip = BlurredClip(tmp_path / "a.mp4")
    assert not clip.close()
    assert list(tmp_path.iterdir()) == []


def test_a_discarded_clip_leaves_no_file(tmp_path: Path) -> None:
    clip = BlurredClip(tmp_path / "a.mp4")
    for n in range(10):
        clip.write(result(n / 10, FACE, number=n), n / 10)
    clip.discard()
    assert list(tmp_path.iterdir()) == []


def test_trouble_ends_the_clip_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    told: list[str] = []
    clip = BlurredClip(tmp_path / "file" / "a.mp4", lambda text, values: told.append(text.format(**values)))
    for n in range(100):
        clip.write(result(n / 10, FACE, number=n), n / 10)
    assert not clip.close()
    assert len(told) == 1
    assert "The session itself goes on" in told[0]
