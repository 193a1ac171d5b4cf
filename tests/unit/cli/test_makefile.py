"""The Makefile, without installing anything."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Under `make test` itself, what that make says to its children must not reach these.
    given = ("MAKE", "MFLAGS", "ARGS", "HEADLESS", "PYTHON", "VENV")
    outer = {name: value for name, value in os.environ.items() if not name.startswith(given)}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, env={**outer, **environment}
    )


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """A virtual environment in which everything is installed already."""
    venv = tmp_path / "venv"
    venv.mkdir()
    for stamp in ("pyvenv.cfg", ".mimik", ".mimik-dev"):
        (venv / stamp).touch()
    return venv


@pytest.mark.parametrize(("headless", "flag"), [("1", True), ("", False), ("0", False)])
def test_a_warm_demo_runs_no_pip(ready: Path, headless: str, flag: bool) -> None:
    plan = make("--dry-run", "demo", f"VENV={ready}", f"HEADLESS={headless}")
    assert plan.returncode == 0, plan.stderr
    assert plan.stdout.strip().endswith("demo" + (" --headless" if flag else ""))
    assert "pip install" not in plan.stdout


def test_a_cold_demo_installs_from_the_pins(tmp_path: Path) -> None:
    plan = make("--dry-run", "demo", f"VENV={tmp_path / 'new'}").stdout
    assert "-m venv" in plan
    assert "--constraint constraints.txt --editable ." in plan


def test_tests_come_after_style_and_types(ready: Path) -> None:
    plan = make("--dry-run", "test", f"VENV={ready}").stdout
    steps = [plan.index(step) for step in ('ruff" check', 'ruff" format', 'bin/mypy"', "-m pytest")]
    assert steps == sorted(steps)


def test_what_judges_real_clocks_is_tested_alone(ready: Path) -> None:
    def runs(*arguments: str) -> list[str]:
        plan = make("--dry-run", "test", f"VENV={ready}", *arguments).stdout
        return [line.partition("-m pytest")[2] for line in plan.splitlines() if "-m pytest" in line]

    several, alone = runs()
    assert several.endswith('--numprocesses 2 --dist loadfile -m "not timing"')
    assert alone == " -m timing", "both together run every test once"
    assert runs("ARGS=-k tracks") == [" -k tracks"]


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "make", "rm", "echo", "touch"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    old = tools / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    venv = tmp_path / "venv"
    result = make(str(venv / "pyvenv.cfg"), f"VENV={venv}", PATH=str(tools))
    assert result.returncode != 0
    assert "needs Python 3.11 or newer; Python 3.8.2 was found" in result.stderr
    assert not venv.exists()


def test_a_python_that_cannot_make_environments_says_what_to_install(tmp_path: Path) -> None:
    """Debian's python3 without python3-venv."""
    broken = tmp_path / "python3"
    broken.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nexit 1\n')
    broken.chmod(0o755)
    venv = tmp_path / "venv"
    result = make(str(venv / "pyvenv.cfg"), f"VENV={venv}", f"PYTHON={broken}")
    assert result.returncode != 0
    assert "apt install python3-venv" in result.stderr


def test_distclean_leaves_what_is_no_environment(tmp_path: Path) -> None:
    plan = make("--dry-run", "distclean", f"VENV={tmp_path}").stdout
    assert f'[ ! -f "{tmp_path}/pyvenv.cfg" ] ||' in plan
