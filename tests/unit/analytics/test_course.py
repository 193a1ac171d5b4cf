"""What happens over time: timeline, path, transitions, dwell times, moments."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mimik.analytics import Moment, analyse
from mimik.store.values import ROOM, Aggregates, Marker, MarkerKind
from tests.unit.analytics.sessions import CALM, GLAD, SAD, aggregates, at_step, calm, restless, session, shown


def moved(steps: int, at: int, random: np.random.Generator, *, rho: float = 0.6) -> NDArray[np.float64]:
    """A still face that turns from calm to glad at a step."""
    still = calm(steps, random, rho, 0.03)
    return np.concatenate([still[:at], still[at:][:, [0, 1, 2, CALM, 4, 5, GLAD]]])


def moments(rows: Aggregates, markers: list[Marker] | None = None) -> tuple[Moment, ...]:
    return analyse(session(float(rows.start_s.max() + rows.step_s)), rows, markers or []).moments


def test_transitions_and_dwell_of_a_case_done_by_hand() -> None:
    labels = [CALM] * 5 + [GLAD] * 3 + [CALM] * 2 + [-1] * 4 + [GLAD] * 2 + [SAD]
    found = analyse(session(17), aggregates({1: shown(labels), 2: shown([CALM] * 17)}), [])
    assert found.transitions is not None
    counts = np.array(found.transitions.counts)
    assert counts[CALM, GLAD] == 1
    assert counts[GLAD, CALM] == 1
    assert counts[GLAD, SAD] == 1
    assert counts[CALM, CALM] == 4 + 1 + 16
    assert counts[GLAD, GLAD] == 2 + 1
    assert counts.sum() == 9 + 2 + 16  # nothing across the gap
    assert found.transitions.shares[GLAD][GLAD] == pytest.approx(3 / 5)
    assert found.transitions.changes[GLAD][CALM] == 0.5
    assert found.transitions.shares[SAD] == (None,) * 7
    glad, calmly = found.dwell[GLAD], found.dwell[CALM]
    assert (glad.spells, glad.total_s, glad.mean_s, glad.median_s, glad.longest_s) == (2, 5, 2.5, 2.5, 3)
    assert (calmly.spells, calmly.total_s, calmly.median_s, calmly.longest_s) == (3, 24, 5, 17)
    assert found.dwell[0].mean_s is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-1, 6), min_size=1, max_size=60))
def test_dwell_times_fill_the_labelled_time_and_spells_follow_changes(labels: list[int]) -> None:
    found = analyse(session(len(labels)), aggregates({1: shown(labels)}), [])
    assert found.transitions is not None
    assert sum(one.total_s for one in found.dwell) == sum(label >= 0 for label in labels)
    counts = np.array(found.transitions.counts)
    gaps = sum(now >= 0 and (i == 0 or labels[i - 1] < 0) for i, now in enumerate(labels))
    assert sum(one.spells for one in found.dwell) == gaps + counts.sum() - np.trace(counts)


def test_two_people_are_never_one_sequence() -> None:
    found = analyse(session(4), aggregates({1: shown([GLAD, GLAD]), 2: shown([-1, -1, SAD, SAD])}), [])
    assert found.transitions is not None
    assert found.transitions.counts[GLAD][SAD] == 0


@pytest.mark.parametrize("steps", [1, 30, 599, 601, 20_000])
def test_a_timeline_is_never_longer_than_a_screen_and_covers_all(steps: int) -> None:
    people = np.tile(shown([CALM, CALM, GLAD]), (steps // 3 + 1, 1))[:steps]
    line = analyse(session(steps), aggregates({1: people}), []).timeline
    assert 1 <= len(line.time_s) <= 600
    assert sum(line.readings) == steps * 10
    assert line.time_s[-1] + line.step_s / 2 >= steps
    assert len(line.valence.value) == len(line.emotions["sad"].low) == len(line.time_s)


def test_the_band_holds_the_mean_and_most_of_a_still_face(rng: np.random.Generator) -> None:
    line = analyse(session(1200), aggregates({1: calm(1200, rng, 0.8)}), []).timeline
    value, low, high = (
        np.array(column, float)
        for column in (line.emotions["neutral"].value, line.emotions["neutral"].low, line.emotions["neutral"].high)
    )
    assert (low <= value).all()
    assert (value <= high).all()
    truth = value.mean()
    assert ((low <= truth) & (truth <= high)).mean() > 0.75
    assert (high - low).mean() < 0.3


def test_a_gap_in_the_timeline_is_none() -> None:
    line = analyse(session(60), aggregates({1: shown([CALM] * 20 + [-1] * 20 + [GLAD] * 20)}), []).timeline
    assert line.emotions["happy"].value[30] is None
    assert line.valence.low[30] is None
    assert line.emotions["happy"].value[50] == pytest.approx(0.8)
    assert line.emotions["happy"].value[5] == pytest.approx(0.2 / 6, abs=1e-4)


def test_the_path_goes_from_calm_to_glad() -> None:
    way = analyse(session(200), aggregates({1: shown([CALM] * 100 + [GLAD] * 100)}), []).path
    assert len(way.time_s) <= 60
    assert way.valence[0] < 0.2 < 0.5 < way.valence[-1]


def test_a_moment_is_found_where_the_mood_turned_and_says_what_rose(rng: np.random.Generator) -> None:
    rows = aggregates({number: moved(600, 300, rng) for number in (1, 2)})
    (found,) = moments(rows, [Marker(100, "start"), Marker(297, "joke")])
    assert found.time_s == pytest.approx(300, abs=3)
    assert found.rose[0].emotion == "happy"
    assert found.rose[0].change == pytest.approx(0.3, abs=0.08)
    assert found.fell[0].emotion == "neutral"
    assert found.size == pytest.approx(0.3, abs=0.08)
    assert found.valence > 0.1
    assert found.near == "joke"


def test_coarse_steps_find_the_same_moment(rng: np.random.Generator) -> None:
    rows = aggregates({1: moved(7200, 3600, rng)})
    (found,) = moments(at_step(rows, 60))
    assert found.time_s == pytest.approx(3600, abs=60)


def test_too_little_to_tell_moments_by_tells_none(rng: np.random.Generator) -> None:
    """The change itself would be most of what noise is told from."""
    assert moments(aggregates({1: moved(60, 35, rng)})) == ()


@pytest.mark.parametrize("steps", [60, 75, 90, 120])
def test_short_restless_sessions_have_hardly_any_moments(steps: int) -> None:
    false = sum(bool(moments(aggregates({1: restless(steps, np.random.default_rng(seed))}))) for seed in range(40))
    assert false <= 4


@pytest.mark.parametrize("rho", [0.6, 0.9])
def test_five_minutes_are_enough_for_a_moment(rho: float) -> None:
    for seed in range(10):
        rows = aggregates({1: moved(300, 150, np.random.default_rng(seed), rho=rho)})
        assert [found.time_s for found in moments(rows)] == [pytest.approx(150, abs=5)]


@pytest.mark.parametrize(("steps", "rho"), [(60, 0.6), (600, 0.0), (600, 0.6), (600, 0.9)])
def test_still_sessions_have_hardly_any_moments(steps: int, rho: float) -> None:
    false = sum(
        bool(moments(aggregates({1: calm(steps, np.random.default_rng(seed), rho, 0.1)}))) for seed in range(20)
    )
    assert false <= 2


def test_somebody_who_comes_in_is_no_moment(rng: np.random.Generator) -> None:
    glad = calm(600, rng, 0.6, 0.02)[:, [0, 1, 2, CALM, 4, 5, GLAD]]
    glad[:300] = np.nan
    rows = aggregates({1: calm(600, rng, 0.6, 0.02), 2: glad})
    assert moments(rows) == ()
    assert moments(rows.of(ROOM)) != ()  # the group alone cannot tell


def test_a_pause_hides_no_moment_in_it_and_windows_do_not_reach_over_it(rng: np.random.Generator) -> None:
    rows = aggregates({1: moved(600, 300, rng)})
    paused = rows.where((rows.start_s < 250) | (rows.start_s >= 350))
    assert moments(paused, [Marker(250, "", MarkerKind.PAUSE, 350)]) == ()


def test_rest_is_not_part_of_the_course() -> None:
    rows = aggregates({1: shown([SAD] * 10 + [CALM] * 50)})
    found = analyse(session(60), rows, [Marker(0, "", MarkerKind.BASELINE, 10)])
    assert found.overall.emotions[SAD].share == 0
    assert found.dwell[SAD].spells == 0
    assert found.timeline.time_s[0] > 10
    assert found.coverage.rest_s == 10
    assert found.coverage.recorded_s == 60


def test_blocks_are_long_enough_to_stand_alone(rng: np.random.Generator) -> None:
    found = analyse(session(610), aggregates({1: calm(610, rng, 0.0)}), [])
    assert found.block_s >= 30
    slower = analyse(session(610), aggregates({1: calm(610, rng, 0.95)}), [])
    assert slower.block_s > found.block_s
    assert found.blocks[0].shares is not None
    assert sum(found.blocks[0].shares) == pytest.approx(1)
    assert len(found.blocks) == int(610 // found.block_s) + (610 % found.block_s > found.block_s / 4)


def test_a_session_of_a_hundred_hours_is_no_longer_on_paper_than_one_of_an_hour(rng: np.random.Generator) -> None:
    hour = aggregates({1: calm(3600, rng), 2: calm(3600, rng)})
    long = replace(hour, step_s=60, start_s=hour.start_s * 60)
    found = analyse(session(216_000), long, [])
    assert len(found.timeline.time_s) <= 600
    assert found.coverage.step_s == 60
    assert len(found.hours.cells) == 60
