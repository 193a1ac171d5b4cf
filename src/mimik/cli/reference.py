"""Writes ``docs/cli.md`` and ``docs/cli.tr.md`` from the help texts: ``python -m mimik.cli.reference``."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from typer import rich_utils

from mimik.cli.app import app
from mimik.cli.language import headings, translated
from mimik.words import LANGUAGES, translate

__all__ = ["FILES", "reference"]

FILES = {"en": "cli.md", "tr": "cli.tr.md"}
"""Language → file in ``docs``."""

_WIDTH = 100


def reference(language: str) -> str:
    """The help of every command, as Markdown."""
    tree = translated(app, language)
    parts = [
        translate("# Command line", language),
        translate("Made from `--help` by `make docs`; a test keeps it true.", language),
        *_sections(tree, tree, [], language),
    ]
    return "\n\n".join(parts) + "\n"


def _sections(tree: Any, command: Any, names: list[str], language: str) -> Iterator[str]:
    """The command's own help, then those of the commands below it, one level of heading deeper from the third on."""
    heading = "#" * max(2, len(names) + 1)
    yield f"{heading} {' '.join(['mimik', *names])}\n\n{_help(tree, names, language)}"
    for name, below in getattr(command, "commands", {}).items():
        yield from _sections(tree, below, [*names, name], language)


def _help(tree: Any, arguments: list[str], language: str) -> str:
    before = rich_utils.MAX_WIDTH, rich_utils.FORCE_TERMINAL
    rich_utils.MAX_WIDTH, rich_utils.FORCE_TERMINAL = _WIDTH, False
    text = io.StringIO()
    try:
        with redirect_stdout(text), headings(language):
            tree.main([*arguments, "--help"], prog_name="mimik", standalone_mode=False)
    finally:
        rich_utils.MAX_WIDTH, rich_utils.FORCE_TERMINAL = before
    lines = (line.rstrip() for line in text.getvalue().strip("\n").splitlines())
    return "```text\n" + "\n".join(lines).strip("\n") + "\n```"


def _main(folder: Path) -> None:
    for language in LANGUAGES:
        (folder / FILES[language]).write_text(reference(language), encoding="utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
