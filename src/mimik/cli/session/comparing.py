"""``mimik session compare`` and ``hours``: several sessions at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from mimik.analytics import Comparison, Estimate, Group, Hour, Hours, by_hour
from mimik.analytics import compare as compare_groups
from mimik.cli.arguments import parse_purpose
from mimik.cli.session.files import checked_report, tell_written
from mimik.cli.session.opening import analysed, chosen_sessions, opened, print_json, tell_cautions
from mimik.cli.session.showing import findings_text
from mimik.cli.terminal import Terminal
from mimik.errors import ConfigError
from mimik.report.scales import Amount
from mimik.report.speech import Speech
from mimik.store import COARSE_S, EMOTIONS, Session
from mimik.types import Emotion
from mimik.words import emotion_name

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["DAYS", "EFFECTS", "HEADINGS", "SCALES", "compare", "hours"]

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SCALES = {"valence": "Valence", "arousal": "Arousal"}
_CONTRAST_HEADINGS = ("Difference", "p", "Effect")
_HOUR_HEADINGS = ("Day", "Hour", "Days", "Faces in the picture", "Readings", "Commonest expression", "Happy")
HEADINGS = ("Expression", *_CONTRAST_HEADINGS, *_HOUR_HEADINGS)
EFFECTS = {"negligible": "negligible", "small": "small", "medium": "medium", "large": "large"}


def compare(
    terminal: Terminal,
    db: str | None,
    first: list[str],
    second: list[str],
    *,
    names: str | None,
    paired: bool,
    output: Path | None,
    relative: bool,
    as_json: bool,
) -> None:
    """Print a comparison of two groups of sessions, and write its report where one is wanted.

    Raises:
        ConfigError: the groups' names are not two, or the report's name ends in neither .html nor .pdf.
        StoreError: a session is not there, or stands in both groups.
    """
    from mimik.report import compare_findings, write_compare_html, write_compare_pdf

    suffix = None if output is None else checked_report(output)
    with opened(terminal, db) as store:
        chosen = chosen_sessions(store, first), chosen_sessions(store, second)
        both = {session.id for session in chosen[0]} & {session.id for session in chosen[1]}
        if both:
            raise ConfigError("{id} stands in both groups. Give each session once.", id=", ".join(sorted(both)))
        called = _names(names, chosen)
        groups = [
            Group(name, tuple(analysed(store, session, relative) for session in sessions))
            for name, sessions in zip(called, chosen, strict=True)
        ]
    comparison = compare_groups(groups, paired=paired)
    if output is not None:
        write = write_compare_html if suffix == ".html" else write_compare_pdf
        write(output, comparison, terminal.language, [*chosen[0], *chosen[1]])
    if as_json:
        print_json(terminal, comparison)
        return
    terminal.out.print(findings_text(compare_findings(comparison, terminal.language)))
    terminal.out.print()
    terminal.out.print(_contrast_table(terminal, comparison))
    tell_cautions(terminal, comparison.warnings)
    if output is not None:
        tell_written(terminal, (output,), as_json=False)


def hours(
    terminal: Terminal,
    db: str | None,
    ids: list[str],
    search: str,
    purpose: str | None,
    tag: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """Print mood by weekday and hour, and write its report where one is wanted.

    Raises:
        ConfigError: sessions and options that choose sessions contradict each other, or the report's name ends in
            neither .html nor .pdf.
        StoreError: a session is not there.
    """
    from mimik.report import hours_findings, write_hours_html, write_hours_pdf

    suffix = None if output is None else checked_report(output)
    if ids and (search or purpose or tag):
        raise ConfigError("Give ids, or --search, --purpose and --tag; not both.")
    chosen = None if purpose is None else parse_purpose(purpose)
    with opened(terminal, db) as store:
        sessions = chosen_sessions(store, ids) if ids else list(store.sessions(search, chosen, tag))
        found = by_hour((session, store.aggregates(session.id, COARSE_S)) for session in sessions)
    if output is not None:
        write = write_hours_html if suffix == ".html" else write_hours_pdf
        write(output, found, terminal.language, sessions)
    if as_json:
        print_json(terminal, found)
        return
    if found.cells:
        terminal.out.print(findings_text(hours_findings(found, terminal.language)))
        terminal.out.print()
        terminal.out.print(_hour_table(terminal, found))
        tell_cautions(terminal, found.warnings)
    else:
        terminal.say("Nothing was read in these sessions. `mimik session list` shows all.")
    if output is not None:
        tell_written(terminal, (output,), as_json=False)


def _names(names: str | None, chosen: tuple[list[Session], list[Session]]) -> list[str]:
    """What the groups are called: as the user says, else their sessions' titles where those tell them apart."""
    if names is not None:
        called = [name.strip() for name in names.split(",")]
        if len(called) != len(chosen) or not all(called):
            raise ConfigError("--names {value}: two names are wanted, with a comma: before,after", value=names)
        return called
    titles = [group[0].title if len(group) == 1 else "" for group in chosen]
    return titles if all(titles) and len(set(titles)) == len(titles) else ["A", "B"]


