"""The web application: the page, its words, its settings, and the two WebSockets."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import cv2
import numpy as np
from anyio import Event, create_task_group, to_thread
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from mimik.errors import MimikError
from mimik.pipeline import Pipeline
from mimik.report.plotly import PLOTLY
from mimik.serve import analyses, analyze, jobs, login, metrics, models, recording, results, sessions, stream
from mimik.serve.access import Access, Door, Entrance, shown
from mimik.serve.audit import Audit, Audited
from mimik.serve.broadcast import Broadcast
from mimik.serve.facades import azure, facepp, rekognition, skybiometry
from mimik.serve.guard import Guard
from mimik.serve.library import Library
from mimik.serve.limits import Limits
from mimik.serve.live import LiveStreams
from mimik.serve.openapi import describe
from mimik.serve.problems import BodyLimit, ProblemError, install_problems
from mimik.serve.queue import QueueWorker
from mimik.serve.right_of_way import RightOfWay
from mimik.serve.scheduler import PictureReader, Scheduler
from mimik.serve.seats import Seats
from mimik.serve.upkeep import keep_up
from mimik.serve.visitor import answer_camera
from mimik.sources.portraits import GRACE_HOPPER
from mimik.types import Emotion, FrameResult, Notice, Reason, Source, State
from mimik.weights import records
from mimik.words import EMOTION_COLOURS, LANGUAGES, catalogue, emotion_name, reason_name, state_name

if TYPE_CHECKING:
    from mimik.store import Store

__all__ = ["create_app"]

_log = logging.getLogger(__name__)
_LANGUAGE_NAMES = {"en": "English", "tr": "Türkçe"}
_FACADES = (rekognition, azure, facepp, skybiometry)
_UNLIMITED = frozenset({"/v1/jobs", "/v1/analyze", *(path for facade in _FACADES for path in facade.PATHS)})
_VERSION = version("mimik")


def create_app(
    pipeline: Pipeline,
    *,
    source: Callable[[Notice], Source] | Source | None = None,
    language: str | None = None,
    on_result: Callable[[FrameResult], None] | None = None,
    store: Store | Callable[[], Store] | None = None,
    limits: Limits | None = None,
    access: Access | None = None,
    pictures: PictureReader | None = None,
) -> FastAPI:
    """Make the web application.

    Args:
        pipeline: reads the pictures of every visitor, and of the source.
        source: what the page shows: None for each visitor's own camera; or a function that opens a source, given whom
            to tell of trouble (`mimik.types.Notice`), called each time that the first viewer presses Start and closed
            when the last one leaves; or a source that is open already, which runs once.
        language: the page's language, ``en`` or ``tr``, unless the visitor chose one; None: the browser's.
        on_result: called with each result of the source, in a thread of its own (`mimik.types.Sink.write`, say).
        store: where sessions are kept: an open store, which the caller closes; or a function that opens one, such as
            `mimik.store.Store.open`, called once the networks are warm, so that the page need not wait; or None, and
            sessions cannot be recorded.
        limits: how much a client may ask for; None: as the environment says.
        access: who may come in; None: everybody on this machine, and nobody else.
        pictures: what reads the pictures of requests, which stand alone; None: `pipeline`.
    """
    limits, access = limits or Limits.read(), access or Access()
    door = Door(access, limits)
    audit = None if access.audit is None else Audit(access.audit, limits.audit_bytes, limits.audit_files)
    counted = metrics.Metrics()
    streams, right_of_way, library = LiveStreams(counted.live, limits.recordings), RightOfWay(), Library(store, limits)
    worker = QueueWorker(pipeline, right_of_way, limits)
    broadcast = None if source is None else Broadcast(pipeline, source, on_result, streams, right_of_way)
    gather_s = limits.gather_ms / 1000
    scheduler = Scheduler(pipeline, right_of_way, limits.together, gather_s, limits.readers, pictures)
    seats = Seats(limits, counted.streams)
    page = Path(str(files("mimik.serve"))) / "page"

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with create_task_group() as tasks:
            streams.tasks = tasks
            tasks.start_soon(_prepare, pipeline, app)
            yield
            with anyio.CancelScope(shield=True):
                if broadcast is not None:
                    await broadcast.close()
                await streams.close()
                tasks.cancel_scope.cancel()  # nothing opens the store again
                await to_thread.run_sync(scheduler.close)
                await to_thread.run_sync(worker.stop)
                await library.close()
                if audit is not None:
                    audit.close()

    app = FastAPI(title="Mimik", version=_VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.access = access
    app.state.arriving = anyio.Semaphore(limits.uploads)
    app.state.door = door
    app.state.ready = Event()
    app.state.failure = None
    app.state.metrics = counted
    app.state.analyzer = analyze.Analyzer(pipeline, counted, scheduler, limits)
    app.state.frame_streams = stream.Streams(pipeline, scheduler, seats, counted, limits)
    app.state.attributes = pipeline.attributes
    app.state.identity = pipeline.identity
    app.state.model = pipeline.model
    app.state.language = language
    app.state.library = library
    app.state.limits = limits
    app.state.streams = streams
    app.state.worker = worker
    install_problems(app)
    app.add_middleware(BodyLimit, unlimited=_UNLIMITED, most_bytes=limits.small_body, within_s=limits.body_s)
    app.add_middleware(Entrance, door=door)
    app.add_middleware(Guard, access=access)
    if audit is not None:
        app.add_middleware(Audited, audit=audit, strangers=limits.audit_strangers)
    app.add_middleware(metrics.Metered, metrics=counted)
    for part in (login, sessions, analyses, recording, jobs, results, analyze, stream, models, metrics, *_FACADES):
        app.include_router(part.router)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "version": _VERSION}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        if app.state.failure is not None:
            told = {} if access.demanded else {"error": str(app.state.failure)}  # it names files
            return JSONResponse({"status": "failed", **told}, 503)
        ready = app.state.ready.is_set()
        return JSONResponse({"status": "ready" if ready else "warming up"}, 200 if ready else 503)

    @app.get("/", include_in_schema=False)
    async def index(request: Request, lang: str | None = None) -> HTMLResponse:
        chosen = _language(lang, language, request.headers.get("accept-language", ""))
        html = (page / "index.html").read_text(encoding="utf-8")
        return HTMLResponse(html.replace('<html lang="en">', f'<html lang="{chosen}">', 1))

    @app.get("/settings.json", include_in_schema=False)
    async def settings(request: Request) -> dict[str, object]:
        caller = request.state.caller
        return {
            "version": _VERSION,
            "login_needed": access.demanded,
            "logged_in": shown(caller) if access.demanded else None,
            "mode": "camera" if broadcast is None else "source",
            "source": broadcast.name if broadcast is not None and caller is not None else None,
            "sessions": library.keeps,
            "recorded": broadcast is not None and on_result is not None,
            "languages": {key: _LANGUAGE_NAMES[key] for key in LANGUAGES},
            "max_side": limits.frame_side,
            "models": [models.model_card(record, pipeline.identity) for record in records()],
            "plotly_styles": _plotly_style_ids(),
        }

    @app.get("/words/{language}.json", include_in_schema=False)
    async def words(language: str) -> JSONResponse:
        if language not in LANGUAGES:
            raise ProblemError(404, "There is nothing at this address.")
        return JSONResponse(_words(language))

    @app.get("/plotly.min.js", include_in_schema=False)
    async def plotly() -> FileResponse:
        return FileResponse(PLOTLY, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    @app.websocket("/ws/camera")
    async def camera(websocket: WebSocket) -> None:
        async with seats.seat(websocket) as seated:
            if seated:
                lane = scheduler.lane(queued=counted.queued.labels("live"))
                await answer_camera(websocket, pipeline, lane, streams, limits, counted.failed.labels("live"))

    if broadcast is not None:

        @app.websocket("/ws/source")
        async def shown_source(websocket: WebSocket) -> None:
            async with seats.seat(websocket) as seated:
                if seated:
                    await broadcast.answer(websocket)

    describe(app)
    app.mount("/page", StaticFiles(directory=page), name="page")
    return app


async def _prepare(pipeline: Pipeline, app: FastAPI) -> None:
    """Warm the networks up, then look after the store for as long as the server runs."""
    await _warm_up(pipeline, app)
    await keep_up(app.state.library, app.state.worker)


async def _warm_up(pipeline: Pipeline, app: FastAPI) -> None:
    """Read one face, so that the first visitor does not wait for memory to be laid out."""
    try:
        await to_thread.run_sync(lambda: pipeline.read(_face()))
    except MimikError as error:
        _log.error("The networks cannot be run: %s", error)
        app.state.failure = error
    else:
        app.state.ready.set()


def _face() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Grace Hopper; a gray field should her portrait be left out of an installation."""
    image = cv2.imread(str(GRACE_HOPPER))
    return np.full((480, 640, 3), 127, np.uint8) if image is None else np.asarray(image, np.uint8)


