"""``mimik models``, and the settings that the options of other commands make."""

import dataclasses
import json

from rich.table import Table

from mimik.cli.terminal import Terminal
from mimik.config import Settings
from mimik.detect import DETECTORS
from mimik.errors import ConfigError
from mimik.weights import Measured, Record, Shown, records
from mimik.words import numeral, per_cent

__all__ = ["LIVE_SIDE", "list_models", "settings"]

LIVE_SIDE = 480
"""Finds as many faces of 40 pixels and more as the full picture, in half the time (docs/decisions.md)."""


def settings(
    detector: str | None = None,
    model: str | None = None,
    threads: int | None = None,
    side: int | None = None,
    *,
    live: bool = False,
    attributes: bool = False,
    purpose: str | None = None,
) -> Settings:
    """The environment's settings, with what the options say instead.

    Args:
        detector: `Settings.detector`.
        model: `Settings.classifier`.
        threads: `Settings.threads`.
        side: `Settings.detector_side`.
        live: shrink pictures to `LIVE_SIDE` for the shipped detectors where nobody said otherwise.
        attributes: `Settings.attributes`, where it is switched on.
        purpose: of the session that is to be recorded, as it was typed.

    Raises:
        ConfigError: one of them cannot be used, or age and gender are wanted of people in lessons or at work.
    """
    given = {
        "detector": detector,
        "classifier": model,
        "threads": threads,
        "detector_side": side,
        "attributes": attributes or None,
    }
    chosen = Settings.read(**{name: value for name, value in given.items() if value is not None})
    if chosen.attributes and purpose is not None:
        from mimik.cli.arguments import parse_purpose  # the store's, which other commands need not wait for

        if not parse_purpose(purpose).allows_ages:
            raise ConfigError(
                "--purpose {purpose}: age and gender are not estimated in lessons or at work. Leave --attributes out.",
                purpose=purpose,
            )
    if live and chosen.detector_side is None and chosen.detector in DETECTORS:
        return chosen.model_copy(update={"detector_side": LIVE_SIDE})
    return chosen


def list_models(terminal: Terminal, as_json: bool) -> None:
    """Print the records of the models that come with Mimik."""
    found = records()
    if as_json:
        terminal.write(json.dumps([dataclasses.asdict(record) for record in found], indent=2, ensure_ascii=False))
        return
    for number, record in enumerate(found):
        if number:
            terminal.out.print()
        name = record.name if record.file else terminal.text("{name} (measured, not shipped)", name=record.name)
        terminal.out.print(name, style="bold", markup=False)
        terminal.out.print(_card(terminal, record))


def _card(terminal: Terminal, record: Record) -> Table:
    measured = record.measured
    lines = {
        "What it is": terminal.text(record.title),
        "Accuracy": _share(
            terminal,
            "{accuracy} (95 % interval {low} to {high}) of {faces} faces of {split}",
            measured.accuracy,
            measured,
        )
        + f" ({terminal.text(measured.role)})",
        **_shown(terminal, record),
        "Calibration error": per_cent(measured.ece, terminal.language),
        "Parameters": numeral(record.parameters, ",d", terminal.language),
        "Learnt from": terminal.text(record.data),
        "Licence": terminal.text(record.licence),
    }
    card = Table.grid(padding=(0, 2))
    for heading, text in lines.items():
        card.add_row(f"  {terminal.text(heading)}", text.replace("[", r"\["))
    return card


def _shown(terminal: Terminal, record: Record) -> dict[str, str]:
    """How far the labels that people see may be believed; where a network has no head of its own for them, nothing."""
    if (shown := record.shown) is None:
        return {}
    return {
        "Labels shown": _share(
            terminal,
            "{accuracy} (95 % interval {low} to {high}) are what most people saw, in {faces} faces of {split}",
            shown.agreement,
            shown,
        ),
        "Certainty": terminal.text(
            "sure from {sure}, uncertain from {uncertain}, withheld below",
            sure=per_cent(record.states.sure, terminal.language, 0),
            uncertain=per_cent(record.states.uncertain, terminal.language, 0),
        ),
    }


def _share(terminal: Terminal, text: str, share: float, of: Measured | Shown) -> str:
    accuracy, low, high = (per_cent(each, terminal.language) for each in (share, *of.interval))
    faces = numeral(of.faces, ",d", terminal.language)
    return terminal.text(text, accuracy=accuracy, low=low, high=high, faces=faces, split=of.split)
