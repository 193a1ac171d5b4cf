"""Telling people of trouble that a source mends itself."""

import logging

from mimik.types import Notice

__all__ = ["tell"]

_log = logging.getLogger(__name__)


def tell(notice: Notice | None, text: str, /, **values: object) -> None:
    """Hand a text and its values to whoever listens, or to the log where nobody does."""
    if notice is None:
        _log.warning(text.format(**values))
    else:
        notice(text, values)
