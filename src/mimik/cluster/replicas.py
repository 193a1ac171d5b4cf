"""Pictures of a server's requests, read by replicas of Ray Serve.

Keys, limits and the audit log stay in front of them, in the server's own process; so do streams, which remember the
frames before. Serve's own HTTP is not started: pictures reach the replicas through Ray alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from mimik.cluster.connection import Connection
from mimik.cluster.reading import other_models
from mimik.config import Settings
from mimik.errors import ConfigError, MimikError
from mimik.pipeline import Pipeline
from mimik.serve.problems import ProblemError
from mimik.types import Face, Frame, Image

__all__ = ["Replica", "Replicas", "replicated"]

_CALLS_EACH = 2
"""Calls that a replica has at once: one at work, and the next one's pictures on their way."""

_ATTEMPTS = 3
_ANSWER_S = 60.0


class Replica:
    """A worker: a pipeline of its own.

    Args:
        settings: of the pipeline.
        identity: the server's `Pipeline.identity`.

    Raises:
        ConfigError: this machine's models are not the server's.
    """

    def __init__(self, settings: Settings, identity: str) -> None:
        self._pipeline = Pipeline.load(settings)
        if self._pipeline.identity != identity:
            told = other_models()
            raise ConfigError(told.text, **told.values)

    def read(self, images: Sequence[Image]) -> tuple[tuple[Face, ...], ...]:
        """Each picture's faces, as `Pipeline.read_found` gives them."""
        found = [self._pipeline.find(image) for image in images]
        return self._pipeline.read_found([Frame(image) for image in images], found)


class Replicas:
    """All replicas: a `mimik.serve.scheduler.PictureReader`.

    Args:
        handle: of Ray Serve.
        replicas: how many there are.
    """

    def __init__(self, handle: Any, replicas: int) -> None:
        self.calls = _CALLS_EACH * replicas
        self._handle = handle

    def read(self, frames: Sequence[Frame]) -> Sequence[tuple[Face, ...]]:
        """Have pictures read by the next free replica; by another one where that is lost meanwhile.

        Raises:
            ProblemError: none answers.
            MimikError: the networks cannot be run.
        """
        from ray.exceptions import RayError, RayTaskError

        images = [frame.image for frame in frames]
        for attempt in range(_ATTEMPTS):
            try:
                faces: Sequence[tuple[Face, ...]] = self._handle.read.remote(images).result(timeout_s=_ANSWER_S)
            except RayTaskError as error:
                cause = getattr(error, "cause", None)
                raise cause if isinstance(cause, MimikError) else error from error
            except (RayError, TimeoutError) as error:
                if isinstance(error, TimeoutError) or attempt + 1 == _ATTEMPTS:
                    raise ProblemError(503, "No worker of the cluster answers. Try again later.") from error
            else:
                return faces
        raise AssertionError  # the last attempt returns or raises


@contextmanager
def replicated(
    connection: Connection, settings: Settings, pipeline: Pipeline, replicas: int | None = None
) -> Iterator[Replicas]:
    """Start replicas, and end them.

    Args:
        connection: the cluster.
        settings: of the pipeline.
        pipeline: the server's own, which tells what the replicas' must be like.
        replicas: how many; None: one a processor core but one.

    Raises:
        ConfigError: they cannot be started.
    """
    wanted = replicas or max(1, connection.cpus - 1)
    if wanted > connection.cpus:
        raise ConfigError(
            "--replicas {replicas}: the cluster has {cpus} processor cores. Give no more than these.",
            replicas=wanted,
            cpus=connection.cpus,
        )
    from ray import serve

    logging.getLogger("ray.serve").setLevel(logging.getLogger("ray").level)  # importing it has set another
    quiet = {"log_level": "WARNING", "enable_access_log": False}
    serve.start(proxy_location="Disabled", logging_config=quiet)
    name = f"mimik-{uuid4().hex}"  # in containers, all servers have the same process id
    try:
        deployment = serve.deployment(
            name="pictures",
            num_replicas=wanted,
            ray_actor_options={"num_cpus": 1},
            max_ongoing_requests=_CALLS_EACH,
            logging_config=quiet,
        )(Replica)
        target = deployment.bind(settings.model_copy(update={"threads": 1}), pipeline.identity)
        try:
            handle = serve.run(target, name=name, route_prefix=None)
        except RuntimeError as error:
            raise ConfigError(
                "The workers of Ray Serve could not be started ({detail}).", detail=str(error).strip()[-500:]
            ) from error
        yield Replicas(handle, wanted)
    finally:
        if connection.started:
            serve.shutdown()  # type: ignore[no-untyped-call]
        else:
            serve.delete(name)
