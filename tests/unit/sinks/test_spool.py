"""What an interrupted analysis goes on from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mimik.sinks.spool import Ending, Spool, read_frames
from mimik.types import Detection, Face, Frame, Image, SourceKind, State

from .samples import face, withheld

KEY: dict[str, object] = {"input": "a.mp4", "fps": None}

Turn = Callable[[float, float | None], bool]


def every_frame(time_s: float, last_s: float | None) -> bool:
    return True


def by_four(time_s: float, last_s: float | None) -> bool:
    """Frames 0, 4, 8, … of `frame` begin turns."""
    return last_s is None or round(time_s * 29.97) // 4 != round(last_s * 29.97) // 4


def frame(index: int) -> Frame:
    return Frame(np.zeros((90, 160, 3), np.uint8), index, index / 29.97, source="a.mp4")


def faces(seed: int) -> tuple[Face, ...]:
    """As `Pipeline.read` gives them, with numbers that need all their digits."""
    rng = np.random.default_rng(seed)
    landmarks = rng.normal(80, 20, (5, 2)).astype(np.float32)
    one = dataclasses.replace(face(State.UNCERTAIN, None, track_id=None))
    one = dataclasses.replace(one, detection=Detection(one.detection.box, float(rng.random()), landmarks))
    return (one, dataclasses.replace(withheld(), track_id=None))[: seed % 3]


def write(path: Path, count: int, ending: Ending | None = None, turn: Turn = every_frame) -> None:
    with Spool(path, KEY, turn) as spool:
        for index in range(spool.frames, count):
            spool.add(frame(index), faces(index))
        if ending is not None:
            spool.finish(ending)


def test_readings_come_back_exactly(tmp_path: Path) -> None:
    write(tmp_path / "s", 7)
    for index, spooled in enumerate(read_frames(tmp_path / "s")):
        assert (spooled.index, spooled.time_s) == (index, index / 29.97)
        assert spooled.frame("x").image.shape == (90, 160, 3)
        for read, wrote in zip(spooled.faces, faces(index), strict=True):
            assert read.detection.box == wrote.detection.box
            assert (read.detection.score, read.quality) == (wrote.detection.score, wrote.quality)
            assert (read.state, read.reason) == (wrote.state, wrote.reason)
            np.testing.assert_array_equal(read.detection.landmarks, wrote.detection.landmarks)
            np.testing.assert_array_equal(read.emotions.probabilities, wrote.emotions.probabilities)
            if read.emotions.probabilities is not None:
                assert read.emotions.probabilities.dtype == np.float32


def test_a_finished_spool_says_so(tmp_path: Path) -> None:
    ending = Ending(SourceKind.VIDEO, "damaged")
    write(tmp_path / "s", 3, ending)
    with Spool(tmp_path / "s", KEY) as spool:
        assert (spool.frames, spool.faces, spool.last, spool.ending) == (3, 3, (2, 2 / 29.97), ending)


def test_an_input_that_could_not_be_opened_has_no_kind(tmp_path: Path) -> None:
    write(tmp_path / "s", 0, Ending(None, "no such file"))
    with Spool(tmp_path / "s", KEY) as spool:
        assert spool.ending == Ending(None, "no such file")


def test_another_key_begins_anew(tmp_path: Path) -> None:
    write(tmp_path / "s", 3)
    with Spool(tmp_path / "s", {**KEY, "fps": 5.0}) as spool:
        assert spool.frames == 0
    assert list(read_frames(tmp_path / "s")) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.sampled_from([every_frame, by_four]), st.data())
def test_cut_at_any_byte_it_goes_on_to_the_same_file(tmp_path: Path, turn: Turn, data: st.DataObject) -> None:
    path = tmp_path / "s"
    path.unlink(missing_ok=True)
    write(path, 10, Ending(SourceKind.VIDEO, None), turn)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with Spool(path, KEY, turn) as spool:
        for index in range(spool.frames, 10):
            spool.add(frame(index), faces(index))
        if spool.ending is None:
            spool.finish(Ending(SourceKind.VIDEO, None))
    assert path.read_bytes() == whole


def test_a_hole_of_zeros_ends_what_is_believed(tmp_path: Path) -> None:
    """A power cut may leave a line's length on the disk without its bytes."""
    path = tmp_path / "s"
    write(path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = b"\0" * (len(lines[4]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    with Spool(path, KEY) as spool:
        assert spool.frames == 2, "of three whole lines, the last one's turn may not have been"
    assert path.read_bytes() == b"".join(lines[:3])


@pytest.mark.parametrize(("count", "kept"), [(0, 0), (1, 0), (4, 0), (5, 4), (8, 4), (9, 8), (10, 8)])
def test_of_a_turn_that_may_not_be_whole_nothing_is_kept(tmp_path: Path, count: int, kept: int) -> None:
    """What was found in its frames depends on those before them in it."""
    path = tmp_path / "s"
    write(path, count, turn=by_four)
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 1 + count
    with Spool(path, KEY, by_four) as spool:
        assert (spool.frames, spool.faces) == (kept, sum(len(faces(index)) for index in range(kept)))
        assert spool.last == ((kept - 1, (kept - 1) / 29.97) if kept else None)
    assert path.read_bytes() == b"".join(lines[: 1 + kept])


@pytest.mark.parametrize("turn", [every_frame, by_four])
def test_of_what_was_read_to_its_end_all_is_kept(tmp_path: Path, turn: Turn) -> None:
    path, ending = tmp_path / "s", Ending(SourceKind.VIDEO, None)
    write(path, 6, ending, turn)
    whole = path.read_bytes()
    with Spool(path, KEY, turn) as spool:
        assert (spool.frames, spool.ending) == (6, ending)
    assert path.read_bytes() == whole


def test_a_lazy_picture_is_measured_and_never_made(tmp_path: Path) -> None:
    class Unmade:
        size = (160, 90)

        @property
        def image(self) -> Image:
            raise AssertionError("made")

        gray = image

    with Spool(tmp_path / "s", KEY) as spool:
        spool.add(Frame(Unmade(), 0, 0.0), ())
    (spooled,) = read_frames(tmp_path / "s")
    assert (spooled.width, spooled.height) == (160, 90)


def test_numbers_only_no_pixels(tmp_path: Path) -> None:
    write(tmp_path / "s", 2)
    assert json.loads((tmp_path / "s").read_text().splitlines()[2])["n"] == 1
    assert (tmp_path / "s").stat().st_size < 2000


def test_stages_that_give_numpy_numbers_can_be_kept(tmp_path: Path) -> None:
    one = face(State.UNCERTAIN, None)
    odd = dataclasses.replace(one, detection=Detection(one.detection.box, np.float32(0.1)))  # type: ignore[arg-type]
    with Spool(tmp_path / "s", KEY) as spool:
        spool.add(frame(0), (odd,))
    assert next(read_frames(tmp_path / "s")).faces[0].detection.score == pytest.approx(0.1)
