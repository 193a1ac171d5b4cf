"""The README's code runs as printed."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tests.faces import collins
from tests.integration.serve.test_machines import program
from tests.media import demo_video

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
SERVED = [(language, block) for language, block in BLOCKS if "127.0.0.1:8420" in block]


def test_the_five_lines_run(tmp_path: Path) -> None:
    (five,) = (block for language, block in BLOCKS if language == "python" and "film.mp4" in block)
    demo_video(tmp_path / "film.mp4", seconds=1)
    done = subprocess.run([sys.executable, "-c", five], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "happy" in done.stdout


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a real `mimik serve` answers."""
    with program(tmp_path_factory.mktemp("readme") / "sessions.db") as (_, http):
        yield str(http.base_url).rstrip("/")


def test_there_is_a_snippet_for_boto3_azure_and_curl() -> None:
    assert [next(word for word in ("boto3", "azure", "curl") if word in block) for _, block in SERVED] == [
        "boto3",
        "azure",
        "curl",
    ]


@pytest.mark.parametrize(("language", "snippet"), SERVED, ids=["boto3", "azure", "curl"])
def test_the_snippets_run_as_printed_against_mimik_serve(
    address: str, tmp_path: Path, language: str, snippet: str
) -> None:
    """But for the port, which is a free one. The face in the photo smiles."""
    cv2.imwrite(str(tmp_path / "photo.jpg"), collins())
    snippet = snippet.replace("http://127.0.0.1:8420", address)
    command = [sys.executable, "-c", snippet] if language == "python" else ["sh", "-euc", snippet]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    if language == "sh":
        (face,) = json.loads(done.stdout)["pictures"][0]["faces"]
        assert face["top"] == "happy"
    else:
        assert re.search(r"^(HAPPY \d\d|0\.[5-9])", done.stdout), done.stdout


def test_both_languages_show_the_same_code_and_commands() -> None:
    english, turkish = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.tr.md"))
    python, shell = r"```python\n(.*?)```", r"^curl .*"
    assert re.findall(python, english, re.S) == re.findall(python, turkish, re.S)
    assert re.findall(shell, english, re.M) == re.findall(shell, turkish, re.M) != []
    assert re.findall(r"^\| (`mimik \w+)", english, re.M) == re.findall(r"^\| (`mimik \w+)", turkish, re.M)


def test_the_figures_are_those_of_the_record() -> None:
    from mimik.weights import read_record

    record = read_record("default")
    measured, shown = record.measured, record.shown
    assert shown is not None
    low, high = (f"{edge * 100:.1f}" for edge in measured.interval)
    figures = {
        "README.md": [f"**{measured.accuracy:.1%}**".replace("%", " %"), f"{low}–{high}", f"{shown.agreement:.1%}"],
        "README.tr.md": [f"**%{measured.accuracy * 100:.1f}**", f"{low}–{high}", f"%{shown.agreement * 100:.1f}"],
    }
    for name, said in figures.items():
        (line,) = (line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if "| `default` |" in line)
        for figure in said:
            local = (
                figure.replace(".", ",") if name.endswith(".tr.md") else figure.replace("%", " %").replace("  ", " ")
            )
            assert local in line
