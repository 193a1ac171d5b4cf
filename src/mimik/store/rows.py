"""Values to rows and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from mimik.store.tables import BOX_SCALE, SCALE, SUMS
from mimik.store.values import (
    EMOTIONS,
    REASONS,
    Aggregates,
    Draft,
    Job,
    JobState,
    Marker,
    MarkerKind,
    Purpose,
    Samples,
    Session,
    SessionState,
)

__all__ = [
    "SAMPLE_COLUMNS",
    "aggregates_of",
    "clean",
    "draft_of",
    "draft_text",
    "job_of",
    "marker_of",
    "merge",
    "samples_of",
    "samples_rows",
    "session_of",
    "sums_rows",
]

SAMPLE_COLUMNS = (
    *("time_s", "person", "x1", "y1", "x2", "y2", "state", "reason", "label"),
    *(str(emotion) for emotion in EMOTIONS),
    *("quality", "valence", "arousal"),
)
"""The columns of ``samples`` in the order of `samples_of`."""

_WIDTHS = (1, 1, 1, 1, len(REASONS), len(EMOTIONS), len(EMOTIONS), 1, 1, 1)
_FIELDS = (
    "frames",
    "faces",
    "sure",
    "uncertain",
    "withheld",
    "labels",
    "probabilities",
    "quality",
    "valence",
    "arousal",
)


def clean(text: str) -> str:
    """The text as both databases take it: no NUL, no half characters (a path may hold them), no blank ends."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()


def session_of(row: Row[Any], people: int) -> Session:
    """A row of ``sessions``; its times in the zone of the machine that recorded it."""
    zone = timezone(timedelta(seconds=row.utc_offset_s))

    def local(moment: datetime | None) -> datetime | None:
        return None if moment is None else moment.astimezone(zone)

    return Session(
        id=row.id,
        title=row.title,
        purpose=Purpose(row.purpose),
        tags=tuple(json.loads(row.tags)),
        consent=row.consent,
        ground=row.ground,
        aggregate_only=row.aggregate_only,
        source=row.source,
        live=row.live,
        model=row.model,
        started_at=row.started_at.astimezone(zone),
        duration_s=row.duration_s,
        state=SessionState(row.state),
        people=people,
        clip=row.clip,
        version=row.version,
        raw_until=local(row.raw_until),
        keep_until=local(row.keep_until),
    )


def marker_of(row: Row[Any]) -> Marker:
    """A row of ``markers``."""
    return Marker(row.time_s, row.label, MarkerKind(row.kind), row.end_s, row.id)


def draft_text(draft: Draft) -> str:
    """A draft as JSON."""
    values = asdict(draft)
    values["started_at"] = None if draft.started_at is None else draft.started_at.isoformat()
    return json.dumps(values, ensure_ascii=False)


def draft_of(text: str) -> Draft:
    """A draft from its JSON."""
    values = json.loads(text)
    values["purpose"] = Purpose(values["purpose"])
    values["tags"] = tuple(values["tags"])
    values["started_at"] = values["started_at"] and datetime.fromisoformat(values["started_at"])
    return Draft(**values)


def job_of(row: Row[Any]) -> Job:
    """A row of ``jobs``."""
    error = None if row.error is None else json.loads(row.error)
    return Job(
        id=row.id,
        name=row.name,
        path=row.path,
        draft=draft_of(row.draft),
        state=JobState(row.state),
        created_at=row.created_at.astimezone(),
        progress=row.progress,
        error=None if error is None else (error[0], error[1]),
        session=row.session,
        left_s=row.left_s,
        place=row.place,
        frames=row.frames,
        frame_count=row.frame_count,
    )


