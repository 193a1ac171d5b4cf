"""What frames add up to: sums equal totals, merging equals the whole, the room is the sum of its people."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.store.gathering import Reading, add_up, gather, join_samples, merge
from mimik.store.values import EMOTIONS, REASONS, ROOM, STATES, Aggregates, Samples
from mimik.types import Emotion, Face, Reason, State
from tests.unit.store.readings import face, faces_of_frames

SUMS = [name for name in Aggregates.__slots__ if name not in ("step_s", "person", "start_s")]
Frames = list[tuple[float, tuple[Face, ...]]]


def readings(frames: Frames, offset: int = 0) -> list[Reading]:
    return [Reading(time_s, faces, offset) for time_s, faces in frames]


def assert_same(one: Aggregates, other: Aggregates) -> None:
    assert one.step_s == other.step_s
    for name in ("person", "start_s", *SUMS):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-9, atol=1e-9, err_msg=name)


def test_a_second_by_hand() -> None:
    samples, sums = gather(
        [
            Reading(3.1, (face(1, Emotion.HAPPY), face(2, Emotion.SAD, State.UNCERTAIN, Reason.LOW_CONFIDENCE))),
            Reading(3.9, (face(1, state=State.WITHHELD, reason=Reason.BLURRED, quality=0.2),)),
            Reading(4.0, ()),
        ]
    )
    assert samples.time_s.tolist() == [3.1, 3.1, 3.9]
    assert samples.person.tolist() == [1, 2, 1]
    assert [STATES[number] for number in samples.state] == [State.SURE, State.UNCERTAIN, State.WITHHELD]
    assert [EMOTIONS[n] if n >= 0 else None for n in samples.label] == [Emotion.HAPPY, Emotion.SAD, None]
    assert [REASONS[n] if n >= 0 else None for n in samples.reason] == [None, Reason.LOW_CONFIDENCE, Reason.BLURRED]
    assert np.isnan(samples.probabilities[2]).all()
    assert np.isnan([samples.valence[2], samples.arousal[2]]).all()
    assert samples.box[0].tolist() == [10, 20, 50, 70]

    assert list(zip(sums.start_s, sums.person, strict=True)) == [(3, 0), (3, 1), (3, 2), (4, 0)]
    assert sums.frames.tolist() == [2, 2, 1, 1]
    assert sums.faces.tolist() == [3, 2, 1, 0]
    assert sums.sure.tolist() == [1, 1, 0, 0]
    assert sums.uncertain.tolist() == [1, 0, 1, 0]
    assert sums.withheld[:, REASONS.index(Reason.BLURRED)].tolist() == [1, 1, 0, 0]
    assert sums.withheld.sum() == 2
    assert sums.labels[0].tolist() == [0, 0, 0, 1, 1, 0, 0]
    assert sums.probabilities[0, EMOTIONS.index(Emotion.HAPPY)] == pytest.approx(0.88 + 0.02)
    assert sums.quality.tolist() == pytest.approx([2.0, 1.1, 0.9, 0.0])


@given(faces_of_frames())
def test_fine_rows_add_up_to_the_totals(frames: Frames) -> None:
    samples, sums = gather(readings(frames))
    room = sums.of(ROOM)
    faces = [one for _, seen in frames for one in seen]
    assert room.frames.sum() == len(frames)
    assert room.faces.sum() == len(faces)
    for state in (State.SURE, State.UNCERTAIN):
        assert getattr(room, state.value).sum() == sum(one.state is state for one in faces)
    for number, reason in enumerate(REASONS):
        expected = sum(one.state is State.WITHHELD and one.reason is reason for one in faces)
        assert room.withheld[:, number].sum() == expected
    np.testing.assert_allclose(room.probabilities.sum(), sum(one.state is not State.WITHHELD for one in faces), 1e-5)
    assert (room.faces == room.readings + room.withheld.sum(axis=1)).all()
    assert len(samples) == sum(one.track_id is not None for one in faces)


@given(faces_of_frames())
def test_every_second_with_a_frame_has_a_row_of_the_room_even_without_a_face(frames: Frames) -> None:
    _, sums = gather(readings(frames))
    assert sums.of(ROOM).start_s.tolist() == sorted({float(int(time_s)) for time_s, _ in frames})


@given(faces_of_frames())
def test_the_room_is_the_sum_of_its_people(frames: Frames) -> None:
    known = [(time_s, tuple(one for one in seen if one.track_id is not None)) for time_s, seen in frames]
    _, sums = gather(readings(known))
    for name in SUMS:
        if name != "frames":
            people = getattr(sums.where(sums.person != ROOM), name).sum(axis=0)
            np.testing.assert_allclose(getattr(sums.of(ROOM), name).sum(axis=0), people, err_msg=name, atol=1e-9)
    people = sums.where(sums.person != ROOM)
    assert (people.frames == people.faces).all()


@given(faces_of_frames(), st.data())
def test_merging_the_parts_equals_the_whole(frames: Frames, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(frames)))
    whole = gather(readings(frames))
    parts = [gather(readings(part)) for part in (frames[:cut], frames[cut:]) if part]
    assert_same(merge([sums for _, sums in parts]), whole[1])
    joined = join_samples([samples for samples, _ in parts])
    for name in Samples.__slots__:
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole[0], name), err_msg=name)


@given(faces_of_frames())
def test_rows_are_sorted_and_none_is_there_twice(frames: Frames) -> None:
    _, sums = gather(readings(frames))
    keys = list(zip(sums.start_s, sums.person, strict=True))
    assert keys == sorted(set(keys))


@given(faces_of_frames())
def test_samples_add_up_to_the_rows_of_people(frames: Frames) -> None:
    samples, sums = gather(readings(frames))
    again = add_up(samples, np.array([]))
    assert_same(again.where(again.person != ROOM), sums.where(sums.person != ROOM))


def test_people_of_two_streams_keep_apart() -> None:
    samples, sums = gather([Reading(0.0, (face(1),)), Reading(0.1, (face(1),), offset=7)])
    assert samples.person.tolist() == [1, 8]
    assert sums.person.tolist() == [ROOM, 1, 8]


def test_numbers_that_a_stage_left_in_a_withheld_face_are_not_kept() -> None:
    from dataclasses import replace

    left = replace(face(1), state=State.WITHHELD, reason=None)
    samples, sums = gather([Reading(0.0, (left,))])
    assert np.isnan(samples.probabilities).all()
    assert samples.label.tolist() == [-1]
    assert sums.labels.sum() == 0
    assert sums.withheld.sum(axis=1).tolist() == [1, 1]


def test_nothing_adds_up_to_nothing() -> None:
    samples, sums = gather([])
    assert (len(samples), len(sums)) == (0, 0)
    assert samples.box.shape == (0, 4)
    assert sums.probabilities.shape == (0, 7)
