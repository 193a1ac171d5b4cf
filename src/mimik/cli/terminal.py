"""What a command says to people: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mimik.words import translate

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Terminal", "silence_stdout"]


@dataclass(frozen=True)
class Terminal:
    """Where a command prints, and in which language.

    Attributes:
        language: of `mimik.words.LANGUAGES`.
        quiet: leave out what is neither result nor trouble.
        verbose: show what happens inside, and tracebacks.
        asked: the language asked for by option or variable, which a browser may not override; None: nobody asked.
    """

    language: str = "en"
    quiet: bool = False
    verbose: bool = False
    asked: str | None = None

    @cached_property
    def out(self) -> Console:
        """Standard output."""
        from rich.console import Console

        return Console(highlight=False, emoji=False)

    @cached_property
    def err(self) -> Console:
        """Standard error."""
        from rich.console import Console

        return Console(stderr=True, highlight=False, emoji=False)

    def text(self, text: str, /, **values: object) -> str:
        """The text in the language, with its places filled."""
        return translate(text, self.language, **values)

    def say(self, text: str, /, **values: object) -> None:
        """Tell people something on standard error, unless they want quiet."""
        if not self.quiet:
            self.err.print(self.text(text, **values), markup=False, soft_wrap=True)

    def warn(self, text: str, /, **values: object) -> None:
        """Tell people of trouble that does not end the run."""
        self.err.print(
            f"{self.text('warning')}: {self.text(text, **values)}", style="yellow", markup=False, soft_wrap=True
        )

    def notice(self, text: str, values: dict[str, object]) -> None:
        """Take a source's `mimik.types.Notice`."""
        self.warn(text, **values)

    def remark(self, text: str, values: dict[str, object]) -> None:
        """Take a `mimik.types.Notice` that tells of no trouble."""
        self.say(text, **values)

    def error(self, text: str, /, **values: object) -> None:
        """Tell people what ended the run."""
        self.err.print(f"{self.text('error')}: {self.text(text, **values)}", style="red", markup=False, soft_wrap=True)

    def write(self, line: str) -> None:
        """Put a line of result on standard output at once."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def silence_stdout() -> None:
    """Let what is still to be written to a pipe that nobody reads go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
