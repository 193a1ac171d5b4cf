"""Analysed videos, kept as sessions: one a video, and none twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from mimik.analysis import Spooled
from mimik.cli.keeping import Plan
from mimik.cli.terminal import Terminal
from mimik.errors import ConfigError, SourceError, StoreError
from mimik.sources import VideoFile, is_picture
from mimik.store import SessionState, SessionWriter
from mimik.types import Sink, SourceKind

__all__ = ["Films"]


class Films:
    """Keeps each video of an analysis as a session.

    An analysis that was interrupted goes on: what it had kept whole stays, and what it had kept in part is begun anew.
    Beside an input's spool, which lasts until the analysis is complete, a note says which session it became.

    Args:
        terminal: told of trouble.
        plan: the sessions' common part.
        paths: the inputs.
        model: what reads them.

    Attributes:
        sessions: ids, in the order of the inputs.
        failed: whether a session lacks something.

    Raises:
        ConfigError: no input is a video.
    """

    def __init__(self, terminal: Terminal, plan: Plan, paths: Sequence[Path], model: str) -> None:
        pictures = sum(is_picture(path) for path in paths)
        if pictures == len(paths):
            raise ConfigError(
                "A session is made of a video, and there is none among the inputs: pictures have no time. Leave "
                "--session out to get the table alone."
            )
        if pictures:
            terminal.warn("{count} pictures are in the table only: they have no time.", count=pictures)
        self.sessions: list[str] = []
        self.failed = False
        self._terminal = terminal
        self._plan = plan
        self._model = model
        self._several = len(paths) - pictures > 1

    @contextmanager
    def keep(self, spooled: Spooled) -> Iterator[Sink | None]:
        """What takes an input's results; None where it makes no session, or has made one.

        Raises:
            StoreError: the session cannot be begun.
        """
        path, note = spooled.job.path, spooled.job.spool.with_suffix(".session")
        if spooled.ending.kind is not SourceKind.VIDEO or not spooled.frames:
            yield None
            return
        title = f"{self._plan.draft.title} · {path.name}" if self._several else self._plan.draft.title
        if kept := self._kept(note, title):
            self.sessions.append(kept)
            yield None
            return
        began = _recorded_at(path)
        draft = replace(
            self._plan.draft, title=title, source=str(path), live=False, model=self._model, started_at=began
        )
        writer = SessionWriter(self._plan.store, draft, notice=self._terminal.notice, wall_clock=False)
        with writer:
            self._write(note, title, writer.session.id, whole=False)
            yield writer
        if writer.deleted:
            note.unlink(missing_ok=True)
            return
        self.sessions.append(writer.session.id)
        self.failed = self.failed or writer.lost_s > 0
        self._write(note, title, writer.session.id, whole=not writer.lost_s)

    def _kept(self, note: Path, title: str) -> str | None:
        """The whole session that an earlier run made of this input; what it made in part is deleted."""
        try:
            values = json.loads(note.read_text(encoding="utf-8"))
            session = self._plan.store.session(values["session"])
        except (OSError, ValueError, KeyError, StoreError):
            return None
        if values["title"] != title:
            return None
        if values["whole"] and session.state is SessionState.DONE:
            return session.id
        self._plan.store.delete(session.id)
        return None

    @staticmethod
    def _write(note: Path, title: str, session: str, whole: bool) -> None:
        note.write_text(json.dumps({"title": title, "session": session, "whole": whole}), encoding="utf-8")


def _recorded_at(path: Path) -> datetime | None:
    try:
        return VideoFile(path).recorded_at
    except SourceError:  # it was read before, and is gone now
        return None
