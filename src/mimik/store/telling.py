"""What people are told of a session that is being recorded."""

from __future__ import annotations

import logging

from mimik.errors import StoreError
from mimik.types import Notice

__all__ = ["Telling"]

_log = logging.getLogger(__name__)


class Telling:
    """Says what becomes of a session.

    Args:
        notice: told; the log is where None.
        title: the session's.
    """

    def __init__(self, notice: Notice | None, title: str) -> None:
        self._notice: Notice = notice or _log_notice
        self._title = title

    def failed(self, error: StoreError) -> None:
        """The store fails."""
        self._notice(error.text, error.values)
        self._notice(
            "The session “{title}” is not being saved. The run goes on; what it reads waits in memory, as far as "
            "there is room, and is saved once the store works again.",
            {"title": self._title},
        )

    def mended(self, lost_s: float) -> None:
        """The store works again."""
        if lost_s:
            self._notice(
                "The session “{title}” is being saved again. {seconds:.0f} s of it are lost and marked as such.",
                {"title": self._title, "seconds": lost_s},
            )
        else:
            self._notice("The session “{title}” is being saved again. Nothing of it is lost.", {"title": self._title})

    def ended_early(self, unsaved_s: float) -> None:
        """The run is over, and the store still fails."""
        self._notice(
            "The last {seconds:.0f} s of the session “{title}” could not be saved; what was saved before is whole.",
            {"seconds": unsaved_s, "title": self._title},
        )

    def deleted(self) -> None:
        """Somebody deleted it."""
        self._notice(
            "The session “{title}” was deleted, so nothing more of it is recorded. The run goes on.",
            {"title": self._title},
        )


def _log_notice(text: str, values: dict[str, object]) -> None:
    _log.warning("%s", text.format(**values))
