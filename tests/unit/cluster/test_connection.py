"""What is said where there is no cluster to connect to."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from mimik.cli import main
from mimik.cluster import connected
from mimik.errors import ConfigError


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("mimik.cluster.connection.find_spec", lambda name: None if name == "ray" else found(name))
    with pytest.raises(ConfigError, match=r"pip install 'mimik\[cluster\]'"), connected():
        pass


def test_an_address_where_nobody_answers_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimik.cluster.connection._QUIET", {})
    code = main(["watch", str(tmp_path / "film.mp4"), "--address", "127.0.0.1:1"])
    assert code == 2
    assert "Ray at 127.0.0.1:1: no connection" in capsys.readouterr().err


def test_a_cluster_that_this_machine_is_no_part_of_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mimik.cluster.connection._QUIET", {})
    with pytest.raises(ConfigError, match=r"ray start --address=HOST:6379"), connected("ray://10.0.0.1:10001"):
        pass


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["analyze", "x.mp4", "-o", "out", "--address", "auto"], "Give --engine ray, too."),
        (["analyze", "x.mp4", "-o", "out", "--workers", "2"], "Give --engine ray, too."),
        (["serve", "--replicas", "2"], "Give --engine ray, too."),
        (["watch", "0", "0"], "camera 0: given twice."),
        (["watch", "0", "--format", "parquet"], "--format parquet: not a table format."),
        (["watch", "rtsp://"], "The address of the stream is not understood."),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert complaint in " ".join(capsys.readouterr().err.split())


def test_ray_is_loaded_only_where_it_is_used() -> None:
    program = "import sys, mimik.cluster, mimik.cluster.watch, mimik.cluster.replicas; assert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)
