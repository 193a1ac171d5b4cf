"""What is counted, for Prometheus: how much was asked for and how fast it was answered, never about whom."""

from __future__ import annotations

import time
from collections.abc import Sequence

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mimik.types import FrameResult

__all__ = ["Metered", "Metrics", "router"]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)

router = APIRouter()


class Metrics:
    """One application's counters. Safe to use from any thread.

    Attributes:
        requests: answered, by method, route and status.
        seconds: from a request's arrival to its answer's end, by route.
        pictures: read, by way in.
        faces: found, by way in.
        latency: from a picture's arrival, or a request's, to its result, by way in.
        queued: what waits, by way in: requests with pictures under way, read or not; frames of streams.
        streams: open WebSockets.
        dropped: pictures or requests that were not read because too much was to do, by way in.
        failed: frames of live streams that could not be read, by way in.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mimik_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "mimik_request_seconds",
            "From a request's arrival to its answer's end.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.pictures = Counter("mimik_pictures", "Pictures read.", ["way"], registry=self.registry)
        self.faces = Counter("mimik_faces", "Faces found.", ["way"], registry=self.registry)
        self.latency = Histogram(
            "mimik_latency_seconds",
            "From a picture's arrival, or a request's with pictures, to its result.",
            ["way"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.queued = Gauge(
            "mimik_queue", "Requests with pictures under way; frames that wait.", ["way"], registry=self.registry
        )
        self.streams = Gauge("mimik_streams", "Open WebSockets.", registry=self.registry)
        self.dropped = Counter(
            "mimik_dropped",
            "Pictures or requests not read, for there was too much to do.",
            ["way"],
            registry=self.registry,
        )
        self.failed = Counter("mimik_failed", "Frames that could not be read.", ["way"], registry=self.registry)

    def live(self, result: FrameResult) -> None:
        """Count a live stream's result."""
        self.read("live", (result,), result.latency_ms / 1000)
        self.dropped.labels("live").inc(result.dropped)

    def read(self, way: str, results: Sequence[FrameResult], took_s: float) -> None:
        """Count pictures that arrived together and were read."""
        self.pictures.labels(way).inc(len(results))
        self.faces.labels(way).inc(sum(len(result.faces) for result in results))
        self.latency.labels(way).observe(took_s)


class Metered:
    """Counts requests and their time.

    Args:
        app: what answers them.
        metrics: where they are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            # The route's pattern, not the address: that would hold ids, and every guess would be a new series.
            route = getattr(scope.get("route"), "path", "") or "other"
            self._metrics.requests.labels(scope["method"] if route != "other" else "", route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began_s)


@router.get("/metrics", include_in_schema=False)
async def show(request: Request) -> Response:
    """All counters, as Prometheus reads them."""
    metrics: Metrics = request.app.state.metrics
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
