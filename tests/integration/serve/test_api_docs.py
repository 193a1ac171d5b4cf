"""The snippets of docs/api.md, as printed, against `mimik serve`."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from mimik import Client, Pipeline
from mimik.config import Settings
from mimik.serve import create_app
from mimik.store import Store
from mimik.types import Emotion, Frame
from tests.faces import collins, compose, hopper
from tests.media import write_video
from tests.serving import Served, served

pytestmark = pytest.mark.integration
DOCS = Path(__file__).parents[3] / "docs" / "api.md"
BLOCKS = re.findall(r"```(python|sh|js)\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return Pipeline.load(Settings(threads=1))


@pytest.fixture(scope="module")
def server(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with (
        Store.open(tmp_path_factory.mktemp("store") / "sessions.db") as store,
        served(create_app(pipeline, store=store)) as server,
    ):
        yield server


def test_there_is_a_snippet_for_everybody() -> None:
    assert Counter(language for language, _ in BLOCKS) == {"js": 2, "python": 4, "sh": 5}


@pytest.mark.parametrize(("language", "snippet"), BLOCKS, ids=range(len(BLOCKS)))
def test_snippets_run_as_printed(server: Served, tmp_path: Path, language: str, snippet: str) -> None:
    """But for the port, which is a free one."""
    cv2.imwrite(str(tmp_path / "photo.jpg"), collins())
    if "film.mp4" in snippet:
        write_video(tmp_path / "film.mp4", [collins()] * 8, 8)
    snippet = snippet.replace("127.0.0.1:8420", server.address.removeprefix("http://"))
    if language == "js":
        command = [_node(), "--input-type=module", "--eval", snippet]
    elif language == "python":
        command = [sys.executable, "-c", snippet]
    else:
        command = ["sh", "-euc", snippet]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"happy|HAPPY|happiness|0\.9", done.stdout), done.stdout


def _node() -> str:
    """One that has WebSocket: the machine's, or Playwright's own."""
    from playwright._impl._driver import compute_driver_executable

    for node in (shutil.which("node"), compute_driver_executable()[0]):
        if node is None:
            continue
        asked = subprocess.run([node, "--print", "typeof WebSocket"], capture_output=True, text=True, check=True)
        if asked.stdout.strip() == "function":
            return str(node)
    pytest.fail("no Node of version 22 or later")


def test_pictures_read_together_read_as_alone(pipeline: Pipeline) -> None:
    """With the real networks, whose arithmetic may depend on the batch in the last digits."""
    images = [hopper(), collins(), compose(collins()[50:250, 150:350, 1]), hopper()]
    together = pipeline.read_found([Frame(image) for image in images], [pipeline.find(image) for image in images])
    for image, faces in zip(images, together, strict=True):
        alone = pipeline.read(image)
        assert len(faces) == len(alone) >= 1
        for face, same in zip(faces, alone, strict=True):
            assert (face.detection.box, face.quality) == (same.detection.box, same.quality)
            assert [face.emotions[e] for e in Emotion] == pytest.approx([same.emotions[e] for e in Emotion], abs=1e-5)


def test_the_client_reads_what_the_pipeline_reads(pipeline: Pipeline, server: Served) -> None:
    with Client(server.address) as client:
        read, other = client.analyze(collins(), hopper())
    (face,) = read.faces
    (same,) = pipeline.read(collins())
    assert face.emotions.top is same.emotions.top is Emotion.HAPPY
    assert tuple(face.detection.box) == pytest.approx(tuple(same.detection.box), abs=0.01)
    assert len(other.faces) == 1
