"""Writes what the documentation takes from the code: ``python -m mimik.cli.reference docs``.

``cli.md`` and ``cli.tr.md`` come from the help texts, the table of limits in ``server.md`` from their fields.
"""

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

__all__ = ["FILES", "limits", "reference"]

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


def limits(text: str) -> str:
    """A page's text with the table of a server's limits made anew, between its marks."""
    from mimik.serve.limits import Limits

    start, end = "<!-- limits -->\n", "<!-- end -->"
    before, found, rest = text.partition(start)
    assert found, start
    rows = ["| variable | default | what it bounds |", "|---|---|---|"]
    for name, field in Limits.model_fields.items():
        rows.append(f"| `MIMIK_LIMIT_{name.upper()}` | {field.default:,} | {field.description} |")
    return before + start + "\n".join(rows) + "\n" + end + rest.partition(end)[2]


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
    server = folder / "server.md"
    server.write_text(limits(server.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
