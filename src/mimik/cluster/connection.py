"""A connection to Ray: to a cluster that runs, or to one that is started on this machine."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from mimik.errors import ConfigError
from mimik.sources.notices import tell
from mimik.types import Notice

__all__ = ["Connection", "connected"]

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray would tell its makers
    "RAY_ENABLE_AUTO_CONNECT": "0",  # a thread that is late would start another Ray when ours has ended
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
}
"""What Ray reads from the environment as it is imported. Who has set one of these has decided otherwise."""

_JOINABLE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""With 0, on any system, Ray is for one machine alone: it listens on the loopback address and on no other."""

_KNOCK_S = 10.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """A cluster that this process is connected to.

    Attributes:
        cpus: processor cores that its machines offer.
        dashboard: its page's host and port; None where it has none, or that is not known.
        started: whether it was started by us, on this machine.
    """

    cpus: int
    dashboard: str | None
    started: bool


@contextmanager
def connected(address: str | None = None, notice: Notice | None = None) -> Iterator[Connection]:
    """Connect to Ray, for the main thread and a while.

    Args:
        address: ``host:port`` of a cluster that this machine belongs to, or ``auto``; None: what ``MIMIK_RAY_ADDRESS``
            or ``RAY_ADDRESS`` in the environment says, else a Ray of our own, on this machine.
        notice: told where the dashboard is.

    Raises:
        ConfigError: Ray is not installed, the cluster does not answer, or it cannot be used from here.
    """
    if find_spec("ray") is None:
        raise ConfigError("This needs Ray. Run: pip install 'mimik[cluster]'")
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    address = address or os.environ.get("MIMIK_RAY_ADDRESS") or os.environ.get("RAY_ADDRESS") or "local"
    if address.startswith("ray://"):  # then another machine would be taken for this one, and its cameras for ours
        raise ConfigError(
            "Ray at {address}: Mimik runs on a machine of the cluster, and not through ray://. Let this machine join "
            "by `ray start --address=HOST:6379`, and give --address auto.",
            address=address,
        )
    started = address == "local"
    if started and "ray" not in sys.modules:  # it is looked at once, as Ray is imported
        os.environ.setdefault(_JOINABLE, "0")
    import ray
    from ray.exceptions import RayError

    if ray.is_initialized():  # by whoever called us, who also ends it
        yield Connection(_cpus(), None, started=False)
        return
    own: dict[str, Any] = {"include_dashboard": True, "dashboard_host": "127.0.0.1"} if started else {}
    verbose = logging.getLogger().isEnabledFor(logging.INFO)
    level = logging.INFO if verbose else logging.ERROR
    _keep_standard_output()
    try:
        _knock(address)
        with _signals(), _silence(verbose):
            context = ray.init(address=address, log_to_driver=verbose, logging_level=level, **own)
    except (OSError, RuntimeError, ValueError, RayError) as error:  # the last: no token, or another one
        raise ConfigError(
            "Ray at {address}: no connection ({detail}). Start it there with `ray start --head`, or leave --address "
            "out for a Ray on this machine.",
            address=address,
            detail=str(error).strip().partition("\n")[0],
        ) from error
    logging.getLogger("ray.data").setLevel(level)
    logging.getLogger("ray.serve").setLevel(level)
    try:
        if context.dashboard_url:
            tell(notice, "Ray's dashboard: {address}", address=f"http://{context.dashboard_url}/")
        yield Connection(_cpus(), context.dashboard_url or None, started)
    finally:
        with _signals():
            ray.shutdown()


def _cpus() -> int:
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return max(1, int(resources.get("CPU", 1)))


def _knock(address: str) -> None:
    """See whether anybody answers: Ray itself would try for minutes.

    Raises:
        OSError: nobody does.
    """
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()


def _keep_standard_output() -> None:
    """Let Ray log what it would print of lost workers: standard output is for results."""
    try:  # there is no public way; another Ray may do without
        from ray._private import worker
    except ImportError:
        return

    def hear(data: Any, ignore_prefix: bool) -> None:
        for line in data["lines"]:
            _log.info("Ray: %s", line)

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = hear


@contextmanager
def _signals() -> Iterator[None]:
    """Leave the handlers of signals as they are: Ray would put its own in their place."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _silence(verbose: bool) -> Iterator[None]:
    """Keep what Ray's core says as it starts away from standard output, and from people who do not ask."""
    sys.stdout.flush()
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(2 if verbose else nowhere, 1)
        if not verbose:
            os.dup2(nowhere, 2)
        yield
    finally:
        for number, copy in zip((1, 2), kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
