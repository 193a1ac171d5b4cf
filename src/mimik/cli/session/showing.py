"""``mimik session list`` and ``show``: sessions on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mimik.cli.arguments import parse_purpose
from mimik.cli.session.opening import analysed, opened, print_json, tell_cautions
from mimik.cli.terminal import Terminal
from mimik.store import Marker, MarkerKind, Session, SessionState
from mimik.store.marking import clock
from mimik.words import EMOTION_COLOURS, emotion_name

if TYPE_CHECKING:
    from mimik.analytics import Analysis

__all__ = [
    "HEADINGS",
    "KINDS",
    "PURPOSES",
    "STATES",
    "findings_text",
    "list_sessions",
    "marker_table",
    "purpose_name",
    "show_session",
]

_BAR = 24
_MARKER_HEADINGS = ("Number", "Time", "Label")
_SESSION_HEADINGS = ("Id", "Began", "Length", "Purpose", "State", "Title")
_SHARE_HEADINGS = ("Expression", "Share (95 % interval)", "Difference from rest (95 % interval)")
HEADINGS = (*_MARKER_HEADINGS, *_SESSION_HEADINGS, *_SHARE_HEADINGS)
PURPOSES = {
    "lesson": "lesson",
    "work": "work",
    "product": "product",
    "advertisement": "advertisement",
    "shop": "shop",
    "interview": "interview",
    "clinic": "clinic",
    "research": "research",
    "other": "other",
}
STATES = {
    SessionState.RECORDING: "being recorded",
    SessionState.PAUSED: "paused",
    SessionState.DONE: "complete",
    SessionState.INTERRUPTED: "interrupted",
}
KINDS = {
    MarkerKind.POINT: "marker",
    MarkerKind.BASELINE: "rest",
    MarkerKind.PAUSE: "paused",
    MarkerKind.LOST: "not saved",
}


def purpose_name(terminal: Terminal, session: Session) -> str:
    """What the session is for, in the user's language."""
    return terminal.text(PURPOSES[session.purpose.value])


def list_sessions(
    terminal: Terminal, db: str | None, search: str, purpose: str | None, tag: str, as_json: bool
) -> None:
    """Print the sessions, newest first."""
    chosen = None if purpose is None else parse_purpose(purpose)
    with opened(terminal, db) as store:
        found = store.sessions(search, chosen, tag)
    if as_json:
        print_json(terminal, found)
    elif found:
        terminal.out.print(_session_table(terminal, found))
    elif search or chosen or tag:
        terminal.say("No session fits. `mimik session list` without options shows all.")
    else:
        terminal.say("No sessions yet. Record one: mimik live --session TITLE")


def show_session(terminal: Terminal, db: str | None, key: str, relative: bool, as_json: bool) -> None:
    """Print what one session found.

    Raises:
        StoreError: there is no such session.
    """
    from mimik.report import findings

    with opened(terminal, db) as store:
        session = store.session(key)
        markers, people = store.markers(session.id), store.people(session.id)
        analysis = analysed(store, session, relative)
    if as_json:
        print_json(terminal, {"session": session, "markers": markers, "people": people, "analysis": analysis})
        return
    terminal.out.print(Text(session.title, style="bold"))
    terminal.out.print(Text(_facts(terminal, session), style="dim"))
    terminal.out.print()
    terminal.out.print(findings_text(findings(analysis, terminal.language)))
    terminal.out.print()
    terminal.out.print(_share_table(terminal, analysis))
    if markers:
        terminal.out.print()
        terminal.out.print(marker_table(terminal, markers))
    tell_cautions(terminal, analysis.warnings)


def marker_table(terminal: Terminal, markers: Sequence[Marker]) -> Table:
    """Markers by time."""
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in _MARKER_HEADINGS:
        table.add_column(terminal.text(heading), justify="right" if heading != "Label" else "left", overflow="fold")
    for marker in markers:
        when = clock(marker.time_s) + (f"–{clock(marker.end_s)}" if marker.end_s is not None else "")
        kind = "" if marker.kind is MarkerKind.POINT else f"({terminal.text(KINDS[marker.kind])})"
        table.add_row(str(marker.id), when, Text(" ".join(part for part in (marker.label, kind) if part)))
    return table


def findings_text(sentences: Sequence[str]) -> Group:
    """Findings in words, a bullet each."""
    grid = Table.grid(padding=(0, 1))
    for sentence in sentences:
        grid.add_row("•", Text(sentence))
    return Group(grid)


def _facts(terminal: Terminal, session: Session) -> str:
    """Its id, purpose, beginning, length and state, in a line."""
    parts = [
        session.id,
        purpose_name(terminal, session),
        f"{session.started_at:%Y-%m-%d %H:%M}",
        clock(round(session.duration_s)),
        terminal.text(STATES[session.state]),
        *session.tags,
    ]
    return " · ".join(parts)


def _session_table(terminal: Terminal, sessions: Sequence[Session]) -> Table:
    table = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in _SESSION_HEADINGS:
        table.add_column(
            terminal.text(heading), justify="right" if heading == "Length" else "left", no_wrap=heading != "Title"
        )
    for session in sessions:
        tags = f"  {' '.join(f'#{tag}' for tag in session.tags)}" if session.tags else ""
        table.add_row(
            session.id,
            f"{session.started_at:%Y-%m-%d %H:%M}",
            clock(round(session.duration_s)),
            purpose_name(terminal, session),
            terminal.text(STATES[session.state]),
            Text(session.title).append(tags, style="dim"),
        )
    return table


def _share_table(terminal: Terminal, analysis: Analysis) -> Table:
    """Each expression's part of the readings; relative to rest, how much more or less of it was read."""
    from mimik.report.scales import amount
    from mimik.report.speech import Speech

    speech = Speech(terminal.language)
    table = Table(header_style="bold")
    expression, share, difference = (terminal.text(heading) for heading in _SHARE_HEADINGS)
    table.add_column(expression)
    table.add_column(difference if analysis.relative else share, justify="right")
    table.add_column("", min_width=_BAR)
    for each in analysis.overall.emotions:
        shown = amount(each, analysis.relative)
        bar = "█" * round(_BAR * shown.value) if shown.known and not analysis.relative else ""
        table.add_row(
            emotion_name(each.emotion, terminal.language),
            shown.text(speech, analysis.relative),
            f"[{EMOTION_COLOURS[each.emotion]}]{bar}[/]" if bar else "",
        )
    return table
