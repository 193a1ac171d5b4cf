"""The API of the analysis queue: ``/v1/jobs``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anyio import Semaphore, WouldBlock
from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.responses import Response

from mimik.serve.copies import place_of, uploads_folder
from mimik.serve.library import Library, library_of
from mimik.serve.limits import Limits
from mimik.serve.problems import ProblemError, answer_problem, validated
from mimik.serve.queue import QueueWorker
from mimik.serve.schemas import JobDraftIn, draft_of, job_json, json_answer, refuse_ages
from mimik.serve.uploads import receive_upload
from mimik.store.values import Job, JobState

__all__ = ["router"]

router = APIRouter(prefix="/v1/jobs")
_LATER_S = 60


def _worker(request: Request) -> QueueWorker:
    worker: QueueWorker = request.app.state.worker
    return worker


_Library = Annotated[Library, Depends(library_of)]
_Worker = Annotated[QueueWorker, Depends(_worker)]


@router.post("")
async def add(request: Request, library: _Library, worker: _Worker) -> Response:
    """Take a video (form fields ``file`` and ``draft``) and put it at the end of the queue."""
    store = await library.store()
    limits: Limits = request.app.state.limits
    folder = uploads_folder(store)
    if await library.run(lambda store: store.jobs_waiting()) >= limits.jobs:
        return _full(limits)
    arriving: Semaphore = request.app.state.arriving
    try:
        arriving.acquire_nowait()
    except WouldBlock as error:
        raise ProblemError(
            503,
            "{limit} videos are being sent already. Send this one again in {seconds} seconds.",
            limit=limits.uploads,
            seconds=_LATER_S,
        ) from error
    try:
        upload = await receive_upload(request, folder, limits)
    finally:
        arriving.release()
    try:
        try:
            body = JobDraftIn.model_validate_json(upload.draft)
        except ValidationError as error:
            raise validated(error, "draft") from error
        refuse_ages(body.purpose, attributes=request.app.state.attributes)
        named = body.model_copy(update={"title": body.title or upload.name})
        draft = draft_of(named, source=upload.name, live=False, read_by=request.app.state.model)
        now = datetime.now().astimezone()
        place = await library.call(lambda: place_of(folder))
        job = Job(upload.id, upload.name, str(upload.path), draft, JobState.QUEUED, now, place=place)
        if not await library.run(lambda store: store.add_job(job, limits.jobs)):
            upload.path.unlink(missing_ok=True)
            return _full(limits)
    except BaseException:
        upload.path.unlink(missing_ok=True)
        raise
    worker.start(store)
    worker.wake()
    return json_answer(job_json(job), 201)


def _full(limits: Limits) -> Response:
    problem = ProblemError(
        503, "{limit} videos wait already, which is all that may. Send this one again later.", limit=limits.jobs
    )
    answer = answer_problem(problem)
    answer.headers["Retry-After"] = str(_LATER_S)
    return answer


@router.get("")
async def show_all(library: _Library) -> Response:
    """All jobs, in the order in which they came."""
    jobs = await library.run(lambda store: store.jobs())
    return json_answer({"jobs": [job_json(job) for job in jobs]})


@router.get("/{job}")
async def show(job: str, library: _Library) -> Response:
    """One job."""
    return json_answer(job_json(await library.run(lambda store: store.job(job))))


@router.delete("/{job}")
async def cancel_or_remove(job: str, library: _Library, worker: _Worker) -> Response:
    """Cancel a job that is not over, and return it; take one that is over off the list."""
    before = await library.run(lambda store: store.job(job))
    if before.state in (JobState.QUEUED, JobState.RUNNING):
        return json_answer(job_json(await library.run(lambda store: worker.cancel(store, job))))
    await library.run(lambda store: store.delete_job(job))
    return Response(status_code=204)
