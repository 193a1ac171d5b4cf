"""Typer in the user's language: help texts, headings and complaints about the arguments.

The application is written in English (`mimik.cli.app`); a command tree is built from it anew for each run, and its
texts are then translated in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand, TyperGroup

from mimik.words import translate

if TYPE_CHECKING:
    from typer import Typer

__all__ = ["Command", "Group", "complaint", "headings", "hoist", "translated"]

_FLAGS = ("-q", "--quiet", "-v", "--verbose")

# What Typer prints around our own texts: attributes of `typer.rich_utils`.
_HEADINGS = {
    "ARGUMENTS_PANEL_TITLE": "Arguments",
    "OPTIONS_PANEL_TITLE": "Options",
    "COMMANDS_PANEL_TITLE": "Commands",
    "DEFAULT_STRING": "[default: {}]",
    "REQUIRED_LONG_STRING": "[required]",
}

# Typer's complaints. The first that fits is translated, and what is found in its places, too.
_COMPLAINTS = (
    "Invalid value for {name}: {detail}",
    "No such option: {name} (Possible options: {names})",
    "No such option: {name}",
    "No such command {name}. Did you mean {names}?",
    "No such command {name}.",
    "Option {name} requires an argument.",
    "Option {name} does not take a value.",
    "Missing argument {name}.",
    "Missing option {name}.",
    "Missing command.",
    "Got unexpected extra argument(s) ({names})",
    "{value} is not one of {names}.",
    "Input should be a valid number, unable to parse string as a number",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid boolean, unable to interpret input",
    "Input should be greater than or equal to {least}",
    "Input should be less than or equal to {most}",
    "Input should be greater than {least}",
    "Input should be less than {most}",
    "Input should be a finite number",
    "choose one",
    "it must be text, in quotes",
    "it must be a list, in brackets",
    "it needs at least one entry",
    "it must be a whole number",
    "it must be a number",
    "it must be true or false",
    "one part leaves nothing to learn from; give 0 or at least 2",
)


class _Spoken:
    """A command that knows the language of what Typer says in its name."""

    language = "en"

    def get_usage(self, ctx: Any) -> str:
        usage: str = super().get_usage(ctx)  # type: ignore[misc]
        return usage.replace("Usage:", translate("Usage:", self.language), 1)

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            option.display_type_rich = lambda ctx: None
            option.help = translate("Show this message and exit.", self.language)
        return option


class Command(_Spoken, TyperCommand):
    """A command in the user's language."""


class Group(_Spoken, TyperGroup):
    """A group of commands in the user's language."""


def translated(app: Typer, language: str) -> Any:
    """The application's command tree in a language."""
    from typer.main import get_command

    tree = get_command(app)
    _translate_command(tree, language)
    return tree


def _translate_command(command: Any, language: str) -> None:
    command.language = language
    for attribute in ("help", "short_help", "epilog", "options_metavar", "subcommand_metavar"):
        _translate_attribute(command, attribute, language)
    for parameter in command.params:
        if getattr(parameter, "is_flag", False) or parameter.param_type_name == "argument":
            # Typer would print a type beside flags and arguments, which says nothing to people.
            parameter.display_type_rich = lambda ctx: None
        for attribute in ("help", "metavar", "show_default", "rich_help_panel"):
            _translate_attribute(parameter, attribute, language)
    for below in getattr(command, "commands", {}).values():
        _translate_command(below, language)


def _translate_attribute(thing: object, attribute: str, language: str) -> None:
    text = getattr(thing, attribute, None)
    if isinstance(text, str):
        setattr(thing, attribute, translate(text, language))


@contextmanager
def headings(language: str) -> Iterator[None]:
    """Let Typer print its headings in a language, for a while."""
    if language == "en":
        yield
        return
    from typer import rich_utils

    before = {name: getattr(rich_utils, name) for name in _HEADINGS if hasattr(rich_utils, name)}
    for name in before:
        setattr(rich_utils, name, translate(_HEADINGS[name], language))
    try:
        yield
    finally:
        for name, text in before.items():
            setattr(rich_utils, name, text)


def complaint(text: str, language: str) -> str:
    """What Typer has to say about the arguments, in a language; in English where it is not known."""
    text = " ".join(text.split())
    for template, pattern in _patterns():
        if match := pattern.fullmatch(text):
            places = {name: complaint(value, language) for name, value in match.groupdict().items()}
            return translate(template, language, **places)
    return text


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (template, re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(template))))
        for template in _COMPLAINTS
    )


def hoist(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that people may write them anywhere before a ``--``."""
    front: list[str] = []
    rest: list[str] = []
    coming = iter(arguments)
    for argument in coming:
        if argument == "--":
            rest += [argument, *coming]
        elif argument in _FLAGS or argument.startswith("--lang="):
            front.append(argument)
        elif argument == "--lang":
            front.append(f"--lang={next(coming, '')}")
        else:
            rest.append(argument)
    return front + rest