def _language(asked: str | None, default: str | None, accepted: str) -> str:
    """The page's language: asked for in the address, else the server's, else the first that the browser accepts."""
    for choice in (asked, default, *_by_preference(accepted)):
        if choice is not None and choice.lower()[:2] in LANGUAGES:
            return choice.lower()[:2]
    return "en"


def _by_preference(accepted: str) -> list[str]:
    """The languages of an ``Accept-Language`` header, the most wanted first."""
    weighted: list[tuple[float, str]] = []
    for part in accepted[:500].split(","):
        name, _, weight = part.partition(";q=")
        with suppress(ValueError):
            weighted.append((-float(weight or 1), name.strip()))
    return [name for _, name in sorted(weighted, key=lambda pair: pair[0])]


@cache
def _words(language: str) -> dict[str, object]:
    return {
        "language": language,
        "texts": dict(catalogue(language)),
        "emotions": [
            {"key": emotion.value, "name": emotion_name(emotion, language), "colour": EMOTION_COLOURS[emotion]}
            for emotion in Emotion
        ],
        "states": {state.value: state_name(state, language) for state in State},
        "reasons": {reason.value: reason_name(reason, language) for reason in Reason},
    }


@cache
def _plotly_style_ids() -> list[str]:
    """The ids of the style sheets that Plotly would add as it loads; the page leaves no need for them.

    The Content-Security-Policy would refuse them, and Plotly adds none whose id it finds in the page.
    """
    return sorted(set(re.findall(r'getElementById\("([0-9a-f]{64})"\)', PLOTLY.read_text(encoding="utf-8"))))
