"""Reports written to files: one HTML file that opens offline, or a PDF of the same."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from mimik.analytics import Analysis, Comparison, Hours
from mimik.errors import StoreError
from mimik.report.document import Document
from mimik.report.pages import compare_page, hours_page, session_page
from mimik.store.values import Session

__all__ = [
    "Target",
    "write_compare_html",
    "write_compare_pdf",
    "write_hours_html",
    "write_hours_pdf",
    "write_html",
    "write_pdf",
]

Target = str | os.PathLike[str] | IO[bytes]
"""A file's path, or something open that takes bytes."""


def write_html(target: Target, session: Session, analysis: Analysis, language: str) -> None:
    """Write a session's report as one HTML file: interactive figures, nothing fetched from anywhere.

    Args:
        target: a path, or a binary stream, which is left open.
        session: the session.
        analysis: what `mimik.analytics.analyse` says of it.
        language: ``en`` or ``tr``.

    Raises:
        StoreError: the file cannot be written.
        ValueError: the language is unknown.
    """
    _html(target, session_page(session, analysis, language))


def write_pdf(target: Target, session: Session, analysis: Analysis, language: str) -> None:
    """Write a session's report as a PDF on A4; arguments and errors are those of `write_html`."""
    _pdf(target, session_page(session, analysis, language))


def write_compare_html(target: Target, comparison: Comparison, language: str, sessions: Sequence[Session] = ()) -> None:
    """Write a comparison's report as HTML; `sessions` tell purposes and legal grounds. See `write_html`."""
    _html(target, compare_page(comparison, language, sessions))


def write_compare_pdf(target: Target, comparison: Comparison, language: str, sessions: Sequence[Session] = ()) -> None:
    """Write a comparison's report as a PDF; `sessions` tell purposes and legal grounds. See `write_html`."""
    _pdf(target, compare_page(comparison, language, sessions))


def write_hours_html(target: Target, hours: Hours, language: str, sessions: Sequence[Session] = ()) -> None:
    """Write the report of a week's hours as HTML; `sessions` tell dates, purposes and grounds. See `write_html`."""
    _html(target, hours_page(hours, language, sessions))


def write_hours_pdf(target: Target, hours: Hours, language: str, sessions: Sequence[Session] = ()) -> None:
    """Write the report of a week's hours as a PDF; `sessions` tell dates, purposes and grounds. See `write_html`."""
    _pdf(target, hours_page(hours, language, sessions))


def _html(target: Target, document: Document) -> None:
    from mimik.report.html import render_html

    _write(target, render_html(document).encode())


def _pdf(target: Target, document: Document) -> None:
    from mimik.report.pdf import render_pdf

    _write(target, render_pdf(document))


def _write(target: Target, content: bytes) -> None:
    if not isinstance(target, str | os.PathLike):
        target.write(content)
        return
    try:
        Path(target).write_bytes(content)
    except OSError as error:
        raise StoreError(
            "{path}: the report cannot be written ({detail}). Choose another place or make room on the disk.",
            path=target,
            detail=error.strerror or error,
        ) from error
