"""Values and rows."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mimik.store.rows import clean, draft_of, draft_text, merge
from mimik.store.values import COARSE_S, FINE_S, Draft, Purpose
from tests.sessions import SUMS, aggregates, assert_same

places = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 4)), max_size=40)


@given(places, st.sampled_from([FINE_S, 5, COARSE_S, 120]))
def test_merged_steps_are_the_sums_of_their_parts(rows: list[tuple[int, int]], step_s: int) -> None:
    fine = aggregates([float(start) for start, _ in rows], [person for _, person in rows])
    merged = merge(fine, step_s)
    assert merged.step_s == step_s
    keys = list(zip(merged.start_s.tolist(), merged.person.tolist(), strict=True))
    assert keys == sorted({(start // step_s * step_s, person) for start, person in rows})
    for index, (start, person) in enumerate(keys):
        chosen = (fine.person == person) & (fine.start_s >= start) & (fine.start_s < start + step_s)
        for name in SUMS:
            np.testing.assert_allclose(getattr(merged, name)[index], getattr(fine, name)[chosen].sum(axis=0))


@given(places)
def test_merging_in_two_goes_is_merging_in_one(rows: list[tuple[int, int]]) -> None:
    fine = aggregates([float(start) for start, _ in rows], [person for _, person in rows])
    assert_same(merge(merge(fine, 5), COARSE_S), merge(fine, COARSE_S))


@given(
    st.builds(
        Draft,
        title=st.text(),
        purpose=st.sampled_from(Purpose),
        tags=st.lists(st.text()).map(tuple),
        consent=st.text(),
        aggregate_only=st.booleans(),
        raw_days=st.none() | st.integers(0, 999),
        started_at=st.none() | st.just(datetime(2026, 11, 22, 10, tzinfo=UTC)),
    )
)
def test_drafts_survive_the_queue(draft: Draft) -> None:
    assert draft_of(draft_text(draft)) == draft


@given(st.text(st.characters(exclude_categories=[])))
def test_clean_texts_can_be_stored(text: str) -> None:
    cleaned = clean(text)
    assert "\0" not in cleaned
    cleaned.encode()
    assert clean(cleaned) == cleaned
