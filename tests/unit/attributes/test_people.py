"""One estimate a person: the range, the middle, and when there is enough."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.attributes import PersonAttributes
from mimik.attributes.range import age_range, middle
from mimik.types import Attributes, EmotionScores, Face, Quality, State
from tests.fakes import detection

AGES = st.lists(st.floats(0.25, 80), min_size=1, max_size=10)


def seen(age: float | None = 40.0, female: float = 0.8, track_id: int | None = 1, quality: float = 0.9) -> Face:
    """A face with a look at it, or without."""
    look = None if age is None else Attributes(age, (0, 99), female)
    return Face(detection(), Quality(quality), EmotionScores(None), State.WITHHELD, track_id=track_id, attributes=look)


def after(people: PersonAttributes, *faces: Face) -> Attributes | None:
    """What is known of the last face's person."""
    known = None
    for face in faces:
        (gathered,) = people.gather((face,))
        known = gathered.attributes
    return known


@given(AGES)
def test_a_range_holds_the_age_with_five_years_to_spare(ages: list[float]) -> None:
    low, high = age_range(ages)
    age = middle(ages)
    assert 0 <= low <= max(0.0, age - 4.5)
    assert high >= age + 4.5
    assert min(ages) - 5.5 <= low
    assert high <= max(ages) + 5.5


@given(AGES, st.floats(0.01, 1))
def test_equal_weights_are_no_weights(ages: list[float], weight: float) -> None:
    assert middle(ages, [weight] * len(ages)) == pytest.approx(middle(ages))


def test_one_look_stands_as_it_is() -> None:
    assert middle([33.3]) == pytest.approx(33.3)
    assert age_range([33.3]) == (28, 38)


def test_the_range_of_a_small_child_begins_at_birth() -> None:
    assert age_range([2.0]) == (0, 7)


def test_looks_that_disagree_widen_the_range() -> None:
    assert age_range([20, 30, 30, 30, 45]) == (20, 45)
    assert age_range([30] * 5) == (25, 35)


def test_a_wild_look_moves_neither_age_nor_gender() -> None:
    looks = [seen(30 + n / 10) for n in range(9)]
    known = after(PersonAttributes(), *looks[:4], seen(79, female=0.0), *looks[4:])
    assert known is not None
    assert known.age_years == pytest.approx(30.4, abs=0.5)
    assert known.age == (25, 35)
    assert known.female == pytest.approx(0.8)


def test_better_frames_weigh_more() -> None:
    good, poor = seen(30, quality=1.0), seen(50, quality=0.5)
    known = after(PersonAttributes(), good, poor, good, poor)
    assert known is not None
    assert known.age_years < 40


def test_nothing_is_said_of_a_person_before_three_looks() -> None:
    people = PersonAttributes()
    assert after(people, seen(), seen(None), seen(), seen(None)) is None
    known = after(people, seen())
    assert known is not None
    assert (known.looks, known.settled) == (3, False)


def test_after_ten_looks_a_person_is_settled_and_wants_no_more() -> None:
    people = PersonAttributes()
    face = seen()
    for _ in range(9):
        assert people.wants(face)
        after(people, face)
    settled = after(people, face)
    assert settled is not None
    assert (settled.looks, settled.settled) == (10, True)
    assert not people.wants(face)
    assert after(people, seen(70, 0.1)) == settled
    assert people.wants(seen(track_id=2))


def test_what_is_known_stays_while_the_face_cannot_be_looked_at() -> None:
    people = PersonAttributes()
    known = after(people, *[seen()] * 4)
    assert known is not None
    assert after(people, seen(None, quality=0.1)) == known


def test_people_are_kept_apart() -> None:
    people = PersonAttributes()
    for _ in range(3):
        one, other = people.gather((seen(20, 0.9, 1), seen(60, 0.1, 2)))
    assert one.attributes is not None
    assert other.attributes is not None
    assert (one.attributes.gender, other.attributes.gender) == ("female", "male")
    assert (round(one.attributes.age_years), round(other.attributes.age_years)) == (20, 60)


def test_a_week_in_a_shop_does_not_fill_the_memory() -> None:
    people = PersonAttributes()
    for number in range(1, 2000):
        people.gather((replace(seen(track_id=number)), seen(track_id=0)))
    assert len(people._people) <= 256
    assert after(people, seen(None, track_id=0)) is not None, "who stays in sight is not forgotten"


def test_a_face_without_number_keeps_its_own_look() -> None:
    (face,) = PersonAttributes().gather((seen(track_id=None),))
    assert face.attributes is not None
    assert not PersonAttributes().wants(face)


@given(st.floats(0, 1))
def test_the_likelier_gender_has_the_greater_probability(female: float) -> None:
    known = Attributes(30, (25, 35), female)
    assert 0.5 <= known.gender_probability <= 1
    assert known.gender == ("female" if female >= 0.5 else "male")
