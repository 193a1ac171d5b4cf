"""What all tests share."""

import os
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.databases import database_url, postgresql, postgresql_url

__all__ = ["database_url", "postgresql", "postgresql_url"]


# Workers share the cores: torch's threads would wait for each other at every step. Read when torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

_numbers = count()

# How long an example takes, and how long it is to make one, judges the machine: a busy one needs more than Hypothesis's
# 200 ms now and then. In CI the examples are the same each time, so that what it says is about the change it judges; a
# developer's runs draw new ones.
settings.register_profile(
    "any machine",
    parent=settings.default,
    deadline=None,
    derandomize="MIMIK_NO_SKIPS" in os.environ or "CI" in os.environ,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No setting of the developer's own reaches a test, but for the paths of data and browser; nor their sessions."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / f"data-{next(_numbers)}"))
    kept = {"MIMIK_FER2013", "MIMIK_WIDER200", "MIMIK_CHROMIUM", "MIMIK_SCREENSHOTS", "MIMIK_NO_SKIPS"}
    for name in os.environ:
        if name.startswith("MIMIK_") and name not in kept:
            monkeypatch.delenv(name)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that judges real clocks may be tried again; the report's R tells of it."""
    for item in items:
        if item.get_closest_marker("timing"):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=2))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where ``MIMIK_NO_SKIPS`` is set, as in CI, a skipped test fails the run."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("MIMIK_NO_SKIPS") and skipped:
        for report in skipped:
            reporter.write_line(f"skipped where nothing may be: {report.nodeid}: {report.longrepr}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
