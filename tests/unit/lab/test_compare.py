"""Comparisons against tests worked by hand and by SciPy, on made-up runs; needs no torch."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from mimik.errors import ConfigError
from mimik.lab.compare import compare, mcnemar, names_of
from mimik.lab.compare_page import difference_rows, run_rows, write_comparison
from mimik.lab.runs import Predictions, write_facts, write_predictions, write_rows
from mimik.words import LANGUAGES

LABELS = np.arange(700) % 7


def make_run(folder: Path, wrong: Any, labels: np.ndarray = LABELS, multiply_adds: int | None = 10**7) -> Path:
    """A run that reads everything right but some rows."""
    folder.mkdir(parents=True)
    read = labels.copy()
    read[wrong] = (read[wrong] + 1) % 7
    found = Predictions(
        fer=(np.eye(7, dtype=np.float32)[read] * 3),
        ferplus=None,
        labels=labels,
        ferplus_labels=np.full(len(labels), -1),
        rows=np.arange(len(labels)),
        alone=np.arange(len(labels)) >= 70,
        split="PublicTest",
    )
    write_predictions(folder, found)
    rows = [
        {"epoch": epoch, "training_loss": 2 / epoch, "training_accuracy": 0.4, "validation_loss": 2.1 / epoch}
        | {"validation_accuracy": 0.3 + epoch / 10, "rate": 0.1, "seconds": 1800.0}
        for epoch in (1, 2, 3)
    ]
    write_rows(folder, rows)
    write_facts(folder, {"network": "seed", "parameters": 4_470_000, "multiply_adds": multiply_adds})
    return folder


def test_the_table_and_the_differences(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / "a", np.arange(0, 70)),
        make_run(tmp_path / "b", np.arange(56, 77)),
        make_run(tmp_path / "c", np.arange(0, 0), multiply_adds=None),
    ]
    values = compare(runs).values
    first, second, third = values["runs"]
    assert first["accuracy"] == pytest.approx(0.9)
    assert second["accuracy"] == pytest.approx(0.97)
    assert second["accuracy_without_twins"] == pytest.approx(623 / 630)
    assert (first["epochs"], first["hours"], third["multiply_adds"]) == (3, 1.5, None)
    assert first["interval"][0] < 0.9 < first["interval"][1]
    pair, other = values["differences"]
    assert (pair["run"], pair["reference"], pair["gained"], pair["lost"]) == ("b", "a", 56, 7)
    assert pair["difference"] == pytest.approx(49 / 700)
    assert pair["interval"][0] < 49 / 700 < pair["interval"][1]
    assert pair["p"] == pytest.approx(2 * binom.cdf(7, 63, 0.5))
    assert sum(one["gained"] for one in pair["classes"].values()) == 56
    assert (other["lost"], other["gained"]) == (0, 70)


def test_holms_correction_over_runs(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / "a", np.arange(0, 30))]
    runs += [make_run(tmp_path / name, np.arange(5, 30 + more)) for name, more in (("b", 3), ("c", 0), ("d", 5))]
    tests = compare(runs).values["differences"]
    plain = sorted(test["p"] for test in tests)
    held = {test["p"]: test["p_holm"] for test in tests}
    assert held[plain[0]] == pytest.approx(min(1, 3 * plain[0]))
    assert held[plain[1]] == pytest.approx(min(1, max(3 * plain[0], 2 * plain[1])))
    assert all(0 < test["p"] <= test["p_holm"] <= 1 for test in tests)


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemars_exact_p(gained: int, lost: int) -> None:
    p = mcnemar(gained, lost)
    assert 0 < p <= 1
    assert p == pytest.approx(mcnemar(lost, gained))
    if gained + lost:
        assert p == pytest.approx(min(1, 2 * binom.cdf(min(gained, lost), gained + lost, 0.5)), rel=1e-6)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_holds_everything_and_needs_nothing(language: str, tmp_path: Path) -> None:
    runs = [make_run(tmp_path / "one" / "x", np.arange(9)), make_run(tmp_path / "two" / "x", np.arange(3))]
    comparison = compare(runs)
    assert comparison.names == ("one/x", "two/x")
    page, values = write_comparison(comparison, tmp_path / "out", language)
    text = page.read_text()
    assert text.count('class="plot"') == 4
    assert "two/x" in text
    assert 'src="http' not in text
    assert json.loads(values.read_text()) == json.loads(json.dumps(comparison.values))
    headings, rows = run_rows(comparison.values, language)
    assert {len(row) for row in rows} == {len(headings)} == {11}
    if language != "en":
        assert not set(headings) & {"Run", "Accuracy", "95 % interval", "Likelihood loss", "Epochs"}
    assert difference_rows(comparison.values, language)[1][0][1] in ("+0.9", "+0,9")


def test_one_run_is_a_table_without_differences(tmp_path: Path) -> None:
    comparison = compare([make_run(tmp_path / "a", np.arange(9))])
    assert comparison.values["differences"] == []
    page, _ = write_comparison(comparison, tmp_path / "out", "en")
    assert "McNemar" not in page.read_text()


def test_runs_that_cannot_be_compared_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", np.arange(9))
    other = make_run(tmp_path / "b", np.arange(9), labels=LABELS[::-1])
    with pytest.raises(ConfigError, match="only runs judged on the same faces"):
        compare([run, other])
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "config.toml").write_text('network = "seed"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="not a finished run"):
        compare([run, cut])
    with pytest.raises(ConfigError, match="b/c: there is no such folder"):
        compare([run, tmp_path / "b" / "c"])
    for other in (tmp_path, run / "run.json"):
        with pytest.raises(ConfigError, match="not the folder of a run"):
            compare([run, other])
    with pytest.raises(ConfigError, match="given twice"):
        names_of([run, tmp_path / "b" / ".." / "a"])
    (run / "predictions.npz").write_bytes(b"PK nonsense")
    with pytest.raises(ConfigError, match=r"predictions\.npz"):
        compare([run])


def test_comparing_needs_no_torch(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", np.arange(9))
    program = (
        "import sys; sys.modules['torch'] = None; from mimik.cli import main; "
        f"sys.exit(main(['compare', {str(run)!r}, '--json']))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout)["faces"] == 700
