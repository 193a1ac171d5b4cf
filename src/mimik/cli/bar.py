"""A bar on standard error for work that counts what it has done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mimik.cli.terminal import Terminal

__all__ = ["bar"]


@contextmanager
def bar(terminal: Terminal, label: str) -> Iterator[Callable[[int, int], None]]:
    """Show how much is done, with the time left; nothing where nobody would see it move.

    Args:
        terminal: where.
        label: what is done, translated.

    Yields:
        What to tell how much is done, of how much.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=terminal.err,
        disable=terminal.quiet or not terminal.err.is_terminal,
        transient=True,
    )
    with shown:
        task = shown.add_task(label, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