def merge(aggregates: Aggregates, step_s: int) -> Aggregates:
    """The same sums over longer steps.

    Args:
        aggregates: in any order; rows of the same person and step are added.
        step_s: a multiple of the step that they have.
    """
    start = np.floor(aggregates.start_s / step_s) * step_s
    order = np.lexsort((aggregates.person, start))
    start, person = start[order], aggregates.person[order]
    first = np.flatnonzero(np.r_[True, (np.diff(start) != 0) | (np.diff(person) != 0)][: len(order)])
    columns = {
        name: np.add.reduceat(getattr(aggregates, name)[order], first, axis=0)
        if len(order)
        else getattr(aggregates, name)
        for name in _FIELDS
    }
    return Aggregates(step_s=step_s, person=person[first], start_s=start[first], **columns)


def sums_rows(session: int, aggregates: Aggregates) -> list[dict[str, Any]]:
    """Rows of ``seconds`` or ``minutes``."""
    columns: list[list[Any]] = [aggregates.start_s.astype(np.int64).tolist(), aggregates.person.tolist()]
    for field, width in zip(_FIELDS, _WIDTHS, strict=True):
        values = getattr(aggregates, field)
        columns += [values.tolist()] if width == 1 else [values[:, index].tolist() for index in range(width)]
    names = ("start_s", "person", *SUMS)
    return [{"session": session, **dict(zip(names, row, strict=True))} for row in zip(*columns, strict=True)]


def aggregates_of(step_s: int, batches: Iterable[Sequence[tuple[Any, ...]]]) -> Aggregates:
    """From rows of (start_s, person, sums …) in the order of `SUMS`."""
    tables = [np.array(batch, dtype=np.float64) for batch in batches]
    table = np.concatenate(tables) if tables else np.empty((0, 2 + len(SUMS)))
    columns: dict[str, NDArray[Any]] = {}
    at = 2
    for field, width in zip(_FIELDS, _WIDTHS, strict=True):
        kind = np.float64 if field in ("probabilities", "quality", "valence", "arousal") else np.int64
        columns[field] = (table[:, at] if width == 1 else table[:, at : at + width]).astype(kind)
        at += width
    return Aggregates(step_s=step_s, person=table[:, 1].astype(np.int64), start_s=table[:, 0].copy(), **columns)


def samples_rows(session: int, samples: Samples) -> list[dict[str, Any]]:
    """Rows of ``samples``."""
    columns = [
        samples.time_s.tolist(),
        samples.person.tolist(),
        *_whole(samples.box * BOX_SCALE).T.tolist(),
        samples.state.tolist(),
        [None if value < 0 else value for value in samples.reason.tolist()],
        [None if value < 0 else value for value in samples.label.tolist()],
        *(_whole_or_none(samples.probabilities[:, index]) for index in range(len(EMOTIONS))),
        _whole(np.nan_to_num(samples.quality) * SCALE).tolist(),
        _whole_or_none(samples.valence),
        _whole_or_none(samples.arousal),
    ]
    return [{"session": session, **dict(zip(SAMPLE_COLUMNS, row, strict=True))} for row in zip(*columns, strict=True)]


def samples_of(rows: Sequence[tuple[Any, ...]]) -> Samples:
    """From rows of `SAMPLE_COLUMNS`."""
    table = np.array(rows, dtype=np.float64).reshape(-1, len(SAMPLE_COLUMNS))
    scaled = (table[:, 9:] / SCALE).astype(np.float32)
    return Samples(
        time_s=table[:, 0],
        person=table[:, 1].astype(np.int64),
        box=(table[:, 2:6] / BOX_SCALE).astype(np.float32),
        state=table[:, 6].astype(np.int8),
        reason=np.nan_to_num(table[:, 7], nan=-1).astype(np.int8),
        label=np.nan_to_num(table[:, 8], nan=-1).astype(np.int8),
        probabilities=scaled[:, : len(EMOTIONS)],
        quality=scaled[:, -3],
        valence=scaled[:, -2],
        arousal=scaled[:, -1],
    )


def _whole(values: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.rint(values).astype(np.int64)


def _whole_or_none(values: NDArray[np.float32]) -> list[int | None]:
    return [None if value != value else round(value * SCALE) for value in values.tolist()]