def _contrast_table(terminal: Terminal, comparison: Comparison) -> Table:
    speech = Speech(terminal.language)
    table = Table(header_style="bold")
    table.add_column(terminal.text("Expression"))
    for group in comparison.groups:
        table.add_column(group.name.replace("[", r"\["), justify="right")
    for heading in _CONTRAST_HEADINGS:
        table.add_column(terminal.text(heading), justify="right")
    for contrast in comparison.contrasts:
        scale = SCALES.get(contrast.name)
        name = emotion_name(contrast.name, terminal.language) if scale is None else terminal.text(scale)
        effect = "" if contrast.effect is None else speech.signed(contrast.effect, 2)
        size = "" if contrast.effect_size is None else f" ({terminal.text(EFFECTS[contrast.effect_size])})"
        tell = _share if scale is None else _scale
        table.add_row(
            name,
            *(tell(speech, estimate, comparison.relative) for estimate in contrast.groups),
            "" if contrast.difference is None else tell(speech, contrast.difference, True),
            "" if contrast.p_holm is None else speech.number(contrast.p_holm, 3),
            effect + size,
        )
    return table


def _share(speech: Speech, estimate: Estimate, difference: bool) -> str:
    return Amount.of(estimate.value, estimate.low, estimate.high).text(speech, difference)


def _scale(speech: Speech, estimate: Estimate, difference: bool) -> str:
    """Valence and arousal, which have no unit."""
    tell = speech.signed if difference else speech.number
    texts = [tell(value, 2) for value in (estimate.value, estimate.low, estimate.high) if value is not None]
    return f"{texts[0]} ({texts[1]} – {texts[2]})" if len(texts) == 3 else "".join(texts)


def _hour_table(terminal: Terminal, hours: Hours) -> Table:
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in _HOUR_HEADINGS:
        table.add_column(
            terminal.text(heading), justify="left" if heading in ("Day", "Commonest expression") else "right"
        )
    for cell in hours.cells:
        table.add_row(*_hour_row(terminal, cell))
    return table


def _hour_row(terminal: Terminal, cell: Hour) -> Sequence[str]:
    speech = Speech(terminal.language)
    shares = [-1.0 if share is None else share for share in cell.shares]
    happy = cell.shares[EMOTIONS.index(Emotion.HAPPY)]
    top = max(range(len(shares)), key=shares.__getitem__)
    return (
        terminal.text(DAYS[cell.weekday]),
        f"{cell.hour:02}:00",
        str(cell.days),
        "" if cell.per_frame is None else speech.number(cell.per_frame, 1),
        speech.number(cell.readings),
        "" if shares[top] < 0 else emotion_name(EMOTIONS[top], terminal.language),
        "" if happy is None else speech.percent(happy),
    )
