"""What becomes of everything that goes wrong."""

import json
import signal
from typing import Any

import pytest

from mimik.cli import main
from mimik.cli.models import LIVE_SIDE, settings
from mimik.errors import ConfigError, SourceError
from mimik.pipeline import Pipeline
from mimik.weights import read_record, records
from tests.fakes import fake_pipeline

DEMO = ["demo", "--headless", "--seconds", "1"]


def let_load_raise(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def load(settings: object = None) -> Pipeline:
        raise error

    monkeypatch.setattr(Pipeline, "load", staticmethod(load))


def test_an_error_of_ours_is_one_line_and_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    let_load_raise(monkeypatch, SourceError("{path}: holds no frame.", path="a[red]b.mp4"))
    assert main(DEMO) == 2
    said = capsys.readouterr()
    assert said.err == "error: a[red]b.mp4: holds no frame.\n"
    assert main([*DEMO, "--lang", "tr"]) == 2
    assert capsys.readouterr().err.startswith("hata: a[red]b.mp4: ")


def test_the_traceback_is_for_verbose(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    let_load_raise(monkeypatch, SourceError("{path}: holds no frame.", path="x.mp4"))
    main(DEMO)
    assert "Traceback" not in capsys.readouterr().err
    main([*DEMO, "-v"])
    assert "Traceback" in capsys.readouterr().err


def test_an_unexpected_error_is_code_1_and_says_how_to_report_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    let_load_raise(monkeypatch, RuntimeError("boom"))
    assert main(DEMO) == 1
    said = capsys.readouterr().err
    assert "RuntimeError: boom" in said
    assert "mimik doctor" in said
    assert "Traceback" not in said


def test_what_the_system_refuses_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    let_load_raise(monkeypatch, PermissionError(13, "Permission denied", "/secret"))
    assert main(DEMO) == 2
    assert "/secret: the system refused: Permission denied." in capsys.readouterr().err


def test_ctrl_c_while_loading_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    let_load_raise(monkeypatch, KeyboardInterrupt())
    assert main(DEMO) == 130


@pytest.mark.parametrize("swallowed", [True, False])
def test_ctrl_c_that_an_import_loses_is_130(
    swallowed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Packages make another error of the KeyboardInterrupt, or nothing at all."""

    def load(settings: object = None) -> Pipeline:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if not swallowed:
                raise ImportError("initialization failed") from None
        return fake_pipeline()

    monkeypatch.setattr(Pipeline, "load", staticmethod(load))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
    try:
        assert main(DEMO) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    said = capsys.readouterr()
    assert said.out == said.err == ""


@pytest.mark.parametrize(
    ("variable", "value"), [("MIMIK_THREADS", "many"), ("MIMIK_SMOOTHING_S", "-1"), ("MIMIK_DETECTOR_SIDE", "3")]
)
def test_a_bad_setting_names_its_field_and_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(DEMO) == 2
    said = capsys.readouterr().err
    assert variable in said
    assert variable.removeprefix("MIMIK_").lower() in said
    assert value in said


@pytest.mark.parametrize(
    ("variable", "option", "turkish"),
    [
        ("MIMIK_DETECTOR", "--detector", "bir algılayıcı da dosya da yok"),
        ("MIMIK_CLASSIFIER", "--model", "böyle bir model yok"),
    ],
)
def test_a_bad_name_in_the_environment_names_its_variable(
    variable: str, option: str, turkish: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "nosuch")
    assert main([*DEMO, "--lang=tr"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert variable in said
    assert turkish in said
    monkeypatch.delenv(variable)
    assert main([*DEMO, option, "nosuch"]) == 2
    said = capsys.readouterr().err
    assert "nosuch" in said
    assert variable not in said


@pytest.mark.parametrize("formats", ["xml", "csv,xml", "", ","])
def test_an_unknown_format_is_named_before_any_work(formats: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "x.jpg", "-o", "out", "--format", formats]) == 2
    said = capsys.readouterr().err
    assert "csv, json, parquet" in said
    assert "xml" in said or "xml" not in formats


def test_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    names = [record["name"] for record in json.loads(capsys.readouterr().out)]
    assert names[0] == "default"


def test_models_for_people_in_turkish(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--lang=tr"]) == 0
    said = capsys.readouterr().out
    assert "default" in said
    assert "Doğruluk" in said
    assert "Gösterilen etiketler" in said
    share = read_record("default").measured.accuracy
    assert f"%{100 * share:.1f}".replace(".", ",") in said
    assert f"{share:.1%}" not in said


def test_models_tell_how_far_the_shown_labels_may_be_believed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    shown = read_record("default").shown
    assert shown is not None
    assert f"{100 * shown.agreement:.1f} % (95 % interval" in said
    assert f"sure from {100 * shown.thresholds.sure:.0f} %" in said
    headed = [record.name for record in records() if record.shown]
    assert said.count("Labels shown") == len(headed)
    assert "seed" not in headed, "the baseline has no head of its own for them"


def test_colours_only_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    let_load_raise(monkeypatch, SourceError("x"))
    main(DEMO)
    assert "\x1b[" not in capsys.readouterr().err


def test_the_signals_are_pythons_own_again_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    let_load_raise(monkeypatch, SourceError("x"))
    main(DEMO)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


@pytest.mark.parametrize(
    ("given", "environment", "side"),
    [
        ({}, {}, LIVE_SIDE),
        ({"side": 960}, {}, 960),
        ({}, {"MIMIK_DETECTOR_SIDE": "800"}, 800),
        ({"detector": "yunet.onnx"}, {}, None),
    ],
)
def test_live_runs_shrink_pictures_unless_told_otherwise(
    given: dict[str, Any], environment: dict[str, str], side: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert settings(**given, live=True).detector_side == side
    assert settings(**given).detector_side == (None if side == LIVE_SIDE else side)


@pytest.mark.parametrize(
    ("field", "value", "english", "turkish"),
    [
        ("threads", "abc", "a valid integer", "bir tam sayı olmalı"),
        ("threads", "-1", "greater than or equal to 0", "en az 0 olmalı"),
        ("detector_threshold", "1", "less than 1", "1 değerinden küçük olmalı"),
        ("smoothing_s", "nan", "less than or equal to 60", "en çok 60 olmalı"),
    ],
)
def test_a_setting_of_the_environment_that_cannot_be_used_is_named(
    field: str,
    value: str,
    english: str,
    turkish: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    variable = f"MIMIK_{field.upper()}"
    monkeypatch.setenv(variable, value)
    for language, said in (("en", english), ("tr", turkish)):
        assert main([*DEMO, f"--lang={language}"]) == 2
        told = " ".join(capsys.readouterr().err.split())
        assert said in told
        assert field in told
        assert variable in told
    with pytest.raises(ConfigError, match=variable):
        Pipeline.load()
