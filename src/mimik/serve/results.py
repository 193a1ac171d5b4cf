"""What became of a video: ``/v1/jobs/{job}/result.*``, in every format that Mimik writes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import IO, TYPE_CHECKING, Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends
from starlette.responses import Response

from mimik.serve.analyses import report
from mimik.serve.downloads import Download, disposition
from mimik.serve.library import Library, library_of
from mimik.serve.problems import ProblemError, invalid
from mimik.serve.sessions import MEDIA, find
from mimik.sinks.rows import COLUMNS, Row, Value, failed_row
from mimik.store.values import EMOTIONS, REASONS, STATES, Job, JobState, Samples, Session

if TYPE_CHECKING:
    from mimik.store import Store

__all__ = ["FACES", "router", "write_faces"]

router = APIRouter(prefix="/v1/jobs")

_Library = Annotated[Library, Depends(library_of)]
_Table = Literal["session", "people", "markers", "seconds", "samples"]
_SAMPLED = frozenset({"csv", "json", "jsonl", "parquet", "imotions.csv", "affdex.csv"})


@router.get("/{job}/result.{kind}")
async def result(
    job: str,
    kind: Literal["csv", "json", "jsonl", "parquet", "imotions.csv", "affdex.csv", "html", "pdf"],
    library: _Library,
    table: _Table | None = None,
    lang: Literal["en", "tr"] = "en",
    relative: bool = False,
) -> Response:
    """A finished job's faces, or another table of its session, or its report."""
    if table is not None and kind not in ("csv", "json", "parquet"):
        raise invalid("{field} goes with the formats csv, json and parquet.", "table")
    done, session = await library.run(lambda store: _finished(store, job))
    if kind == "html" or kind == "pdf":
        return await report(session.id, kind, library, lang, relative)
    if kind in _SAMPLED and table in (None, "samples"):
        await library.run(lambda store: _check_samples(store, session))
    store = await library.store()
    name = f"{session.title}-{table}" if table else session.title
    work: Callable[[IO[bytes]], None]
    if table is not None or kind in ("imotions.csv", "affdex.csv"):
        from mimik.store.exchange import export_stream

        form = kind if table is not None else kind.removesuffix(".csv")

        def work(file: IO[bytes]) -> None:
            export_stream(store, session.id, file, form, table)

    else:

        def work(file: IO[bytes]) -> None:
            write_faces(file, kind, _rows(store, done, session))

    headers = {"Content-Disposition": disposition(name, f".{kind}")}
    return Download(work, library.exports, MEDIA[kind], headers, library.export_idle_s)


def _finished(store: Store, id: str) -> tuple[Job, Session]:  # noqa: A002
    """A job that has a result, and its session.

    Raises:
        ProblemError: it has none yet, has none at all, or has none any more.
        MissingError: there is no such job.
    """
    job = store.job(id)
    if job.state in (JobState.QUEUED, JobState.RUNNING):
        raise ProblemError(409, "This video is not analysed to its end yet. Ask again once its job is done.")
    if job.session is None:
        if job.state is JobState.DONE:
            raise _gone()
        raise ProblemError(409, "The analysis of this video came to no end, so there is no result. Its job says why.")
    try:
        return job, find(store, job.session)
    except ProblemError as error:
        if error.status == 404:
            raise _gone() from error
        raise


def _gone() -> ProblemError:
    return ProblemError(410, "This result was deleted: its days were over, or somebody deleted it.")


def _check_samples(store: Store, session: Session) -> None:
    """Tell an analysis without faces from one whose faces are not kept (any more).

    Raises:
        ProblemError: they are not.
    """
    if session.aggregate_only:
        raise ProblemError(
            404, "This session keeps sums alone and never had rows of single faces. Ask for table=seconds."
        )
    due = session.raw_until is not None and session.raw_until <= datetime.now(UTC)
    if due and not any(len(samples) for samples in store.samples(session.id)):
        raise ProblemError(
            410,
            "The rows of single faces were deleted, their days being over; the sums are kept. Ask for table=seconds.",
        )


def _rows(store: Store, job: Job, session: Session) -> Iterator[list[Row]]:
    """The faces as ``docs/schema.md`` has them, as far as a session keeps them."""
    source = session.source.encode("utf-8", "backslashreplace").decode("utf-8")
    for samples in store.samples(session.id):
        yield _face_rows(source, samples)
    if job.error is not None:
        text, values = job.error
        yield [failed_row(source, text.format(**values))]


def _face_rows(source: str, samples: Samples) -> list[Row]:
    read = ~np.isnan(samples.probabilities[:, 0])
    top = np.where(read, np.argmax(np.nan_to_num(samples.probabilities), axis=1), -1)

    def numbers(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]], decimals: int) -> list[float | None]:
        rounded = np.round(values.astype(np.float64), decimals) + 0.0
        return [None if value != value else value for value in rounded.tolist()]

    columns = zip(
        numbers(samples.time_s, 6),
        samples.person.tolist(),
        zip(*(numbers(edge, 2) for edge in samples.box.T), strict=True),
        zip(*(numbers(emotion, 6) for emotion in samples.probabilities.T), strict=True),
        top.tolist(),
        samples.state.tolist(),
        samples.reason.tolist(),
        numbers(samples.quality, 6),
        numbers(samples.valence, 6),
        numbers(samples.arousal, 6),
        strict=True,
    )
    names = [emotion.value for emotion in EMOTIONS]
    return [
        Row(
            source=source,
            time_s=time_s,
            track_id=person,
            x1=box[0],
            y1=box[1],
            x2=box[2],
            y2=box[3],
            **dict(zip(names, probabilities, strict=True)),
            top=None if best < 0 else names[best],
            state=STATES[state].value,
            reason=None if reason < 0 else REASONS[reason].value,
            quality=quality,
            valence=valence,
            arousal=arousal,
        )
        for time_s, person, box, probabilities, best, state, reason, quality, valence, arousal in columns
    ]


def write_faces(file: IO[bytes], kind: str, batches: Iterator[list[Row]]) -> None:
    """Write the table of faces as `mimik.sinks` does, into a file that cannot seek.

    Args:
        file: open; stays so.
        kind: of `FACES`.
        batches: the rows, some at a time.
    """
    FACES[kind](file, batches)


def _csv(file: IO[bytes], batches: Iterator[list[Row]]) -> None:
    heading: list[tuple[Value, ...]] = [tuple(column.name for column in COLUMNS)]
    for lines in chain([heading], ([row.values() for row in rows] for rows in batches)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        file.write(text.getvalue().encode())


def _json(row: Row) -> str:
    return json.dumps(row.as_dict(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _json_array(file: IO[bytes], batches: Iterator[list[Row]]) -> None:
    between = "["
    for row in chain.from_iterable(batches):
        file.write(f"{between}\n{_json(row)}".encode())
        between = ","
    file.write(b"\n]\n" if between == "," else b"[\n]\n")


def _json_lines(file: IO[bytes], batches: Iterator[list[Row]]) -> None:
    for rows in batches:
        file.write("".join(_json(row) + "\n" for row in rows).encode())


def _parquet(file: IO[bytes], batches: Iterator[list[Row]]) -> None:
    from mimik.store.parquet import write_parquet

    write_parquet(file, COLUMNS, (list(zip(*(row.values() for row in rows), strict=True)) for rows in batches if rows))


FACES: dict[str, Callable[[IO[bytes], Iterator[list[Row]]], None]] = {
    "csv": _csv,
    "json": _json_array,
    "jsonl": _json_lines,
    "parquet": _parquet,
}
"""Format → what writes it."""
