"""Shares, people, intervals, ages and their 95 % intervals."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.analytics import Analysis, Shares, Span, analyse, spans
from mimik.analytics.coverage import Clock
from mimik.analytics.resampling import autocorrelation, block_length, block_weights, expanded, unit_weights
from mimik.analytics.shares import shares
from mimik.analytics.steps import Rows, covered
from mimik.store.values import EMOTIONS, ROOM, Aggregates, Marker, MarkerKind, Person
from tests.unit.analytics.sessions import CALM, GLAD, SAD, aggregates, at_step, calm, restless, rows_of, session, shown

people_labels = st.lists(st.lists(st.integers(-1, 6), min_size=8, max_size=40), min_size=1, max_size=4)


def build(labels: list[list[int]]) -> Aggregates:
    return aggregates({number: shown(own) for number, own in enumerate(labels, 1)})


def values(found: Shares) -> list[float | None]:
    return [one.share for one in found.emotions] + [one.probability for one in found.emotions]


def of(analysis: Analysis, emotion: int) -> float | None:
    return analysis.overall.emotions[emotion].share


def test_shares_of_a_case_done_by_hand() -> None:
    # Ten seconds: one person glad for 6 and sad for 4; another, there for the last 5, calm throughout.
    found = analyse(session(10), build([[GLAD] * 6 + [SAD] * 4, [-1] * 5 + [CALM] * 5]), [])
    assert of(found, GLAD) == pytest.approx(60 / 150)
    assert of(found, SAD) == pytest.approx(40 / 150)
    assert of(found, CALM) == pytest.approx(50 / 150)
    assert found.overall.emotions[GLAD].probability == pytest.approx((6 * 0.8 + 9 * 0.2 / 6) / 15)
    assert found.overall.top == "happy"
    assert (found.overall.readings, found.overall.seconds, found.overall.people) == (150, 10, 2)
    assert [(one.number, one.seen_s, one.read_s) for one in found.people] == [(1, 10, 10), (2, 5, 5)]
    assert found.people[1].shares.emotions[CALM].share == 1


def test_a_share_of_the_time_does_not_follow_the_frames() -> None:
    """A minute glad in sight, at ten frames a second, and a minute sad in a hidden tab, at two: half and half."""
    labels = shown([GLAD] * 60 + [SAD] * 60)
    quick, slow = aggregates({1: labels}), aggregates({1: labels}, fps=2)
    parts = (quick.where(quick.start_s < 60), slow.where(slow.start_s >= 60))
    columns = [field.name for field in fields(Aggregates) if field.name != "step_s"]
    whole = rows_of(1, {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns})
    found = analyse(session(120), whole, [])
    assert of(found, GLAD) == pytest.approx(0.5)
    assert of(found, SAD) == pytest.approx(0.5)
    assert found.people[0].shares.emotions[GLAD].share == pytest.approx(0.5)
    assert found.overall.emotions[GLAD].probability == pytest.approx((0.8 + 0.2 / 6) / 2)
    assert (found.overall.readings, found.overall.seconds) == (720, 120)
    assert found.overall.emotions[GLAD].low is not None


def test_each_person_counts_the_same_in_the_balanced_shares() -> None:
    found = analyse(session(110), build([[GLAD] * 110, [SAD] * 10 + [-1] * 100, [CALM] * 9 + [-1] * 101]), [])
    assert found.balanced is not None
    assert found.balanced.unit == "people"
    assert found.balanced.people == 2  # the third was there for less than ten seconds
    assert found.balanced.emotions[GLAD].share == pytest.approx(0.5)
    assert of(found, GLAD) == pytest.approx(110 / 129)


@settings(max_examples=30, deadline=None)
@given(people_labels)
def test_shares_sum_to_one_or_are_undefined_together(labels: list[list[int]]) -> None:
    found = analyse(session(max(map(len, labels))), build(labels), [Marker(4, "a"), Marker(11, "b")])
    every = [found.overall, *(one.shares for one in found.people), *(one.shares for one in found.intervals)]
    every += [found.balanced] if found.balanced else []
    for one in every:
        for seven in (values(one)[:7], values(one)[7:]):
            known = [value for value in seven if value is not None]
            assert not known or (len(known) == 7 and sum(known) == pytest.approx(1))
        assert (one.readings == 0) == (one.emotions[0].share is None)


@settings(max_examples=30, deadline=None)
@given(people_labels, st.lists(st.integers(0, 45), max_size=4))
def test_intervals_between_markers_merge_into_the_whole(labels: list[list[int]], times: list[int]) -> None:
    whole = session(max(map(len, labels)))
    found = analyse(whole, build(labels), [Marker(time, str(time)) for time in times])
    if not found.intervals:
        return
    assert sum(one.shares.readings for one in found.intervals) == found.overall.readings
    assert sum(one.shares.seconds for one in found.intervals) == pytest.approx(found.overall.seconds)
    assert sum(one.span.end_s - one.span.start_s for one in found.intervals) == pytest.approx(whole.duration_s)
    for emotion in range(7):
        merged = sum((one.shares.emotions[emotion].share or 0) * one.shares.readings for one in found.intervals)
        assert merged == pytest.approx((of(found, emotion) or 0) * found.overall.readings)


@settings(max_examples=20, deadline=None)
@given(people_labels, st.permutations([1, 2, 3, 4]))
def test_numbering_people_otherwise_changes_nothing(labels: list[list[int]], order: list[int]) -> None:
    whole = session(max(map(len, labels)))
    one = analyse(whole, build(labels), [])
    other = analyse(whole, aggregates({order[i]: shown(own) for i, own in enumerate(labels)}), [])
    assert json_close(one.overall, other.overall)
    assert (one.balanced is None) == (other.balanced is None)
    if one.balanced and other.balanced:
        assert json_close(one.balanced, other.balanced)
    assert one.transitions == other.transitions
    assert one.dwell == other.dwell


def json_close(one: Shares, other: Shares) -> bool:
    def flat(found: Shares) -> list[float]:
        rows = [[s.share, s.low, s.high, s.probability, s.probability_low, s.probability_high] for s in found.emotions]
        return [-9.0 if value is None else value for row in rows for value in row]

    return bool(np.allclose(flat(one), flat(other), atol=1e-9)) and one.readings == other.readings


@settings(max_examples=20, deadline=None)
@given(people_labels, st.integers(1, 500))
def test_beginning_later_changes_nothing_but_times(labels: list[list[int]], shift: int) -> None:
    rows = build(labels)
    length = max(map(len, labels))
    markers = [Marker(5, "a"), Marker(7, "", MarkerKind.PAUSE, 9)]
    one = analyse(session(length), rows, markers)
    other = analyse(
        session(length + shift),
        replace(rows, start_s=rows.start_s + shift),
        [
            replace(marker, time_s=marker.time_s + shift, end_s=marker.end_s and marker.end_s + shift)
            for marker in markers
        ],
    )
    assert one.overall == other.overall
    assert one.balanced == other.balanced
    assert one.dwell == other.dwell
    assert one.timeline.emotions == other.timeline.emotions
    assert [time + shift for time in one.timeline.time_s] == pytest.approx(list(other.timeline.time_s))
    assert one.intervals[-1].shares == other.intervals[-1].shares
    assert other.coverage.missing_s == pytest.approx(one.coverage.missing_s + shift)


@settings(max_examples=20, deadline=None)
@given(people_labels, st.integers(2, 30))
def test_a_faster_camera_changes_no_share(labels: list[list[int]], times: int) -> None:
    people = {number: shown(own) for number, own in enumerate(labels, 1)}
    whole = session(max(map(len, labels)))
    slow, fast = (analyse(whole, aggregates(people, fps=fps), []) for fps in (4, 4 * times))
    assert fast.overall.readings == times * slow.overall.readings
    np.testing.assert_allclose(
        np.array(values(slow.overall), float), np.array(values(fast.overall), float), equal_nan=True
    )
    assert slow.coverage.seen_s == pytest.approx(fast.coverage.seen_s)


@settings(max_examples=20, deadline=None)
@given(people_labels, st.sampled_from([2, 5, 60]))
def test_coarser_steps_change_no_share(labels: list[list[int]], step_s: int) -> None:
    whole, fine = session(max(map(len, labels))), build(labels)
    one, other = analyse(whole, fine, []), analyse(whole, at_step(fine, step_s), [])
    np.testing.assert_allclose(
        np.array(values(one.overall), float), np.array(values(other.overall), float), equal_nan=True
    )
    assert len(one.people) == len(other.people)
    assert other.coverage.recorded_s == pytest.approx(one.coverage.recorded_s)


def test_pauses_and_losses_are_no_time_even_when_rows_stand_in_them() -> None:
    rows = build([[GLAD] * 10 + [SAD] * 10 + [CALM] * 20])
    found = analyse(session(40), rows, [Marker(10, "", MarkerKind.PAUSE, 15), Marker(14, "", MarkerKind.LOST, 20.0)])
    assert of(found, SAD) == 0
    assert of(found, GLAD) == pytest.approx(1 / 3)
    assert (found.coverage.paused_s, found.coverage.lost_s, found.coverage.recorded_s) == (5, 5, 30)
    assert found.coverage.missing_s == 0
    assert found.overall.seconds == 30


def test_age_groups_hold_the_people_whose_middle_age_is_in_them() -> None:
    people = [Person(1, (25, 35)), Person(2, (4, 6)), Person(3, (60, 100)), Person(4), Person(5, (55, 64))]
    rows = build([[GLAD] * 20, [SAD] * 20, [CALM] * 20, [SAD] * 20, [CALM] * 20])
    found = analyse(session(20), rows, [], people).ages
    assert [(group.low, group.high, group.people) for group in found] == [
        (0, 17, 1), (30, 44, 1), (45, 59, 1), (60, None, 1),
    ]  # fmt: skip
    assert found[1].shares.emotions[GLAD].share == 1
    assert analyse(session(20), rows, []).ages == ()


def test_a_session_that_keeps_the_group_only_has_shares_but_no_people() -> None:
    rows = build([[GLAD] * 30, [CALM] * 30]).of(ROOM)
    found = analyse(session(30, aggregate_only=True), rows, [Marker(10, "a")])
    assert of(found, GLAD) == 0.5
    assert found.people == ()
    assert found.balanced is None
    assert found.overall.people is None
    assert found.intervals[0].shares.people is None
    assert found.transitions is not None
    assert found.transitions.basis == "group"


def test_a_piece_of_a_session_is_analysed_alone() -> None:
    rows = build([[GLAD] * 20 + [SAD] * 20])
    found = analyse(session(40), rows, [Marker(10, "a"), Marker(20, "b")], span=Span("b", 20, 40))
    assert of(found, SAD) == 1
    assert found.coverage.duration_s == found.coverage.recorded_s == 20
    assert [one.span.label for one in found.intervals] == ["b"]


def test_an_empty_session_has_no_figures_and_says_so() -> None:
    rows = aggregates({1: shown([CALM])})
    for found in (
        analyse(session(0), rows.where(rows.person < 0), []),
        analyse(session(30), aggregates({1: shown([-1] * 30)}), [Marker(3, "a")], relative=True),
    ):
        assert found.overall.readings == 0
        assert found.overall.top is None
        assert found.overall.valence.value is None
        assert any("No face was read" in caution.text for caution in found.warnings)
        json.dumps(found.to_dict(), allow_nan=False)


def test_everything_becomes_json_with_english_keys(rng: np.random.Generator) -> None:
    rows = aggregates({1: calm(90, rng), 2: calm(90, rng)})
    text = json.dumps(analyse(session(90), rows, [Marker(30, "a")], [Person(1, (20, 30))]).to_dict(), allow_nan=False)
    found = json.loads(text)
    assert [one["emotion"] for one in found["overall"]["emotions"]] == [emotion.value for emotion in EMOTIONS]
    assert set(found["warnings"][0] if found["warnings"] else {"text": 1, "values": 1}) == {"text", "values"}
    assert found["people"][0]["age"] == [20, 30]


def test_spans_start_at_markers_and_what_is_before_has_no_name() -> None:
    markers = [Marker(20, "b"), Marker(5, "a"), Marker(8, "", MarkerKind.PAUSE, 9), Marker(99, "late")]
    assert spans(session(30), markers) == (Span("", 0, 5), Span("a", 5, 20), Span("b", 20, 30))
    assert spans(session(30), [Marker(0, "a")]) == (Span("a", 0, 30),)
    assert spans(session(30), []) == ()


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=5),
    st.integers(0, 50),
    st.integers(0, 20),
)
def test_covered_counts_each_second_once(parts: list[tuple[int, int]], start: int, length: int) -> None:
    counted = sum(any(a <= second < b for a, b in parts) for second in range(start, start + length))
    assert covered(parts, np.array([float(start)]), np.array([float(start + length)]))[0] == pytest.approx(counted)


def test_block_weights_draw_neighbours_together() -> None:
    weights = block_weights(10, 3, 50)
    assert weights.shape == (50, 10)
    assert set(weights.sum(axis=1)) == {12}  # four blocks of three
    alone = block_weights(10, 10, 50)
    assert (alone == 1).all()
    assert set(unit_weights(7, 20).sum(axis=1)) == {7}


def test_blocks_grow_with_autocorrelation() -> None:
    assert block_length(1000, 0.0) == 1
    assert 1 < block_length(1000, 0.3) < block_length(1000, 0.9) <= 333
    random = np.random.default_rng(0)
    assert autocorrelation(random.normal(size=(5000, 1))) < 0.05
    assert autocorrelation(random.normal(size=(5000, 1)).cumsum(axis=0)) == 0.95


def test_the_expanded_interval_of_independent_units_agrees_with_the_t_interval() -> None:
    from scipy import stats

    units = np.random.default_rng(1).normal(size=12)
    low, high = expanded((unit_weights(12, 20_000) @ units / 12)[:, None], 12)
    expected = stats.t.interval(0.95, 11, units.mean(), stats.sem(units))
    assert (low[0], high[0]) == pytest.approx(expected, abs=0.12 * (expected[1] - expected[0]))


def test_intervals_hold_the_true_share_although_neighbouring_seconds_are_alike() -> None:
    held = naive = 0
    for seed in range(60):
        seen = aggregates({1: restless(600, np.random.default_rng(seed))}).of(ROOM)
        glad = shares(Rows.of(seen), Clock.of(seen, [], 600), 1).emotions[GLAD]
        assert glad.low is not None
        assert glad.high is not None
        assert glad.share is not None
        held += glad.low <= 0.3 <= glad.high
        naive += abs(glad.share - 0.3) <= 1.96 * np.sqrt(glad.share * (1 - glad.share) / 600)
    assert held >= 50  # of 60; 95 % would be 57
    assert naive < held


def test_what_was_never_or_always_shown_has_no_interval() -> None:
    """Zero to zero would call it impossible, and nothing in the data tells how far from it the truth may be."""
    disgust = analyse(session(60), build([[CALM, GLAD] * 30]), []).overall.emotions[1]
    assert (disgust.share, disgust.low, disgust.high) == (0, None, None)
    glad = analyse(session(60), build([[GLAD] * 60]), []).overall.emotions[GLAD]
    assert (glad.share, glad.low, glad.high) == (1, None, None)


def test_too_few_steps_have_no_interval() -> None:
    glad = analyse(session(5), build([[GLAD] * 5]), []).overall.emotions[GLAD]
    assert (glad.share, glad.low, glad.high) == (1, None, None)
