"""Training in processes of its own: two together by torchrun, and one that is killed in mid-epoch."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from mimik.lab.data import write_parquet
from mimik.lab.runs import read_facts, read_predictions, read_rows
from tests.unit.lab.pictures import faces

pytestmark = pytest.mark.integration

# Where the processor has bf16, a trial chooses; two runs that are compared must not depend on that.
CONFIG = (
    'network = "student-tiny"\nschedule = "constant"\nepochs = 3\nbatch = 12\nrate = 0.05\nema = 0.0\nbf16 = "off"\n'
)
COMMAND = [sys.executable, "-c", "import sys; from mimik.cli import main; sys.exit(main())"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_parquet(faces(7 * 8), tmp_path / "fer.parquet")
    (tmp_path / "tiny.toml").write_text(CONFIG)
    return tmp_path


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1"}


def arguments(runs: str, *more: str) -> list[str]:
    return ["train", "tiny.toml", "--data", "fer.parquet", "--runs", runs, *more]


def curve(run: Path) -> np.ndarray:
    return np.array([[row["training_loss"], row["validation_loss"]] for row in read_rows(run)])


def two(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Two processes train together, by torch's own launcher."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    return subprocess.run(
        [*torchrun, *COMMAND, *arguments("two", *more)],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_two_processes_train_one_network_and_go_on(folder: Path) -> None:
    run = folder / "two" / "tiny"
    for epochs, more in ((1, ()), (2, ("--resume",))):
        (folder / "tiny.toml").write_text(CONFIG.replace("epochs = 3", f"epochs = {epochs}"))
        result = two(folder, *more)
        assert result.returncode == 0, result.stderr
        assert result.stderr.count(f"epoch {epochs} of {epochs}:") == 1, "one of them speaks"
    facts = read_facts(run)
    assert (facts["processes"], facts["finished"]) == (2, True)
    assert [one["epoch"] for one in facts["resumed"]] == [1]
    assert [row["epoch"] for row in read_rows(run)] == [1, 2]
    assert np.isfinite(read_predictions(run).fer).all()
    # Once more without --resume: one of the two says why not, the other that it was left.
    result = two(folder)
    assert result.returncode != 0
    assert "holds a run already" in result.stderr
    assert "failed in a way that it should not" not in result.stderr


def test_a_killed_run_goes_on_to_the_same_curve(folder: Path) -> None:
    # So many epochs that a busy machine, too, sees the first one's checkpoint before the last one is over.
    epochs = 10
    (folder / "tiny.toml").write_text(CONFIG.replace("epochs = 3", f"epochs = {epochs}"))
    whole = subprocess.run(
        [*COMMAND, *arguments("whole")], cwd=folder, env=environment(), capture_output=True, text=True, timeout=200
    )
    assert whole.returncode == 0, whole.stderr
    run = folder / "cut" / "tiny"
    process = subprocess.Popen(
        [*COMMAND, *arguments("cut")],
        cwd=folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 150
    while not (run / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run / "predictions.npz").exists(), "it was killed before its end"
    rest = subprocess.run(
        [*COMMAND, *arguments("cut", "--resume")], cwd=folder, env=environment(), capture_output=True, timeout=200
    )
    assert rest.returncode == 0
    assert np.allclose(curve(run), curve(folder / "whole" / "tiny"), rtol=1e-4)
    (resumed,) = read_facts(run)["resumed"]
    assert resumed["epoch"] in range(1, epochs)
