"""The benchmark suite: honest sums, peers that are told of when absent, a page that holds what was measured."""

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from benchmarks.clips import FPS, ONE, lengthened, make_clip
from benchmarks.environments import Environment, EnvironmentMissingError, size_mb
from benchmarks.held import HeldError, held_runtime
from benchmarks.machine import installed_mb, multiply_adds
from benchmarks.page import BEGIN, END, tables, write_page
from benchmarks.peers import PEERS, Peer
from benchmarks.process import PeerError, PeerProcess
from benchmarks.samples import ratio, spread
from benchmarks.shapes import deepface, efficientnet_b0
from benchmarks.suite import Plan, Suite, _shown
from hypothesis import given
from hypothesis import strategies as st

from mimik.sources import VideoFile
from mimik.weights import verified

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "benchmarks" / "results"

ECHO = """
import json, sys, time
for line in sys.stdin:
    asked = json.loads(line)
    if asked["do"] == "break": raise SystemExit("broken on purpose")
    if asked["do"] == "fail": print(json.dumps({"error": "ValueError: no\\nmore"}), flush=True)
    if asked["do"] == "sleep": time.sleep(60)
    print(json.dumps({"frames": 6, "seconds": 0.5, **asked}), flush=True)
"""


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=30))
def test_spreads_are_in_order(values: list[float]) -> None:
    found = spread(values)
    assert min(values) <= found["p5"] <= found["median"] <= found["p95"] <= max(values) * (1 + 1e-9)
    assert found["n"] == len(values)


def test_what_slows_both_does_not_widen_a_ratio() -> None:
    slow = np.array([1.0, 0.5, 0.25, 0.8, 0.6])
    found = ratio((slow * 20).tolist(), (slow * 2).tolist())
    assert (found["low"], found["ratio"], found["high"]) == pytest.approx((10, 10, 10))


def test_a_ratio_says_how_sure_it_is() -> None:
    found = ratio([10, 12, 8, 11, 9], [2, 1.8, 2.2])
    assert found["low"] < found["ratio"] == 5 < found["high"]


@pytest.mark.parametrize(("shape", "parameters"), [(deepface, 1_485_831), (efficientnet_b0, 4_017_796)])
def test_shapes_have_their_networks_size(shape: Any, parameters: int, tmp_path: Path) -> None:
    model = onnx.load(str(shape(tmp_path)))
    assert sum(math.prod(tensor.dims) for tensor in model.graph.initializer) == pytest.approx(parameters, rel=0.01)


def test_layers_add_up_to_the_networks_multiply_adds() -> None:
    record, file = verified("default")
    layers = multiply_adds(file)
    counted = sum(layer["rows"] * layer["inner"] * layer["columns"] * layer["groups"] for layer in layers)
    assert counted == record.multiply_adds
    eight = [layer["int8"] for layer in layers]
    assert eight[0] == 0, "the first convolution stays in floats"
    assert sum(eight) > len(eight) / 2
    assert not any(layer["int8"] for layer in multiply_adds(verified("default-fp16")[1]))


def test_a_clip_has_the_frames_that_its_name_says(tmp_path: Path) -> None:
    path = make_clip(ONE, 6, tmp_path)
    video = VideoFile(path)
    frames = list(video)
    assert path.name == "one-640x352-6.mp4"
    assert len(frames) == 6
    assert frames[0].image.shape == (352, 640, 3)
    assert video.fps == FPS
    changed = path.stat().st_mtime_ns
    assert make_clip(ONE, 6, tmp_path).stat().st_mtime_ns == changed, "made anew"


def test_a_clip_is_lengthened_by_copying(tmp_path: Path) -> None:
    clip = make_clip(ONE, 6, tmp_path)
    video = VideoFile(lengthened(clip, 15))
    times = [frame.time_s for frame in video]
    assert times == pytest.approx([number / FPS for number in range(18)], abs=1e-3)
    assert video.damaged is None


def test_pictures_that_come_late_or_never_are_counted() -> None:
    found = _shown({"shown": [3, 4, 6, 7], "shown_after_ms": [0.2, 40.0, 0.3, 0.1]})
    assert found["shown"] == 4
    assert found["late"] == 2, "one was slow, one never came"


