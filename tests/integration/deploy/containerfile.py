"""Container files, read into their stages: as much of the format as Mimik's own uses."""

from __future__ import annotations

import json
import shlex
import string
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Instruction", "Stage", "command_of", "parse", "variables"]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction.

    Attributes:
        name: such as ``RUN``.
        text: the rest, its lines joined.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Stage:
    """From one ``FROM`` to the next.

    Attributes:
        image: what it is built on.
        name: what later stages call it.
        steps: what follows.
    """

    image: str
    name: str
    steps: tuple[Instruction, ...]

    def all(self, name: str) -> tuple[str, ...]:
        """The texts of the instructions of a name, in order."""
        return tuple(step.text for step in self.steps if step.name == name)

    def last(self, name: str) -> str:
        """The text of the one that counts."""
        return self.all(name)[-1]


def parse(path: Path) -> tuple[Stage, ...]:
    """The stages of a container file."""
    stages: list[Stage] = []
    for instruction in _instructions(path.read_text(encoding="utf-8")):
        if instruction.name == "FROM":
            words = instruction.text.split()
            stages.append(Stage(words[0], words[2] if len(words) == 3 else "", ()))
        else:
            before = stages.pop()
            stages.append(Stage(before.image, before.name, (*before.steps, instruction)))
    return tuple(stages)


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        found.append(Instruction(name.upper(), " ".join(rest.split())))
    return found


def variables(text: str, known: dict[str, str]) -> dict[str, str]:
    """What an ``ENV`` or ``ARG`` sets."""
    pairs = (word.partition("=") for word in shlex.split(text))
    return {name: string.Template(value).safe_substitute(known) for name, _, value in pairs}


def command_of(text: str) -> list[str]:
    """The words of an instruction in its exec form."""
    words = json.loads(text)
    assert isinstance(words, list)
    assert all(isinstance(word, str) for word in words)
    return words
