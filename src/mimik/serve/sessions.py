"""The API of kept sessions: ``/v1/sessions``, ``/v1/store`` and ``/v1/legal``."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import FileResponse, Response

from mimik.errors import StoreError
from mimik.serve.downloads import Download, disposition
from mimik.serve.library import Library, library_of
from mimik.serve.live import LiveStreams
from mimik.serve.problems import ProblemError, invalid
from mimik.serve.queue import QueueWorker
from mimik.serve.schemas import (
    MarkerIn,
    MarkerPatch,
    SessionPatch,
    check_ground,
    json_answer,
    plain,
    refuse_ages,
    session_json,
)
from mimik.store.values import JobState, Marker, Purpose, Session, SessionState

if TYPE_CHECKING:
    from mimik.store import Store

__all__ = ["MEDIA", "Chosen", "SessionId", "chosen", "find", "router"]

router = APIRouter(prefix="/v1")

MEDIA = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
    "imotions.csv": "text/csv",
    "affdex.csv": "text/csv",
}
"""The media types of tables, by what their files' names end in."""
_BIGINT = 2**63 - 1

_Library = Annotated[Library, Depends(library_of)]
SessionId = Annotated[str, Path(max_length=40)]
"""A session's whole id."""
_MarkerId = Annotated[int, Path(ge=1, le=_BIGINT)]


def _text(value: str, field: str) -> str:
    if "\0" in value:
        raise invalid("{field} cannot be used ({detail}).", field, detail="control characters")
    return value


class Chosen:
    """Which sessions are meant, as the page's search says."""

    def __init__(
        self,
        search: Annotated[str, Query(max_length=200)] = "",
        purpose: Annotated[str, Query(max_length=40)] = "",
        tag: Annotated[str, Query(max_length=50)] = "",
    ) -> None:
        self.search, self.tag = _text(search, "search"), _text(tag, "tag")
        if purpose and purpose not in list(Purpose):
            raise invalid("{field} must be one of {expected}.", "purpose", expected=", ".join(Purpose))
        self.purpose = Purpose(purpose) if purpose else None


def chosen(store: Store, which: Chosen) -> tuple[Session, ...]:
    """The sessions that are meant, newest first."""
    return store.sessions(which.search, which.purpose, which.tag)


def find(store: Store, session: str) -> Session:
    """The session of a whole id.

    Raises:
        ProblemError: there is none.
    """
    try:
        found = store.session(session) if session.isalnum() else None
    except StoreError as error:
        if "place" in error.values:
            raise
        found = None
    if found is None or found.id != session:
        raise ProblemError(404, "There is no such session; it was deleted, it seems.")
    return found


@router.get("/sessions")
async def show_all(library: _Library, which: Annotated[Chosen, Depends()]) -> Response:
    """Sessions, newest first."""

    def answer(store: Store) -> Response:
        return json_answer({"sessions": [session_json(session) for session in chosen(store, which)]})

    return await library.run(answer)


@router.delete("/sessions")
async def delete_all(library: _Library, request: Request) -> Response:
    """Stop what is being recorded or analysed, and delete everything."""
    streams: LiveStreams = request.app.state.streams
    worker: QueueWorker = request.app.state.worker
    await to_thread.run_sync(streams.stop_recordings)

    def delete(store: Store) -> None:
        for job in store.jobs():
            if job.state in (JobState.QUEUED, JobState.RUNNING):
                worker.cancel(store, job.id)
        store.delete_everything()

    await library.run(delete)
    return Response(status_code=204)


@router.get("/sessions/{session}")
async def show(session: SessionId, library: _Library) -> Response:
    """One session, with its markers and people."""

    def answer(store: Store) -> Response:
        found = find(store, session)
        return json_answer(
            session_json(found) | {"markers": plain(store.markers(found.id)), "who": plain(store.people(found.id))}
        )

    return await library.run(answer)


@router.patch("/sessions/{session}")
async def edit(session: SessionId, body: SessionPatch, library: _Library, request: Request) -> Response:
    """Change what people wrote about a session, and how long it is kept."""

    def answer(store: Store) -> Response:
        found = find(store, session)
        given = body.given
        if found.state in (SessionState.RECORDING, SessionState.PAUSED):
            refuse_ages(given.get("purpose", found.purpose), attributes=request.app.state.attributes)
        check_ground(
            given.get("purpose", found.purpose), given.get("consent", found.consent), given.get("ground", found.ground)
        )
        return json_answer(session_json(store.edit(found.id, **given) if given else found))

    return await library.run(answer)


@router.delete("/sessions/{session}")
async def delete(session: SessionId, library: _Library) -> Response:
    """Delete a session for good."""

    def work(store: Store) -> None:
        found = find(store, session)
        if found.state in (SessionState.RECORDING, SessionState.PAUSED):
            store.adopt()  # its program may have died without a word
            found = find(store, session)
        if found.state in (SessionState.RECORDING, SessionState.PAUSED):
            raise ProblemError(409, "This session is still being recorded. Stop that first, then delete it.")
        store.delete(found.id)

    await library.run(work)
    return Response(status_code=204)


