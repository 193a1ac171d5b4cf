"""What a server does unasked: it opens the store, closes what other programs left open, and deletes what is due."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import anyio

from mimik.errors import MimikError
from mimik.serve.library import Library
from mimik.serve.queue import QueueWorker

__all__ = ["keep_up"]

_log = logging.getLogger(__name__)
_EVERY = timedelta(hours=1)  # a quick look where nothing is due
_LOOK_S = 60.0


async def keep_up(library: Library, worker: QueueWorker) -> None:
    """Look after the store at once and hourly, and take the queue up, until cancelled.

    A store that cannot be opened, or fails, is tried again every minute.
    """
    last, told = datetime.min.replace(tzinfo=UTC), ""
    while library.keeps:
        # By the calendar: the loop's clock stands still while a computer sleeps. It may also be set back.
        if not last <= datetime.now(UTC) < last + _EVERY:
            try:
                await library.run(lambda store: store.upkeep())
                worker.start(await library.store())
                last, told = datetime.now(UTC), ""
            except MimikError as error:  # told again to whoever asks for sessions
                if str(error) != told:
                    _log.warning("No sessions are kept: %s", error)
                told = str(error)
        await anyio.sleep(_LOOK_S)
