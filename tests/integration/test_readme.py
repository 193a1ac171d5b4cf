"""The README's code runs as printed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.media import demo_video

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["README.md", "README.tr.md"])
def test_the_five_lines_run(name: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.S)
    assert blocks
    demo_video(tmp_path / "film.mp4", seconds=1)
    for block in blocks:
        done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "happy" in done.stdout


def test_both_languages_show_the_same_code_and_commands() -> None:
    english, turkish = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.tr.md"))
    assert re.findall(r"```python\n(.*?)```", english, re.S) == re.findall(r"```python\n(.*?)```", turkish, re.S)
    assert re.findall(r"^\| (`mimik \w+)", english, re.M) == re.findall(r"^\| (`mimik \w+)", turkish, re.M)


def test_the_figures_are_those_of_the_record() -> None:
    from mimik.weights import read_record

    record = read_record("default")
    measured, shown = record.measured, record.shown
    assert shown is not None
    low, high = measured.interval
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"**{measured.accuracy:.1%}**".replace("%", " %") in english
    assert f"{low * 100:.1f}–{high * 100:.1f} %" in english
    assert f"{measured.accuracy_without_twins * 100:.1f} %" in english
    assert f"**{shown.agreement * 100:.1f} %**" in english
    assert f"{shown.agreement_of_fer * 100:.1f} %" in english
    turkish = (ROOT / "README.tr.md").read_text(encoding="utf-8")
    assert f"**%{shown.agreement * 100:.1f}**".replace(".", ",") in turkish
    assert f"**%{measured.accuracy * 100:.1f}**".replace(".", ",") in turkish
