"""Everything about one session at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mimik.analytics.baselines import baselines, less_rest
from mimik.analytics.course import Block
from mimik.analytics.coverage import Clock, cautions, coverage, withheld
from mimik.analytics.hours import by_hour
from mimik.analytics.moments import moments
from mimik.analytics.resampling import autocorrelation, block_length
from mimik.analytics.results import Analysis, Hours, Interval, PersonResult, Span
from mimik.analytics.sequences import dwell, transitions
from mimik.analytics.shares import ages, balanced, means, shares
from mimik.analytics.steps import READINGS, VALUES, Rows, covered, end_of, pieces, spans
from mimik.analytics.synchrony import synchrony
from mimik.analytics.timeline import path, timeline
from mimik.store.values import ROOM, Aggregates, Marker, MarkerKind, Person, Session

__all__ = ["analyse"]

_LEAST_SEEN_S = 10.0
"""Who was read for less does not count among people that each count the same: mostly somebody passing by."""
_LEAST_BLOCK_S = 30.0
_FULL_BLOCK = 0.25
"""Blocks with less than this part of the usual readings (the last one, mostly) are no blocks."""
_WITH_INTERVALS = 100
"""People beyond so many, those read least, get their shares without intervals."""


def analyse(
    session: Session,
    aggregates: Aggregates,
    markers: Sequence[Marker],
    people: Sequence[Person] = (),
    *,
    relative: bool = False,
    span: Span | None = None,
) -> Analysis:
    """Everything that the figures and the report say about one session.

    Time that PAUSE and LOST markers cover never counts. Steps that lie in rest (BASELINE markers, by at least half) are
    the people's baselines and not part of the shares and of what follows from them; `Coverage` includes them.

    Args:
        session: the session.
        aggregates: its rows, at any step.
        markers: its markers, in any order.
        people: what is known of its people; only their ages are used.
        relative: give differences from each person's own rest (BASELINE markers) instead of absolute figures.
        span: only this piece of the session; baselines are still taken from all of it.
    """
    end_s = end_of(session, aggregates)
    away = pieces(markers, end_s, MarkerKind.PAUSE, MarkerKind.LOST)
    resting = pieces(markers, end_s, MarkerKind.BASELINE)
    step_s = aggregates.step_s
    aggregates = aggregates.where(covered(away, aggregates.start_s, aggregates.start_s + step_s) < step_s - 1e-6)
    clock = Clock.of(aggregates, markers, end_s)
    in_rest = covered(resting, aggregates.start_s, aggregates.start_s + step_s) >= step_s / 2

    rows = Rows.of(aggregates)
    single = aggregates.person != ROOM
    at_rest = rows.where(single & in_rest)
    rest = baselines(at_rest, {number: clock.read(own) for number, own in at_rest.by_person().items()})
    start_s = 0.0
    chosen = ~in_rest
    if span is not None:
        start_s, end_s = max(0.0, span.start_s), min(end_s, span.end_s)
        inside = (aggregates.start_s + step_s / 2 >= start_s) & (aggregates.start_s + step_s / 2 < end_s)
        aggregates = aggregates.where(inside)
        rows, single, chosen = rows.where(inside), single[inside], chosen[inside]
        clock = Clock.of(aggregates, markers, end_s)

    each = rows.where(single & chosen)
    group = rows.where(~single & chosen)
    group_only = not single.any()
    if relative:
        each = less_rest(each, rest)
        group = Rows(step_s, np.full(len(each), ROOM), each.step, each.sums)
    by_person = each.by_person()
    read_s = {number: clock.read(own) for number, own in by_person.items()}
    persons = _people(aggregates, clock, by_person, read_s, people)
    lasting = [own for number, own in by_person.items() if read_s[number] >= _LEAST_SEEN_S]
    count = None if group_only else sum(1 for own in by_person.values() if own.sums[:, READINGS].any())
    overall = shares(group, clock, count)
    seen = coverage(aggregates, markers, clock, start_s, end_s)
    block, blocks = _blocks(group, relative=relative)
    basis = group if group_only else each
    return Analysis(
        session=session.id,
        title=session.title,
        relative=relative,
        overall=overall,
        balanced=balanced(
            lasting, clock, sum(read_s[number] for number in by_person if read_s[number] >= _LEAST_SEEN_S)
        ),
        people=persons,
        intervals=_intervals(spans(session, markers), group, each, clock, span, group_only=group_only),
        ages=ages(by_person, people, clock),
        timeline=timeline(group, relative=relative),
        path=path(group),
        transitions=None if relative else transitions(basis, basis="group" if group_only else "people"),
        dwell=() if relative else dwell(basis),
        moments=moments(each, group, markers),
        synchrony=synchrony(by_person),
        hours=Hours((), 1, 0) if relative else by_hour([(session, aggregates.where(chosen))]),
        coverage=seen,
        baselines=rest,
        block_s=block,
        blocks=blocks,
        warnings=cautions(
            session,
            seen,
            people=count,
            readings=overall.readings,
            read_s=overall.seconds,
            relative=relative,
            left_out=len(np.setdiff1d(aggregates.person[single], [one.person for one in rest])) if relative else 0,
            rest_unread=bool(resting) and not rest and not group_only,
        ),
    )


def _people(
    aggregates: Aggregates,
    clock: Clock,
    by_person: dict[int, Rows],
    read_s: dict[int, float],
    people: Sequence[Person],
) -> tuple[PersonResult, ...]:
    known = {person.number: person.age for person in people}
    most = set(sorted(by_person, key=lambda number: -read_s[number])[:_WITH_INTERVALS])
    found = []
    for number in by_person:
        own = aggregates.where(aggregates.person == number)
        faces = int(own.faces.sum())
        found.append(
            PersonResult(
                number,
                known.get(number),
                shares(by_person[number], clock, 1, interval=number in most),
                clock.during(np.rint(own.start_s / own.step_s).astype(np.int64), own.frames),
                read_s[number],
                withheld(own),
                float(own.quality.sum()) / faces if faces else None,
            )
        )
    return tuple(found)


def _intervals(
    parts: Sequence[Span], group: Rows, each: Rows, clock: Clock, span: Span | None, *, group_only: bool
) -> tuple[Interval, ...]:
    found = []
    middles, single = (group.step + 0.5) * group.step_s, (each.step + 0.5) * each.step_s
    for part in parts:
        if span is not None and (part.end_s <= span.start_s or part.start_s >= span.end_s):
            continue
        rows = group.where((middles >= part.start_s) & (middles < part.end_s))
        inside = (single >= part.start_s) & (single < part.end_s) & (each.sums[:, READINGS] > 0)
        count = None if group_only else len(np.unique(each.person[inside]))
        found.append(Interval(part, shares(rows, clock, count)))
    return tuple(found)


def _blocks(group: Rows, *, relative: bool) -> tuple[float, tuple[Block, ...]]:
    """Stretches of at least 30 s, twice as long as neighbouring steps depend on each other."""
    steps = group.grid()
    read = steps[steps[:, READINGS] > 0]
    length = max(1, -int(-_LEAST_BLOCK_S // group.step_s))
    if len(read):
        centre = read[:, VALUES].sum(axis=0) / read[:, READINGS].sum()
        rho = autocorrelation(read[:, VALUES] - centre * read[:, [READINGS]])
        length = max(length, 2 * block_length(len(read), rho))
    bins = group.grid(length)
    read = bins[bins[:, READINGS] > 0, READINGS]
    least = max(1.0, _FULL_BLOCK * float(np.median(read))) if len(read) else 1.0
    first = int(group.step.min()) if len(group) else 0
    return float(length * group.step_s), tuple(
        Block(
            float((first + int(at) * length) * group.step_s),
            int(bins[at, READINGS]),
            None if relative else tuple(row[:7]),
            tuple(row[7:14]),
            row[14],
            row[15],
        )
        for at in np.flatnonzero(bins[:, READINGS] >= least)
        for row in [means(bins[at][None])[0].tolist()]
    )
