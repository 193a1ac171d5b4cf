"""The API of live recordings: ``/v1/live/{token}/recording``."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from mimik.serve.library import Library, library_of
from mimik.serve.live import Live, LiveStreams, Recording
from mimik.serve.problems import ProblemError
from mimik.serve.schemas import BaselineIn, PauseIn, PointIn, RecordingIn, draft_of, json_answer, refuse_ages

__all__ = ["router"]

router = APIRouter(prefix="/v1/live/{token}/recording")


def _live(token: str, request: Request) -> Live:
    streams: LiveStreams = request.app.state.streams
    return streams.get(token)


async def _recording(live: Annotated[Live, Depends(_live)]) -> Recording:
    recording = live.recording
    if recording is not None and recording.deleted:
        await to_thread.run_sync(live.stop)  # which says so
    if recording is None:
        raise ProblemError(409, "Nothing is being recorded here. Start a recording first.")
    return recording


_LiveOne = Annotated[Live, Depends(_live)]
_Going = Annotated[Recording, Depends(_recording)]
_Library = Annotated[Library, Depends(library_of)]


@router.post("")
async def start(body: RecordingIn, live: _LiveOne, library: _Library, request: Request) -> Response:
    """Begin a session."""
    refuse_ages(body.purpose, attributes=request.app.state.attributes)
    draft = draft_of(body, source=live.source, read_by=request.app.state.model)
    streams: LiveStreams = request.app.state.streams
    recording = await library.run(lambda store: streams.record(live, store, draft, body.clip))
    return json_answer(recording.message(), 201)


@router.get("")
async def show(recording: _Going) -> Response:
    """How it stands."""
    return json_answer(recording.message())


@router.patch("")
async def pause(body: PauseIn, recording: _Going) -> Response:
    """Pause, or go on."""
    await to_thread.run_sync(recording.set_paused, body.state == "paused")
    return json_answer(recording.message())


@router.delete("")
async def stop(live: _LiveOne) -> Response:
    """Finish the session."""
    return json_answer(await to_thread.run_sync(live.stop))


@router.post("/markers")
async def mark(body: PointIn, recording: _Going) -> Response:
    """Set a marker now."""
    return json_answer(await to_thread.run_sync(recording.mark, body.label), 201)


@router.post("/baseline")
async def baseline(body: BaselineIn, recording: _Going) -> Response:
    """Begin a baseline, which ends by itself."""
    return json_answer(await to_thread.run_sync(recording.rest, body.seconds), 201)
