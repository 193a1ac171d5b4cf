"""A command's run, kept as a session."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from mimik.cli.arguments import parse_days, parse_purpose
from mimik.cli.options import Wish
from mimik.cli.terminal import Terminal
from mimik.cli.typed import Typed
from mimik.errors import ConfigError, StoreError
from mimik.sinks import BlurredClip
from mimik.sources import VideoFile
from mimik.store import Draft, Purpose, SessionWriter, Store
from mimik.store.law import legal_notice
from mimik.store.marking import clock
from mimik.types import FrameResult, Source, SourceKind

__all__ = ["Keeper", "Plan", "planned", "say_next"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A session that is to be recorded.

    Attributes:
        store: where, open.
        draft: what was said about it.
        clip: whether a blurred video is wanted.
        db: the store's address as it was typed; without a password.
    """

    store: Store
    draft: Draft
    clip: bool
    db: str | None


@contextmanager
def planned(terminal: Terminal, wish: Wish) -> Iterator[Plan | None]:
    """Check what was asked for, show the law where it bites, and open the store; None where no session is wanted.

    Raises:
        ConfigError: an option cannot be used, or the people's consent or a legal ground is missing.
        StoreError: the store cannot be opened.
    """
    draft = _draft(terminal, wish)
    if draft is None:
        yield None
        return
    with Store.open(wish.db) as store:
        yield Plan(store, draft, wish.clip, wish.db if wish.db is None or "://" not in wish.db else store.url)


def _draft(terminal: Terminal, wish: Wish) -> Draft | None:
    if wish.title is None:
        if replace(wish, db=None) != Wish():
            raise ConfigError("These options are about a session. Give it a title with --session TITLE.")
        return None
    if not wish.title.strip():
        raise ConfigError("A session needs a title. Give one with --session TITLE.")
    purpose = Purpose.OTHER if wish.purpose is None else parse_purpose(wish.purpose)
    for paragraph in legal_notice(purpose):
        terminal.err.print(terminal.text(paragraph), markup=False, soft_wrap=True)
    consent, ground = (wish.consent or "").strip(), (wish.ground or "").strip()
    if purpose.needs_ground and not (consent or ground):
        raise ConfigError(
            "--purpose {purpose}: nothing is recorded yet. Say with --consent TEXT how the people were told and "
            "agreed, or with --ground TEXT on which legal ground you record them.",
            purpose=purpose.value,
        )
    return Draft(
        title=wish.title,
        purpose=purpose,
        tags=wish.tags,
        consent=consent,
        ground=ground,
        aggregate_only=wish.aggregate_only,
        raw_days=30 if wish.raw_days is None else parse_days("--raw-days", wish.raw_days),
        keep_days=None if wish.keep_days is None else parse_days("--keep-days", wish.keep_days),
    )


def say_next(terminal: Terminal, plan: Plan, session: str) -> None:
    """Tell people that a session is kept, and what to do next."""
    terminal.say("The session is kept: {id}", id=session)
    db = "" if plan.db is None else f" --db {shlex.quote(plan.db)}"
    terminal.say("Its report:  {command}", command=f"mimik session report {session} -o report.html{db}")


class Keeper:
    """Keeps a live run as a session, from its first frame on. A context manager around the run.

    Trouble with the store is told and ends nothing but the session.

    Args:
        terminal: told what is kept, and of trouble.
        plan: the session.
        source: what is watched, as it was opened.
        model: what reads it.

    Raises:
        ConfigError: the source gives pictures, which have no time.
    """

    def __init__(self, terminal: Terminal, plan: Plan, source: Source, model: str) -> None:
        if source.kind is SourceKind.PICTURES:
            raise ConfigError(
                "{source}: pictures have no time, so they make no session. Give a camera or a video, or leave "
                "--session out.",
                source=source.name,
            )
        self._terminal = terminal
        self._plan = plan
        live = source.kind is SourceKind.LIVE
        began = source.recorded_at if isinstance(source, VideoFile) else None
        draft = replace(plan.draft, source=source.name, live=live, model=model, started_at=began)
        self._writer = SessionWriter(plan.store, draft, notice=terminal.notice, wall_clock=live)
        self._lock = threading.Lock()
        self._begun = False
        self._failed = False
        self._over = False
        self._clip: BlurredClip | None = None
        self._typed = Typed(self.mark)

    @property
    def exit_code(self) -> int:
        """1 where the session lacks something, else 0."""
        return int(self._failed or self._writer.lost_s > 0)

    def read(self, result: FrameResult) -> None:
        """Take a frame's reading; the first begins the session."""
        with self._lock:
            if not (self._begun or self._failed or self._over):
                self._begin()
        if self._begun:
            self._writer.write(result)
            if self._clip is not None:
                time_s = self._writer.time_of(result.frame)
                if time_s is not None:
                    self._clip.write(result, time_s)

    def mark(self, label: str = "") -> None:
        """Set a marker now, and say so; a numbered one where it has no label."""
        if not self._begun:
            return
        try:
            marker = self._writer.mark(label)
        except StoreError:  # the run has just ended
            return
        self._terminal.say("Marker “{label}” at {time}", label=marker.label, time=clock(int(marker.time_s)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._typed.stop()
        with self._lock:
            self._over = True
        if not self._begun:
            if error is None and not self._failed:
                self._terminal.warn("The session was not begun: no frame came.")
            return
        self._writer.__exit__(kind, error, trace)
        if self._writer.deleted:
            if self._clip is not None:
                self._clip.discard()
            return
        if self._clip is not None and not self._clip.close():
            self._set_clip(None)
        say_next(self._terminal, self._plan, self._writer.session.id)

    def _begin(self) -> None:
        try:
            self._writer.__enter__()
        except StoreError as error:
            self._failed = True
            self._terminal.warn(error.text, **error.values)
            self._terminal.warn("The session could not be begun; the run goes on without it.")
            return
        self._begun = True
        session = self._writer.session
        self._terminal.say("Recording the session “{title}”: {id}", title=session.title, id=session.id)
        if self._plan.clip and self._set_clip(f"{session.id}.mp4"):
            self._clip = BlurredClip(self._plan.store.clips / f"{session.id}.mp4", self._terminal.notice)
        if self._typed.start():
            self._terminal.say("Type a marker's name and press Enter to set it; Enter alone sets a numbered one.")

    def _set_clip(self, name: str | None) -> bool:
        """Let the store know first: what it does not know it could not delete."""
        try:
            self._plan.store.set_clip(self._writer.session.id, name)
        except StoreError as error:
            self._terminal.warn(error.text, **error.values)
            return False
        return True
