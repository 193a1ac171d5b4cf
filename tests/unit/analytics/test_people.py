"""Synchrony between people, their rest, coverage, hours and what is warned of."""

from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from mimik.analytics import analyse, by_hour
from mimik.analytics.steps import Rows
from mimik.analytics.synchrony import holm, synchrony
from mimik.store.values import REASONS, ROOM, Aggregates, Marker, MarkerKind, SessionState
from mimik.types import Reason
from tests.unit.analytics.sessions import CALM, GLAD, SAD, aggregates, at_step, mixture, session, shown


def waves(steps: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Happiness that comes and goes irregularly, ``(steps,)`` of 0.1 to 0.7."""
    noise = np.convolve(random.normal(size=steps + 20), np.hanning(9), "same")[10 : steps + 10]
    return np.asarray(0.4 + 0.3 * np.tanh(noise))


def smiling(happy: NDArray[np.float64]) -> NDArray[np.float64]:
    people = np.tile((1 - happy)[:, None] / 6, (1, 7))
    people[:, GLAD] = happy
    return people


def test_people_who_move_together_are_in_synchrony_and_the_follower_is_named(rng: np.random.Generator) -> None:
    shared = waves(303, rng)
    people = {
        1: smiling(shared[3:]),
        2: smiling(shared[:300]),  # three seconds later
        3: smiling(waves(300, rng)),
    }
    found = analyse(session(300), aggregates(people), []).synchrony
    assert found is not None
    pairs = {pair.people: pair for pair in found.pairs}
    assert pairs[1, 2].lag_s == 3
    assert pairs[1, 2].best > 0.95
    assert pairs[1, 2].p < 0.05
    assert pairs[1, 3].p > 0.05
    assert found.max_lag_s == 5


def test_correlation_is_pearsons_of_what_is_left_without_the_trend(rng: np.random.Generator) -> None:
    from scipy.signal import detrend

    one, other = waves(200, rng) + np.linspace(0, 0.2, 200), waves(200, rng) + np.linspace(0.2, 0, 200)
    found = analyse(session(200), aggregates({1: smiling(one), 2: smiling(other)}), []).synchrony
    assert found is not None
    assert found.pairs[0].correlation == pytest.approx(stats.pearsonr(detrend(one), detrend(other)).statistic)
    assert found.mean == found.pairs[0].correlation


def test_a_shared_trend_alone_is_no_synchrony(rng: np.random.Generator) -> None:
    people = {n: smiling(waves(300, rng) * 0.3 + np.linspace(0, 0.6, 300)) for n in (1, 2)}
    found = analyse(session(300), aggregates(people), []).synchrony
    assert found is not None
    assert abs(found.mean) < 0.4


def test_independent_people_are_seldom_called_synchronous() -> None:
    false = groups = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        found = synchrony(
            Rows.of(aggregates({n: smiling(waves(180, random)) for n in (1, 2, 3)}, room=False)).by_person()
        )
        assert found is not None
        false += any(pair.p < 0.05 for pair in found.pairs)
        groups += found.p < 0.05
    assert false <= 6
    assert groups <= 6


def test_people_need_a_minute_in_common(rng: np.random.Generator) -> None:
    here, later = smiling(waves(100, rng)), smiling(waves(100, rng))
    later[:45] = np.nan
    assert analyse(session(100), aggregates({1: here, 2: later}), []).synchrony is None
    later[:40] = later[60]
    assert analyse(session(100), aggregates({1: here, 2: smiling(waves(100, rng))}), []).synchrony is not None


def test_faces_that_never_move_have_no_correlation() -> None:
    assert analyse(session(90), aggregates({1: shown([CALM] * 90), 2: shown([GLAD] * 90)}), []).synchrony is None


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])


REST = Marker(0, "", MarkerKind.BASELINE, 10)


def test_figures_relative_to_rest_are_differences_from_the_persons_own() -> None:
    rows = aggregates({1: shown([SAD] * 10 + [GLAD] * 50), 2: shown([-1] * 10 + [CALM] * 50), 3: shown([GLAD] * 60)})
    found = analyse(session(60), rows, [REST], relative=True)
    assert [one.person for one in found.baselines] == [1, 3]
    assert found.baselines[0].probabilities == pytest.approx(tuple(mixture(SAD)))
    assert [one.number for one in found.people] == [1, 3]
    difference = mixture(GLAD) - mixture(SAD)
    own = [one.probability for one in found.people[0].shares.emotions]
    assert own == pytest.approx(list(difference))
    assert [one.probability for one in found.overall.emotions] == pytest.approx(list(difference / 2))
    assert found.overall.valence.value == pytest.approx((0.81 + 0.63) * (0.8 - 0.2 / 6) / 2)
    assert all(one.share is None and one.low is None for one in found.overall.emotions)
    assert found.transitions is None
    assert found.dwell == ()
    assert found.hours.cells == ()
    (caution,) = [one for one in found.warnings if "{people}" in one.text]
    assert caution.values == {"count": 1, "people": 3}


def test_rest_too_short_for_a_step_gives_no_baseline_and_a_warning() -> None:
    rows = aggregates({1: shown([SAD] * 10 + [GLAD] * 170)})
    found = analyse(session(180), at_step(rows, 60), [REST])
    assert found.baselines == ()
    assert any("Rest is marked" in caution.text for caution in found.warnings)
    assert found.overall.emotions[SAD].share == pytest.approx(1 / 18)


def test_a_group_only_session_cannot_be_relative() -> None:
    found = analyse(session(60), aggregates({1: shown([CALM] * 60)}).of(ROOM), [REST], relative=True)
    assert found.overall.readings == 0
    assert "keeps the group only" in found.warnings[0].text


def faulty(steps: int, reason: Reason, part: float) -> Aggregates:
    """One person, of whose ten samples a second some are withheld."""
    rows = aggregates({1: shown([CALM] * steps)})
    count = round(10 * part)
    keep = 1 - part
    withheld = np.zeros((len(rows), 7), np.int64)
    withheld[:, REASONS.index(reason)] = count
    return replace(
        rows,
        sure=rows.sure - count,
        withheld=withheld,
        probabilities=rows.probabilities * keep,
        labels=np.rint(rows.labels * keep).astype(np.int64),
    )


def test_coverage_tells_who_was_seen_read_and_withheld_and_why() -> None:
    rows = faulty(100, Reason.DARK, 0.4)
    empty = aggregates({1: shown([-1] * 50)}, room=True)
    later = replace(empty, start_s=empty.start_s + 100)
    both = Aggregates(
        1, *(np.concatenate([getattr(a, f.name) for a in (rows, later)]) for f in fields(rows) if f.name != "step_s")
    )
    found = analyse(session(170), both, [])
    seen = found.coverage
    assert (seen.recorded_s, seen.missing_s, seen.seen_s, seen.read_s) == pytest.approx((150, 20, 100, 60))
    assert (seen.frames, seen.empty, seen.faces, seen.sure) == (1500, 500, 1000, 600)
    assert seen.withheld["dark"] == 400
    assert sum(seen.withheld.values()) == 400
    assert seen.quality == pytest.approx(0.9)
    assert found.people[0].withheld["dark"] == 400
    assert (found.people[0].seen_s, found.people[0].read_s) == pytest.approx((100, 60))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (faulty(100, Reason.DARK, 0.4), "could not be read"),
        (faulty(100, Reason.TOO_SMALL, 0.2), "too small"),
        (aggregates({1: shown([CALM] * 30)}), "less than a minute"),
        (aggregates({1: shown([CALM] * 9)}), "every one of them"),
        (aggregates({1: shown([CALM] * 90)}), "Only one person"),
        (at_step(aggregates({1: shown([CALM] * 120)}), 60), "coarse"),
    ],
)
def test_warnings_come_when_they_should(rows: Aggregates, words: str) -> None:
    texts = [caution.text for caution in analyse(session(120), rows, []).warnings]
    assert any(words in text for text in texts)


def test_a_good_session_has_no_warnings_and_faults_have_theirs() -> None:
    rows = aggregates({1: shown([CALM] * 90), 2: shown([GLAD] * 90)})
    assert analyse(session(90), rows, []).warnings == ()
    broken = session(90, state=SessionState.INTERRUPTED)
    found = analyse(broken, rows, [Marker(80, "", MarkerKind.LOST, 85)])
    assert [caution.text.split()[0] for caution in found.warnings] == ["{seconds}", "The"]
    assert found.warnings[0].text.format(**found.warnings[0].values).startswith("5 seconds")


def test_hours_are_local_and_gather_days_of_several_sessions() -> None:
    rows = at_step(aggregates({1: shown([GLAD] * 3600 + [SAD] * 3600)}), 60)
    monday = session(7200, started_at=datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=3))))
    week_after = replace(monday, started_at=monday.started_at + timedelta(days=7))
    sunday = replace(monday, started_at=datetime(2026, 3, 8, 23, 0, tzinfo=timezone(timedelta(hours=-5))))
    found = by_hour([(monday, rows), (week_after, rows), (sunday, rows)])
    cells = {(cell.weekday, cell.hour): cell for cell in found.cells}
    assert set(cells) == {(0, 9), (0, 10), (6, 23), (0, 0)}
    assert cells[0, 9].shares[GLAD] == cells[0, 10].shares[SAD] == cells[0, 0].shares[SAD] == 1
    assert (cells[0, 9].days, cells[6, 23].days) == (2, 1)
    assert cells[0, 9].readings == 2 * 36_000
    assert cells[0, 9].per_frame == 1
    assert (found.sessions, found.days) == (3, 3)  # the Sunday runs into the second Monday
    assert found.warnings == ()


def test_hours_of_videos_are_warned_of_and_none_is_an_empty_table() -> None:
    rows = aggregates({1: shown([GLAD] * 60)})
    assert by_hour([(session(60, live=False), rows)]).warnings[0].values == {"count": 1}
    assert by_hour([]).cells == ()


def test_an_hour_with_nobody_is_there_without_shares() -> None:
    (cell,) = by_hour([(session(60), aggregates({1: shown([-1] * 60)}))]).cells
    assert (cell.faces, cell.per_frame, cell.days) == (0, 0, 0)
    assert cell.shares == (None,) * 7
