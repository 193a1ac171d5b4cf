"""Groups against each other: tests as SciPy makes them, intervals, effect sizes, what is warned of."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from mimik.analytics import Analysis, Comparison, Contrast, Group, Span, analyse, compare, compare_spans
from mimik.analytics.ranks import kruskal, mann_whitney, wilcoxon
from mimik.errors import StoreError
from mimik.store.values import ROOM, Marker, MarkerKind
from tests.unit.analytics.sessions import CALM, GLAD, SAD, aggregates, restless, session, shown

numbers = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=12).map(np.array)


def glad_for(parts: list[float], steps: int = 100) -> Analysis:
    """A session in which each person is glad for a part of the time, in turns of ten seconds."""
    people = {}
    for number, part in enumerate(parts, 1):
        labels = np.where(np.arange(steps) % 10 < round(10 * part), GLAD, CALM)
        people[number] = shown(labels)
    return analyse(session(steps), aggregates(people), [])


def contrast(found: Comparison, name: str) -> Contrast:
    return next(one for one in found.contrasts if one.name == name)


def texts(found: Comparison) -> str:
    return "\n".join(caution.text.format(**caution.values) for caution in found.warnings)


FEW = [0.1, 0.2, 0.3, 0.2, 0.1, 0.4]
MANY = [0.6, 0.7, 0.5, 0.8, 0.9, 0.4]


def test_people_are_compared_with_the_test_and_the_effect_that_scipy_gives() -> None:
    found = compare([Group("A", (glad_for(FEW),)), Group("B", (glad_for(MANY),))])
    assert (found.unit, found.measure, found.paired, found.relative) == ("people", "share", False, False)
    assert [(one.name, one.units, one.people) for one in found.groups] == [("A", 6, 6), ("B", 6, 6)]
    happy = contrast(found, "happy")
    expected = stats.mannwhitneyu(MANY, FEW)
    assert (happy.test, happy.statistic, happy.p) == ("mann-whitney", expected.statistic, expected.pvalue)
    delta = np.mean(np.sign(np.subtract.outer(np.round(MANY, 1), np.round(FEW, 1))))
    assert happy.effect == pytest.approx(delta)
    assert happy.effect_size == "large"
    assert happy.difference is not None
    assert happy.difference.value is not None
    assert happy.difference.value == pytest.approx(np.mean(MANY) - np.mean(FEW))
    assert happy.difference.low is not None
    assert happy.difference.high is not None
    assert 0 < happy.difference.low < happy.difference.value < happy.difference.high < 1
    assert happy.p_holm == pytest.approx(2 * expected.pvalue)  # happy and neutral could be tested
    assert contrast(found, "sad").p is None
    assert contrast(found, "valence").difference is not None
    assert found.warnings == ()
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_bootstrap_interval_of_a_difference_agrees_with_scipys() -> None:
    happy = contrast(compare([Group("A", (glad_for(FEW * 3),)), Group("B", (glad_for(MANY * 3),))]), "happy")
    expected = stats.bootstrap(
        (np.array(MANY * 3), np.array(FEW * 3)),
        lambda one, other, axis: one.mean(axis=axis) - other.mean(axis=axis),
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert happy.difference is not None
    assert (happy.difference.low, happy.difference.high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_groups_gather_people_of_several_sessions() -> None:
    found = compare([Group("A", (glad_for(FEW[:3]), glad_for(FEW[3:]))), Group("B", (glad_for(MANY),))])
    assert contrast(found, "happy").statistic == stats.mannwhitneyu(MANY, FEW).statistic


def test_three_groups_are_tested_together_without_a_difference() -> None:
    middle = [0.4, 0.5, 0.5, 0.3, 0.6]
    found = compare([Group("ABC"[i], (glad_for(parts),)) for i, parts in enumerate((FEW, middle, MANY))])
    happy = contrast(found, "happy")
    expected = stats.kruskal(FEW, middle, MANY)
    assert (happy.test, happy.difference) == ("kruskal", None)
    assert (happy.statistic, happy.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert happy.effect == pytest.approx((expected.statistic - 2) / (17 - 3))
    assert len(happy.groups) == 3


def test_before_and_after_a_marker_the_same_people_are_pairs() -> None:
    people = {
        number: shown([CALM] * 60 + [GLAD] * (10 * number) + [CALM] * (60 - 10 * number)) for number in range(1, 7)
    }
    people[7] = shown([CALM] * 60 + [-1] * 60)
    rows = aggregates(people)
    found = compare_spans(session(120), rows, [Marker(60, "film")], (), Span("before", 0, 60), Span("film", 60, 120))
    assert (found.paired, found.unit) == (True, "people")
    assert [one.name for one in found.groups] == ["before", "film"]
    happy = contrast(found, "happy")
    assert happy.test == "wilcoxon"
    assert happy.p == pytest.approx(2 / 2**6)
    assert (happy.effect, happy.effect_size) == (1, "large")
    assert happy.difference is not None
    assert happy.difference.value == pytest.approx(3.5 / 6)
    assert "1 people were read on one side only" in texts(found)


def test_pieces_relative_to_rest_take_rest_from_outside_them() -> None:
    people = {number: shown([SAD] * 10 + [CALM] * 30 + [GLAD] * 30) for number in range(1, 6)}
    rest = Marker(0, "", MarkerKind.BASELINE, 10)
    found = compare_spans(
        session(70), aggregates(people), [rest], (), Span("a", 10, 40), Span("b", 40, 70), relative=True
    )
    assert (found.measure, found.relative) == ("probability", True)
    happy = contrast(found, "happy")
    assert [round(one.value or 0, 3) for one in happy.groups] == [0, round(0.8 - 0.2 / 6, 3)]
    assert [round(one.value or 0, 3) for one in contrast(found, "sad").groups] == [-0.767, -0.767]


def test_few_people_are_warned_of_and_fewer_become_blocks_of_time() -> None:
    assert "only 3 people" in texts(compare([Group("A", (glad_for(FEW[:3]),)), Group("B", (glad_for(MANY),))]))
    alone = compare([Group("A", (glad_for(FEW[:1], 600),)), Group("B", (glad_for(MANY[:2], 600),))])
    assert alone.unit == "blocks"
    assert alone.groups[0].units >= 10
    assert "blocks of up to 3" in texts(alone)
    assert contrast(alone, "happy").p is not None
    short = compare([Group("A", (glad_for(FEW[:1], 50),)), Group("B", (glad_for(MANY[:1], 50),))])
    assert "A: faces were read for only 50 s" in texts(short)
    assert "A: blocks of time compared: 2, too few" in texts(short)


def test_fewer_than_five_units_have_no_interval() -> None:
    few = compare([Group("A", (glad_for(FEW[:4]),)), Group("B", (glad_for(MANY),))])
    first, second = contrast(few, "happy").groups
    assert first.value is not None
    assert (first.low, first.high) == (None, None)  # from four values no draw leads beyond them
    assert second.low is not None
    difference = contrast(few, "happy").difference
    assert difference is not None
    assert (difference.low, difference.high) == (None, None)


def test_an_expression_that_nobody_showed_has_no_interval() -> None:
    sad = contrast(compare([Group("A", (glad_for(FEW),)), Group("B", (glad_for(MANY),))]), "sad")
    assert [(one.value, one.low, one.high) for one in sad.groups] == [(0, None, None)] * 2
    assert sad.difference is not None
    assert (sad.difference.value, sad.difference.low, sad.difference.high) == (0, None, None)


def test_sessions_that_keep_the_group_only_are_compared_by_blocks() -> None:
    rows = aggregates({n: shown([CALM, GLAD] * 150) for n in range(1, 7)}).of(ROOM)
    one = Group("A", (analyse(session(300), rows, []),))
    assert compare([one, one]).unit == "blocks"


def test_what_cannot_be_compared_is_refused() -> None:
    rows = aggregates({1: shown([CALM] * 20)})
    plain = analyse(session(20), rows, [])
    relative = analyse(session(20), rows, [], relative=True)
    one, two = Group("A", (plain,)), Group("B", (plain, plain))
    with pytest.raises(StoreError, match="two groups or more"):
        compare([one])
    with pytest.raises(StoreError, match="two groups or more"):
        compare([one, Group("B", ())])
    with pytest.raises(StoreError, match="cannot be compared with absolute"):
        compare([one, Group("B", (relative,))])
    with pytest.raises(StoreError, match="same number of sessions"):
        compare([one, two], paired=True)


def test_nothing_read_gives_no_figures() -> None:
    nobody = analyse(session(60), aggregates({1: shown([-1] * 60)}), [])
    found = compare([Group("A", (nobody,)), Group("B", (nobody,))])
    assert contrast(found, "happy").p is None
    assert contrast(found, "happy").groups[0].value is None
    json.dumps(found.to_dict(), allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(numbers, numbers)
def test_mann_whitney_turns_round_with_its_groups(first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
    there, back = mann_whitney(first, second), mann_whitney(second, first)
    assert there.p == (None if back.p is None else pytest.approx(back.p))
    if there.effect is not None and back.effect is not None and there.p is not None:
        assert there.effect == pytest.approx(-back.effect)
        assert there.effect == pytest.approx(np.mean(np.sign(np.subtract.outer(second, first))))
        assert 0 < there.p <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=60))
def test_wilcoxon_always_has_a_sound_p_and_never_warns(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs, float).T
    found = wilcoxon(first, second)
    if (first == second).all():
        assert found.p is None
    else:
        assert found.p is not None
        assert 0 < found.p <= 1
        assert found.effect is not None
        assert -1 <= found.effect <= 1


def test_rank_biserial_and_eta_by_hand() -> None:
    # Changes 1, 2, -3: ranks 1 + 2 against 3.
    assert wilcoxon(np.zeros(3), np.array([1.0, 2.0, -3.0])).effect == 0
    assert wilcoxon(np.zeros(3), np.array([1.0, -2.0, 3.0])).effect == pytest.approx(2 / 6)
    groups = [np.array([1.0, 2, 3]), np.array([4.0, 5, 6]), np.array([7.0, 8, 9])]
    assert kruskal(groups).effect == pytest.approx((7.2 - 2) / 6)


@pytest.mark.parametrize(("shift", "word"), [(0, "negligible"), (2, "small"), (3, "medium"), (8, "large")])
def test_effects_are_named_by_romanos_limits(shift: int, word: str) -> None:
    assert mann_whitney(np.arange(12.0), np.arange(12.0) + shift).effect_size == word


@pytest.mark.parametrize(("people", "steps"), [(6, 60), (1, 600)])
def test_groups_of_the_same_kind_are_seldom_found_different(people: int, steps: int) -> None:
    different = held = 0
    for seed in range(25):
        random = np.random.default_rng(seed)
        groups = [
            Group(
                name,
                (analyse(session(steps), aggregates({n: restless(steps, random) for n in range(1, people + 1)}), []),),
            )
            for name in "AB"
        ]
        found = compare(groups)
        different += any(one.p_holm is not None and one.p_holm < 0.05 for one in found.contrasts[:7])
        happy = contrast(found, "happy").difference
        assert happy is not None
        assert happy.low is not None
        assert happy.high is not None
        held += happy.low <= 0 <= happy.high
    assert different <= 4
    assert held >= 20