def test_a_runtime_is_held_by_what_it_is_told_of_registers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks, package = b"\x31\xc9\x0f\x01\xd0", tmp_path / "installed" / "onnxruntime"
    package.mkdir(parents=True)
    library = package / "onnxruntime_pybind11_state.so"
    library.write_bytes(b"before" + asks + b"after")
    spec = SimpleNamespace(submodule_search_locations=[str(package)])
    monkeypatch.setattr("benchmarks.held.find_spec", lambda name: spec)
    held = held_runtime(tmp_path / "cache") / "onnxruntime" / library.name
    assert held.read_bytes() == b"before\x31\xc9\x6a\x07\x58after"
    assert asks in library.read_bytes(), "the installed one was touched"
    library.write_bytes(b"asks in another way")
    with pytest.raises(HeldError, match="does not ask"):
        held_runtime(tmp_path / "another")


def test_a_peer_answers(tmp_path: Path) -> None:
    with PeerProcess([sys.executable, "-c", ECHO], tmp_path / "log") as peer:
        assert peer.ask("clip", path="x")["path"] == "x"


@pytest.mark.parametrize(
    ("do", "reason"), [("break", "broken on purpose"), ("fail", "^ValueError: no$"), ("sleep", "no answer within")]
)
def test_a_peers_trouble_is_told(do: str, reason: str, tmp_path: Path) -> None:
    with (
        PeerProcess([sys.executable, "-c", ECHO], tmp_path / "log") as peer,
        pytest.raises(PeerError, match=reason),
    ):
        peer.ask(do, timeout_s=0.2 if do == "sleep" else 30)


def test_a_peer_that_is_not_installed_is_absent_with_a_reason(tmp_path: Path) -> None:
    missing = Environment("nowhere", (("no-such-package",),))
    peer = Peer("gone", "Gone", "decode.py", ("opencv",), missing)
    suite = Suite(Plan(tmp_path, (peer,), install=False), lambda text: None)
    (tmp_path / "log").mkdir()
    suite._begin()
    assert "not installed" in suite._card(peer)["absent"]


def test_an_environment_is_as_good_as_its_steps(tmp_path: Path) -> None:
    first = Environment("one", (("a",),))
    first.folder(tmp_path).mkdir()
    assert not first.ready(tmp_path)
    (first.folder(tmp_path) / "made-one.json").write_text(json.dumps({"steps": first.steps, "seconds": 1}))
    assert first.ready(tmp_path)
    assert not Environment("one", (("a", "b"),)).ready(tmp_path)


def test_without_node_its_peers_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (peer,) = (peer for peer in PEERS if peer.name == "human")
    assert peer.environment
    with pytest.raises(EnvironmentMissingError, match="Node"):
        peer.environment.make(tmp_path, tmp_path / "log")


def test_sizes_count_everything(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(bytes(300_000))
    assert size_mb(tmp_path) == pytest.approx(0.3, rel=0.1)
    parts = installed_mb("mimik")
    assert {"mimik", "onnxruntime", "numpy"} <= set(parts)
    assert "torch" not in parts, "an extra"


def test_the_page_is_what_was_measured(tmp_path: Path) -> None:
    newest = max(RESULTS.glob("*.json"), key=lambda path: path.name)
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write_page(newest, page)
    written = page.read_text(encoding="utf-8")
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    real = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    inside = [text.partition(BEGIN)[2].partition(END)[0] for text in (written, real)]
    assert inside[0] == inside[1], "run `python -m benchmarks --page`"
    assert (tmp_path / "performance.svg").read_text(encoding="utf-8").count("<svg") == 1


def test_absent_peers_stand_in_the_page() -> None:
    newest = max(RESULTS.glob("*.json"), key=lambda path: path.name)
    values = json.loads(newest.read_text(encoding="utf-8"))
    values["peers"]["facex"] = {"title": "facex", "absent": "no wheel here", "failed": {}}
    values["peers"]["human"]["failed"] = {"live": "no camera"}
    text = tables(values, "x.json")
    assert "- facex: no wheel here" in text
    assert "live: no camera" in text
