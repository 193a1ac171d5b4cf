"""The systemd unit: read by systemd's own tools, and its command run in the surroundings that it asks for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.faces import hopper
from tests.integration.deploy.cell import in_cell, permitted
from tests.integration.deploy.unit import UNIT, settings
from tests.media import encoded

pytestmark = pytest.mark.integration

_EXPOSURE = 1.5
"""The most of systemd's own measure, from 0 to 10; a unit without any protection has 9.6."""


@pytest.fixture
def analyze() -> str:
    """systemd's own reader of units."""
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd is not installed")
    return found


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What happened when it was run."""
    if not permitted() or shutil.which("systemd-analyze") is None:
        pytest.skip("only root on Linux may make file systems of its own; systemd tells what its filters mean")
    return in_cell("tests.integration.deploy.unit", {"picture": encoded(hopper()).hex()}, 200)


def test_systemd_reads_every_line(analyze: str, tmp_path: Path) -> None:
    program = tmp_path / "mimik"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    unit = tmp_path / "mimik.service"
    text = UNIT.read_text(encoding="utf-8").replace("/opt/mimik/bin/mimik ", f"{program} ")
    unit.write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, _of_this(done.stderr)) == (0, [])
    unit.write_text(text.replace("ProtectSystem", "ProtectSytem"), encoding="utf-8")
    wrong = subprocess.run([analyze, "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert _of_this(wrong.stderr)


def _of_this(said: str) -> list[str]:
    """What was said of this unit: the machine's others may have troubles of their own."""
    return [line for line in said.splitlines() if "mimik" in line]


def test_little_of_the_machine_is_exposed_to_it(analyze: str) -> None:
    done = subprocess.run(
        [analyze, "security", "--offline=yes", "--no-pager", UNIT], capture_output=True, text=True, check=False
    )
    level = re.search(r"exposure level for mimik.service: ([0-9.]+)", done.stdout)
    assert level is not None, done.stderr
    assert float(level[1]) <= _EXPOSURE


def test_it_listens_on_this_machine_and_demands_keys() -> None:
    (command,) = settings()["ExecStart"]
    assert "--host 127.0.0.1" in command
    assert "--require-keys" in command


def test_the_filter_refuses_what_it_should(report: dict[str, Any]) -> None:
    assert report["refused calls"] == [0, "code 1\nnice 1\n"]


def test_mimik_reads_a_picture_under_the_filter_with_nothing_else_writable(report: dict[str, Any]) -> None:
    assert "answered" in report, report["stopped"]
    assert report["refused"][0] == 401
    status, text = report["answered"]
    assert status == 200, text
    assert len(json.loads(text)["pictures"][0]["faces"]) == 1


def test_what_it_keeps_lies_in_its_state_folder(report: dict[str, Any]) -> None:
    assert report["kept"][0] == 200, report["kept"][1]
    assert {"log", "sessions.db"} <= set(report["data"])


def test_it_stops_in_order(report: dict[str, Any]) -> None:
    code, said = report["stopped"]
    assert code == 0, said
    assert "Traceback" not in said
