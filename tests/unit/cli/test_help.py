"""Help and complaints, in both languages, and how quickly they come."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.main import get_command
from typer.testing import CliRunner

from mimik import __version__
from mimik.cli import main
from mimik.cli.app import app
from mimik.cli.doctor import CHECKS
from mimik.cli.language import complaint, headings, hoist, translated
from mimik.cli.reference import FILES, reference
from mimik.words import LANGUAGES, catalogue

DOCS = Path(__file__).parents[3] / "docs"
COMMANDS = ("demo", "live", "analyze", "watch", "serve", "models", "doctor", "bench")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reference_in_docs_is_what_help_says(language: str) -> None:
    written = (DOCS / FILES[language]).read_text(encoding="utf-8")
    assert written == reference(language), "run `make docs`"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Usage: mimik " + command in text
    assert "Examples:" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_turkish_with_its_headings(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help", "--lang", "tr"]) == 0
    text = capsys.readouterr().out
    assert "Kullanım: mimik " + command in text
    assert "Seçenekler" in text
    assert "Örnekler:" in text
    assert not re.search(r"Usage|Options|Examples|Arguments|Show this|default:|required", text)


def test_typers_headings_are_english_again_afterwards() -> None:
    from typer import rich_utils

    before = rich_utils.OPTIONS_PANEL_TITLE
    with headings("tr"):
        assert rich_utils.OPTIONS_PANEL_TITLE == "Seçenekler"
    assert before == rich_utils.OPTIONS_PANEL_TITLE


def test_every_help_text_has_its_turkish() -> None:
    tree = get_command(app)
    texts = {*CHECKS, "ok", "warn", "fail", "error", "warning"}
    for command in (tree, *tree.commands.values()):  # type: ignore[attr-defined]
        things: list[tuple[object, tuple[str, ...]]] = [(command, ("help", "epilog"))]
        things += [(parameter, ("help", "rich_help_panel", "show_default")) for parameter in command.params]
        texts |= {text for thing, names in things for name in names if isinstance(text := getattr(thing, name, 0), str)}
    missing = {text for text in texts if not text.isdigit()} - set(catalogue("tr"))
    assert not missing


def test_examples_fit_a_terminal_of_80_columns() -> None:
    """Rich would break a longer line, and a broken example cannot be copied."""
    for language in LANGUAGES:
        tree = translated(app, language)
        for command in (tree, *tree.commands.values()):
            assert all(len(line) <= 78 for line in (command.epilog or "").splitlines()), command.epilog


def test_typers_own_runner_works_on_the_application() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"mimik {__version__}\n")


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Start here:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "english", "turkish"),
    [
        (["live", "--foo"], "No such option: --foo", "Böyle bir seçenek yok: --foo"),
        (["liv"], "No such command 'liv'. Did you mean 'live'?", "Şunu mu demek istediniz: 'live'?"),
        (["analyze", "-o", "x"], "Missing argument 'INPUT'", "Eksik argüman: 'GİRDİ'"),
        (["analyze", "x"], "Missing option '--output'", "Eksik seçenek: '--output'"),
        (["demo", "--port", "x"], "'--port'", "bir tam sayı olmalı"),
        (["demo", "--seconds", "0"], "'--seconds'", "en az 0.1 olmalı"),
        (
            ["demo", "too", "many"],
            "extra argument(s) (too many)",
            "Beklenmeyen fazla argüman: too many",
        ),
        (["demo", "--seconds"], "Option '--seconds' requires an argument.", "'--seconds' seçeneği bir değer ister."),
        (["live", "--window", "--headless"], "'--window' / '--headless': choose one", "birini seçin"),
        (["--lang", "de", "demo"], "'de' is not one of en, tr", ""),
    ],
)
def test_complaints_about_arguments(
    arguments: list[str], english: str, turkish: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line that names the mistake, one that says where to look; nothing on standard output."""
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert english in said.err
    assert "--help" in said.err
    if turkish:
        assert main(["--lang=tr", *arguments]) == 2
        said = capsys.readouterr()
        assert said.err.startswith("hata: ")
        assert turkish in said.err


def test_an_unknown_complaint_stays_as_it_is() -> None:
    assert complaint("Something else {x}", "tr") == "Something else {x}"


@given(
    before=st.lists(st.sampled_from(["live", "--window", "a b", "-o", "x"])),
    after=st.lists(st.sampled_from(["--fps", "2", "demo", "--help"])),
    option=st.sampled_from([["-q"], ["--verbose"], ["--lang", "tr"], ["--lang=tr"]]),
)
def test_global_options_may_stand_anywhere(before: list[str], after: list[str], option: list[str]) -> None:
    joined = [f"--lang={option[1]}"] if len(option) == 2 else option
    assert hoist(before + option + after) == joined + before + after


def test_nothing_is_moved_over_a_double_dash() -> None:
    assert hoist(["live", "--", "-q", "--lang", "tr"]) == ["live", "--", "-q", "--lang", "tr"]


def test_help_loads_nothing_heavy() -> None:
    """`mimik --help` answers in a third of a second because of this."""
    heavy = ("av", "cv2", "fastapi", "matplotlib", "numpy", "onnxruntime", "plotly", "torch", "mimik.pipeline")
    code = (
        "import sys; from mimik.cli import main; main(['--help'])\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr == "[]\n"
