"""Ctrl-C."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

pytestmark = [pytest.mark.integration, pytest.mark.timing]

_PROGRAM = """
import sys
import time
from mimik.serve import create_app, serve
from mimik.types import SourceKind
from tests.fakes import FakeClassifier, FakeSource, fake_pipeline
pipeline = fake_pipeline(classifier=FakeClassifier(pause_s=0.5))

class Hanging(FakeSource):
    def __iter__(self):
        yield next(super().__iter__())
        time.sleep(60)

source = {"live": FakeSource, "hanging": Hanging}[sys.argv[1]]
app = create_app(pipeline, source=lambda notice: source(100_000, 25, SourceKind.LIVE))
serve(app, port=0, ready=lambda address: print(address, flush=True))
print("ended", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a child alone")
@pytest.mark.parametrize("source", ["live", "hanging"])
def test_ctrl_c_ends_within_two_seconds_with_viewers_connected(source: str) -> None:
    """Sockets open, a reading under way, a camera that does not let go; and no traceback."""
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, source], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        try:
            address = program.stdout.readline().strip().replace("http", "ws")
            with (
                connect(f"{address}ws/source", open_timeout=30) as viewer,
                connect(f"{address}ws/camera", open_timeout=30),
            ):
                viewer.recv(30)
                began = time.monotonic()
                program.send_signal(signal.SIGINT)
                out, errors = program.communicate(timeout=10)
                took = time.monotonic() - began
        finally:
            program.kill()
    assert out == "ended\n"
    assert program.returncode == 0, errors
    assert "Traceback" not in errors
    assert took < 2
