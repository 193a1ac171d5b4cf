"""The container file: read by a linter, its steps taken, and what they make run as an engine would run it.

What stands in for what here is told in docs/deployment.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.faces import hopper
from tests.integration.deploy.cell import in_cell, permitted
from tests.integration.deploy.container import context_files
from tests.integration.deploy.containerfile import parse
from tests.media import encoded

pytestmark = pytest.mark.integration

_REPOSITORY = Path(__file__).parents[3]
_FILE = _REPOSITORY / "deploy" / "Containerfile"


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What happened when it was built and run."""
    if not permitted():
        pytest.skip("only root on Linux may make file systems of its own")
    order = {"picture": encoded(hopper()).hex(), "installed": sysconfig.get_path("purelib")}
    return in_cell("tests.integration.deploy.container", order, 240)


def test_the_linter_has_nothing_to_say() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    done = subprocess.run([hadolint, _FILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_linter_would_say_something(tmp_path: Path) -> None:
    worse = tmp_path / "Containerfile"
    worse.write_text(_FILE.read_text(encoding="utf-8").replace("--no-install-recommends", ""), encoding="utf-8")
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    assert subprocess.run([hadolint, worse], capture_output=True, check=False).returncode


def test_every_image_is_pinned_and_the_same() -> None:
    images = {stage.image for stage in parse(_FILE)}
    assert len(images) == 1
    assert images.pop().rpartition(":")[2].count(".") == 2


def test_packages_are_those_of_the_constraints() -> None:
    (install, attributes) = [text for text in parse(_FILE)[0].all("RUN") if "pip install" in text]
    assert "--constraint constraints.txt" in install
    assert "--no-deps" in attributes
    pinned = (_REPOSITORY / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    project = tomllib.loads((_REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    names = {re.split(r"[\[<>=; ]", each)[0] for each in needed}
    assert {name for name in names if f"\n{name.lower().replace('_', '-')}==" not in pinned} == set()


def test_only_what_is_copied_is_sent_to_the_engine() -> None:
    copied = {word for text in parse(_FILE)[0].all("COPY") for word in text.split()[:-1]}
    sent = context_files()
    assert {name.split("/")[0] for name in sent} == copied
    assert not [name for name in sent if "__pycache__" in name or ".egg-info" in name]
    assert "src/mimik/weights" in {str(Path(name).parent) for name in sent}


def test_every_step_succeeds_and_installs_mimik_itself(report: dict[str, Any]) -> None:
    assert len(report["ran"]) == sum(len(stage.all("RUN")) for stage in parse(_FILE))
    code, said = report["imported"]
    assert code == 0, said
    assert said.startswith("/opt/mimik/lib/")


def test_it_runs_as_nobody_in_particular(report: dict[str, Any]) -> None:
    assert report["identity"] == [0, "10001 10001 []\n"]


def test_nothing_can_be_written_but_data_and_what_is_passing(report: dict[str, Any]) -> None:
    written = {place for place, said in report["written"].items() if not said}
    assert written == {"/data", "/tmp"}
    assert all("Read-only file system" in said for said in report["written"].values() if said)


def test_it_refuses_to_serve_strangers_without_a_key(report: dict[str, Any]) -> None:
    code, said = report["without key"]
    assert code == 2
    assert "mimik key create" in said


def test_its_health_is_told_by_whether_it_is_ready(report: dict[str, Any]) -> None:
    assert report["unhealthy"][0] == 1
    assert report["healthy"] == [0, ""]


def test_it_reads_a_picture_for_a_key_alone(report: dict[str, Any]) -> None:
    assert report["refused"][0] == 401
    status, text = report["answered"]
    assert status == 200, text
    assert len(json.loads(text)["pictures"][0]["faces"]) == 1


def test_what_it_keeps_lies_in_its_volume(report: dict[str, Any]) -> None:
    status, text = report["kept"]
    assert status == 200, text
    assert json.loads(text)["url"].startswith("sqlite")
    assert {"keys.json", "mimik/sessions.db", "mimik/log/audit.jsonl"} <= set(report["data"])


def test_it_stops_in_order_when_the_engine_says_so(report: dict[str, Any]) -> None:
    code, said = report["stopped"]
    assert code == 0, said
    assert "Traceback" not in said


def test_the_example_with_a_database_is_as_tight_as_the_commands() -> None:
    text = (_REPOSITORY / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    mimik, database = services["mimik"], services["database"]
    assert (_REPOSITORY / "deploy" / mimik["build"]["context"] / mimik["build"]["dockerfile"]).resolve() == _FILE
    assert mimik["read_only"]
    assert mimik["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in mimik["ports"])
    assert "ports" not in database
    assert "POSTGRES_PASSWORD" not in database["environment"]
    assert database["image"].rpartition(":")[2][0].isdigit()
