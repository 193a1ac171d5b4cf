"""Two hundred clients on the stream of a real server: nobody starves, nothing piles up, everything is counted."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timing]
LOAD = Path(__file__).parents[3] / "benchmarks" / "streams.py"
CLIENTS = 200


def test_two_hundred_clients_are_served_alike() -> None:
    """The same for two minutes is a benchmark; small frames, so that a slow machine serves everybody several times."""
    command = [sys.executable, str(LOAD), "--clients", str(CLIENTS), "--seconds", "12", "--side", "160", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["offered"] == pytest.approx(CLIENTS * 5 * 12, rel=0.2)
    assert figures["worst_share"] >= 0.5, figures
    assert figures["complete"], "every client's frames, results and drops add up"
    assert figures["ordered"]
    assert figures["failed"] == 0
    assert figures["dropped"] == figures["offered"] - figures["served"]
    assert (figures["served_by_metrics"], figures["dropped_by_metrics"]) == (figures["served"], figures["dropped"])
    assert figures["queued_max"] <= CLIENTS
    assert figures["rss_growth"] < 0.15, figures["rss_mib"]
