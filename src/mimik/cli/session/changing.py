"""``mimik session marker``, ``baseline``, ``edit``, ``delete`` and ``purge``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mimik.cli.arguments import parse_days, parse_purpose
from mimik.cli.session.opening import chosen_sessions, name_of, print_json, tell_purged
from mimik.cli.session.showing import marker_table
from mimik.cli.terminal import Terminal
from mimik.errors import ConfigError, StoreError
from mimik.store import Marker, MarkerKind, Session, SessionState, Store
from mimik.store.marking import MARKER_FILE_BYTES, check_time, clock, parse_markers, parse_time

__all__ = ["YES", "Changes", "delete", "edit", "mark", "purge", "rest"]

YES = {"y", "yes", "e", "evet"}


@dataclass(frozen=True, slots=True)
class Changes:
    """What `edit` changes; None leaves a thing as it is."""

    title: str | None = None
    tags: Sequence[str] | None = None
    purpose: str | None = None
    consent: str | None = None
    ground: str | None = None
    keep_days: str | None = None
    raw_days: str | None = None


def mark(
    terminal: Terminal,
    db: str | None,
    session: str,
    *,
    at: str | None,
    label: str | None,
    table: Path | None,
    delete: int | None,
    as_json: bool,
) -> None:
    """Set, import or delete markers, then print them all.

    Raises:
        ConfigError: the options contradict each other.
        StoreError: a time, a file's line or the session is wrong; then nothing was changed.
    """
    if sum(value is not None for value in (at, table, delete)) > 1:
        raise ConfigError("Give one of --at, --csv and --delete.")
    if (at is None) != (label is None):
        raise ConfigError("--at and --label belong together: --at 1:15 --label 'topic 2'")
    with Store.open(db) as store:
        found = store.session(session)
        if at is not None and label is not None:
            time_s = parse_time(at)
            if _length(found) is not None:
                check_time(at, time_s, found.duration_s)
            _add(terminal, store, found, [Marker(time_s, label)])
        elif table is not None:
            _add(terminal, store, found, parse_markers(_read(table), str(table), _length(found)))
        elif delete is not None:
            store.delete_marker(found.id, delete)
        markers = store.markers(found.id)
    if as_json:
        print_json(terminal, markers)
    elif markers:
        terminal.out.print(marker_table(terminal, markers))
    else:
        terminal.say("No markers yet. Set one: mimik session marker {id} --at 1:15 --label 'topic 2'", id=found.id)


def rest(terminal: Terminal, db: str | None, session: str, start: str, end: str, as_json: bool) -> None:
    """Mark a stretch of rest.

    Raises:
        StoreError: a time is wrong, or the session is not there.
    """
    start_s, end_s = parse_time(start), parse_time(end)
    if end_s <= start_s:
        raise ConfigError("The rest ends at {end}, which is not after its beginning, {start}.", start=start, end=end)
    with Store.open(db) as store:
        found = store.session(session)
        for text, time_s in ((start, start_s), (end, end_s)):
            if _length(found) is not None:
                check_time(text, time_s, found.duration_s)
        (marker,) = store.add_markers(found.id, [Marker(start_s, "", MarkerKind.BASELINE, end_s)])
    if as_json:
        print_json(terminal, marker)
    else:
        terminal.say(
            "Rest from {start} to {end}. See differences from it: mimik session show {id} --relative",
            start=clock(start_s),
            end=clock(end_s),
            id=found.id,
        )


def edit(terminal: Terminal, db: str | None, session: str, changes: Changes, as_json: bool) -> None:
    """Change what is written about a session.

    Raises:
        ConfigError: nothing is to be changed, or a value cannot be.
        StoreError: the session is not there, or a value cannot be.
    """
    if changes == Changes():
        raise ConfigError(
            "Nothing to change. Give --title, --tag, --purpose, --consent, --keep-days or another option."
        )
    purpose = None if changes.purpose is None else parse_purpose(changes.purpose)
    keep_days = ... if changes.keep_days is None else parse_days("--keep-days", changes.keep_days)
    raw_days = ... if changes.raw_days is None else parse_days("--raw-days", changes.raw_days)
    with Store.open(db) as store:
        found = store.edit(
            session,
            title=changes.title,
            tags=changes.tags,
            purpose=purpose,
            consent=changes.consent,
            ground=changes.ground,
            keep_days=keep_days,
            raw_days=raw_days,
        )
    if as_json:
        print_json(terminal, found)
    else:
        terminal.say("Changed: {session}", session=name_of(found))


def delete(terminal: Terminal, db: str | None, ids: list[str], *, yes: bool, as_json: bool) -> int:
    """Delete sessions, or everything where no id is given; asks first unless `yes`.

    Returns:
        0 deleted, 1 the answer was no.

    Raises:
        ConfigError: nobody is there to be asked.
        StoreError: a session is not there; then none was deleted.
    """
    with Store.open(db) as store:
        found = chosen_sessions(store, ids) if ids else list(store.sessions())
        if not yes and not _agreed(terminal, found, everything=not ids):
            terminal.say("Nothing was deleted.")
            return 1
        if ids:
            for session in found:
                store.delete(session.id)
        else:
            store.delete_everything()
        url = store.url
    if as_json:
        print_json(terminal, {"deleted": [session.id for session in found]})
    else:
        for session in found:
            terminal.say("Deleted: {session}", session=name_of(session))
        terminal.say("Nothing of it is left in {url}", url=url)
    return 0


def purge(terminal: Terminal, db: str | None, as_json: bool) -> None:
    """Delete what is past its days."""
    with Store.open(db) as store:
        purged = store.purge()
    if as_json:
        keys = {"sessions": purged.sessions, "raw": purged.raw}
        print_json(terminal, {name: [session.id for session in found] for name, found in keys.items()})
        return
    tell_purged(terminal, purged)
    if not (purged.sessions or purged.raw):
        terminal.say("Nothing is kept longer than was agreed.")


def _length(session: Session) -> float | None:
    """How long an ended session is; None while it may still grow."""
    growing = session.state in (SessionState.RECORDING, SessionState.PAUSED)
    return None if growing else session.duration_s


def _add(terminal: Terminal, store: Store, session: Session, markers: Sequence[Marker]) -> None:
    """Add those that are not there yet, all or none."""
    there = {(round(m.time_s, 3), m.label, m.kind) for m in store.markers(session.id)}
    new = [m for m in dict.fromkeys(markers) if (round(m.time_s, 3), m.label.strip(), m.kind) not in there]
    if len(new) < len(markers):
        terminal.say("Markers that were there already: {count}", count=len(markers) - len(new))
    store.add_markers(session.id, new)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MARKER_FILE_BYTES + 1)
    except OSError as error:
        raise StoreError(
            "{path}: cannot be read ({detail}). Check its name and permissions.",
            path=path,
            detail=error.strerror or str(error),
        ) from error


def _agreed(terminal: Terminal, sessions: Sequence[Session], *, everything: bool) -> bool:
    """Ask, on the terminal."""
    if not sys.stdin.isatty():
        raise ConfigError("Deleting asks first, and nobody is there to answer. Give --yes to delete without asking.")
    for session in sessions:
        terminal.err.print(f"  {name_of(session)}", markup=False, soft_wrap=True)
    if everything:
        question = terminal.text(
            "Delete all {count} sessions, clips and waiting videos for good? [y/N]", count=len(sessions)
        )
    else:
        question = terminal.text("Delete for good? [y/N]")
    terminal.err.print(question, markup=False, end=" ")
    return sys.stdin.readline().strip().lower() in YES
