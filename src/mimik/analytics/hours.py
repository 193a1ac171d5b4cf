"""Mood by hour and weekday."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mimik.analytics.base import Caution, say
from mimik.analytics.results import Hour, Hours
from mimik.analytics.shares import means
from mimik.analytics.steps import READINGS, Rows
from mimik.store.values import ROOM, Aggregates, Session

__all__ = ["by_hour"]


def by_hour(sessions: Iterable[tuple[Session, Aggregates]]) -> Hours:
    """Mood by weekday and hour over one or more sessions, each in the local time of its recording.

    A step belongs to the hour in which its middle lies. Hours of analysed videos are counted from the time at which
    their files say that they begin.
    """
    sums = np.zeros((168, 18))
    frames, faces = np.zeros(168), np.zeros(168)
    dates: set[tuple[int, int]] = set()
    count = videos = 0
    for session, aggregates in sessions:
        count += 1
        videos += not session.live
        room = aggregates.of(ROOM)
        started = session.started_at
        midnight = started.hour * 3600 + started.minute * 60 + started.second + started.microsecond / 1e6
        seconds = midnight + room.start_s + room.step_s / 2
        days = (seconds // 86400).astype(np.int64)
        cell = (days + started.weekday()) % 7 * 24 + (seconds % 86400 // 3600).astype(np.int64)
        rows = Rows.of(room)
        sums += np.stack([np.bincount(cell, column, 168) for column in rows.sums.T], axis=1)
        frames += np.bincount(cell, room.frames, 168)
        faces += np.bincount(cell, room.faces, 168)
        read = room.readings > 0
        pairs = np.unique(np.stack([cell[read], days[read] + started.date().toordinal()]), axis=1)
        dates.update(zip(*pairs.tolist(), strict=True))
    values = [[None if x != x else x for x in row] for row in means(sums).tolist()]
    days_in = np.bincount(np.array([cell for cell, _ in dates], np.int64), minlength=168)
    cells = tuple(
        Hour(
            cell // 24,
            cell % 24,
            int(days_in[cell]),
            int(faces[cell]),
            int(sums[cell, READINGS]),
            float(faces[cell] / frames[cell]),
            tuple(values[cell][:7]),
            tuple(values[cell][7:14]),
            values[cell][14],
            values[cell][15],
        )
        for cell in np.flatnonzero(frames).tolist()
    )
    warnings: list[Caution] = []
    if videos:
        warnings.append(
            say(
                "Videos among the sessions: {count}. Their hours are right only if the files tell when they were "
                "recorded.",
                count=videos,
            )
        )
    return Hours(cells, count, len({date for _, date in dates}), tuple(warnings))