@router.get("/sessions/{session}/export.{kind}")
async def export(
    session: SessionId,
    kind: Literal["csv", "json", "parquet", "imotions.csv", "affdex.csv"],
    library: _Library,
    table: Literal["session", "people", "markers", "seconds", "samples"] | None = None,
) -> Response:
    """The numbers: the seconds, another table, or in JSON all of them; or the samples as AFFDEX names its columns."""
    form = kind if kind == "csv" else kind.removesuffix(".csv")
    if table is not None and form in ("imotions", "affdex"):
        raise invalid("{field} goes with the formats csv, json and parquet.", "table")
    found = await library.run(lambda store: find(store, session))
    store = await library.store()

    from mimik.store.exchange import export_stream

    name = f"{found.title}-{table}" if table else found.title
    return Download(
        lambda file: export_stream(store, found.id, file, form, table),
        library.exports,
        MEDIA[kind],
        {"Content-Disposition": disposition(name, f".{kind}")},
        library.export_idle_s,
    )


@router.get("/sessions/{session}/clip.mp4")
async def clip(session: SessionId, library: _Library) -> Response:
    """The blurred video, if there is one."""

    def path(store: Store) -> Any:
        name = find(store, session).clip
        if name is not None and PurePath(name).name == name and (store.clips / name).is_file():
            return store.clips / name
        raise ProblemError(404, "This session has no clip.")

    return FileResponse(await library.run(path), media_type="video/mp4")


@router.post("/sessions/{session}/markers")
async def add_marker(session: SessionId, body: MarkerIn, library: _Library) -> Response:
    """Set a marker afterwards."""
    marker = body.marker()

    def answer(store: Store) -> Response:
        found = find(store, session)
        _check_times(found, marker)
        return json_answer(store.add_markers(found.id, [marker])[0], 201)

    return await library.run(answer)


@router.post("/sessions/{session}/markers.csv")
async def add_markers(session: SessionId, request: Request, library: _Library) -> Response:
    """Set the markers of a CSV file, all or none."""
    body = await request.body()

    def answer(store: Store) -> Response:
        from mimik.store.marking import parse_markers

        found = find(store, session)
        try:
            markers = parse_markers(body, "CSV", found.duration_s)
        except StoreError as error:
            raise ProblemError.of(error, 422) from error
        return json_answer({"markers": plain(store.add_markers(found.id, markers))}, 201)

    return await library.run(answer)


@router.patch("/sessions/{session}/markers/{marker}")
async def edit_marker(session: SessionId, marker: _MarkerId, body: MarkerPatch, library: _Library) -> Response:
    """Change a marker."""

    def answer(store: Store) -> Response:
        found = find(store, session)
        before = next((known for known in store.markers(found.id) if known.id == marker), None)
        if before is None:
            raise ProblemError(404, "There is no such marker; it was deleted, it seems.")
        after = body.of(before)
        if after.time_s != before.time_s or after.end_s != before.end_s:
            _check_times(found, after)
        store.edit_marker(found.id, after)
        return json_answer(after)

    return await library.run(answer)


@router.delete("/sessions/{session}/markers/{marker}")
async def delete_marker(session: SessionId, marker: _MarkerId, library: _Library) -> Response:
    """Delete a marker."""
    await library.run(lambda store: store.delete_marker(find(store, session).id, marker))
    return Response(status_code=204)


@router.get("/store")
async def show_store(library: _Library) -> Response:
    """What is kept, and where."""

    def answer(store: Store) -> Response:
        return json_answer(
            {
                "url": store.url,
                "size_bytes": store.size_bytes(),
                "sessions": len(store.sessions()),
                "jobs": len(store.jobs()),
                "clips_folder": str(store.clips),
            }
        )

    return await library.run(answer)


@router.post("/store/purge")
async def purge(library: _Library) -> Response:
    """Delete what is due; how many sessions went, and how many lost their samples."""

    def answer(store: Store) -> Response:
        purged = store.purge()
        return json_answer({"sessions": len(purged.sessions), "raw": len(purged.raw)})

    return await library.run(answer)


@router.get("/legal")
async def legal(purpose: Purpose) -> Response:
    """What people are told before a session of a purpose is recorded: English texts, keys of the words."""
    from mimik.store.law import legal_notice

    return json_answer({"purpose": purpose, "paragraphs": legal_notice(purpose)})


def _check_times(session: Session, marker: Marker) -> None:
    """Refuse times after the end of a session that is over."""
    if session.state in (SessionState.RECORDING, SessionState.PAUSED):
        return
    for field, time_s in (("time_s", marker.time_s), ("end_s", marker.end_s)):
        if time_s is not None and time_s > session.duration_s + 1:
            raise invalid("{field} must be at most {limit}.", field, limit=round(session.duration_s, 2))
