"""The way in: the language, the command, and what becomes of everything that goes wrong on the way."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import typer

from mimik.cli.app import app
from mimik.cli.language import complaint, headings, hoist, translated
from mimik.cli.stopping import ctrl_c, noting_ctrl_c
from mimik.cli.terminal import Terminal, silence_stdout
from mimik.errors import ConfigError, MimikError
from mimik.words import choose_language

__all__ = ["run"]

# Typer carries its own copy of Click in some versions and uses Click itself in others.
_ClickException = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


_LIBRARIES = "apt install libgl1 libglib2.0-0"


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code; see `mimik.cli.main`."""
    given = hoist(sys.argv[1:] if arguments is None else arguments)
    wanted = [argument.partition("=")[2] for argument in given if argument.startswith("--lang=")]
    verbose = not {"-v", "--verbose"}.isdisjoint(given)
    language = choose_language(wanted[-1] if wanted else None)
    terminal = Terminal(language, verbose=verbose)
    for stream in (sys.stdout, sys.stderr):
        if not hasattr(stream, "reconfigure"):
            continue
        if stream is sys.stdout and not stream.isatty():
            stream.reconfigure(encoding="utf-8", errors="replace")  # what other programs read is UTF-8 on Windows, too
        elif "utf" not in (stream.encoding or "utf-8").lower():
            # Terminals that lack a letter show a question mark in its place instead of ending the run.
            stream.reconfigure(errors="replace")
    if verbose:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        with headings(language), noting_ctrl_c():
            code = translated(app, language).main(given, prog_name="mimik", standalone_mode=False)
        sys.stdout.flush()
    except typer.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        silence_stdout()
        return 0
    except Exception as error:  # the last place before Python's own traceback
        if ctrl_c.is_set():
            return 130
        return _report(error, terminal)
    return code if isinstance(code, int) else 0


def _report(error: Exception, terminal: Terminal) -> int:
    """Tell people what went wrong and give the exit code."""
    if isinstance(error, _ClickException):
        message = complaint(error.format_message(), terminal.language)  # type: ignore[attr-defined]
        terminal.error("{message}", message=message)
        path = getattr(getattr(error, "ctx", None), "command_path", "mimik")
        terminal.err.print(terminal.text("Try: {command} --help", command=path), markup=False)
        return 2
    if terminal.verbose:
        terminal.err.print_exception()
    if isinstance(error, MimikError):
        values = dict(error.values)
        if isinstance(detail := values.get("detail"), MimikError):
            values["detail"] = terminal.text(detail.text, **detail.values)
        elif isinstance(error, ConfigError) and "detail" in values:  # pydantic's words, as Typer's
            values["detail"] = complaint(str(detail), terminal.language)
        terminal.error(error.text, **values)
        return 2
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        terminal.error("{where}the system refused: {detail}.", where=where, detail=error.strerror)
        return 2
    if isinstance(error, ImportError) and "libGL" in str(error):
        terminal.error(
            "OpenCV lacks a library of the system ({detail}). On Debian: {cure}", detail=error, cure=_LIBRARIES
        )
        return 2
    terminal.error(
        "Mimik failed in a way that it should not: {kind}: {detail}", kind=type(error).__name__, detail=error
    )
    terminal.say("Please report it, with what the same command prints with --verbose, and what `mimik doctor` prints.")
    return 1
