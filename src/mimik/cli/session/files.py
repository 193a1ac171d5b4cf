"""``mimik session export`` and ``report``: what leaves as a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from mimik.cli.arguments import parse_formats
from mimik.cli.session.opening import analysed, opened, print_json
from mimik.cli.terminal import Terminal, silence_stdout
from mimik.errors import ConfigError
from mimik.store.columns import TABLES
from mimik.store.exchange import FORMATS, SUFFIXES, export_file, export_folder, export_stream
from mimik.store.imotions import AFFDEX_FORMATS

__all__ = ["checked_report", "export", "report", "tell_written"]

REPORTS = (".html", ".pdf")


def export(
    terminal: Terminal,
    db: str | None,
    session: str,
    output: str | None,
    formats: str | None,
    table: str | None,
    as_json: bool,
) -> None:
    """Write a session's tables into a folder, a file or standard output.

    Raises:
        ConfigError: the options contradict each other.
        StoreError: there is no such session, or the files cannot be written.
    """
    if table is not None and table not in TABLES:
        raise ConfigError("--table {value}: not a table. Give one of {known}.", value=table, known=", ".join(TABLES))
    wanted = None if formats is None else parse_formats(formats, FORMATS)
    if output == "-":
        _export_stdout(terminal, db, session, wanted or ("csv",), table)
        return
    with opened(terminal, db) as store:
        found = store.session(session)
        path = Path(output or f"mimik-{found.id}")
        one = None if output is None or output.endswith(("/", "\\")) else _one(path, wanted)
        if table is not None and {one, *(wanted or ())} & AFFDEX_FORMATS.keys():
            raise ConfigError("--table does not go with the formats imotions and affdex, which hold the samples.")
        if one is None and table is not None:
            raise ConfigError("--table goes with a single file: -o {name}.csv", name=path.name)
        with _progress(terminal) as tell:
            if one is None:
                files = export_folder(store, found.id, path, wanted or ("csv",), tell)
            else:
                files = (export_file(store, found.id, path, one, table, tell),)
    tell_written(terminal, files, as_json)


def report(terminal: Terminal, db: str | None, session: str, output: Path, relative: bool, as_json: bool) -> None:
    """Write a session's report.

    Raises:
        ConfigError: the file's name ends in neither .html nor .pdf.
        StoreError: there is no such session.
    """
    from mimik.report import write_html, write_pdf

    suffix = checked_report(output)
    with opened(terminal, db) as store:
        found = store.session(session)
        analysis = analysed(store, found, relative)
    write = write_html if suffix == ".html" else write_pdf
    write(output, found, analysis, terminal.language)
    tell_written(terminal, (output,), as_json)


def checked_report(path: Path) -> str:
    """The ending of a report's name.

    Raises:
        ConfigError: it is neither .html nor .pdf.
    """
    suffix = path.suffix.lower()
    if suffix not in REPORTS:
        raise ConfigError("{path}: reports are HTML or PDF. Give a name that ends in .html or .pdf.", path=path)
    return suffix


def tell_written(terminal: Terminal, files: tuple[Path, ...], as_json: bool) -> None:
    """Say which files were written."""
    if as_json:
        print_json(terminal, {"files": [str(path) for path in files]})
        return
    for path in files:
        terminal.out.print(terminal.text("Written: {path}", path=path), markup=False, soft_wrap=True)


def _one(path: Path, wanted: tuple[str, ...] | None) -> str | None:
    """The format of a single file, or None where the path is a folder's."""
    ending = _ending(path)
    named = ending in FORMATS or (ending and wanted is not None and len(wanted) == 1)
    device = path.exists() and not path.is_file()
    if path.is_dir() or not (named or device):
        return None
    kinds = wanted or ((ending,) if ending in FORMATS else ("csv",))
    if len(kinds) > 1:
        raise ConfigError("{path}: a file has one format. Give a folder for several.", path=path)
    if ending in FORMATS and ending != kinds[0] and ending != SUFFIXES[kinds[0]].rpartition(".")[2]:
        raise ConfigError(
            "{path}: the name says {ending}, --format says {kind}.", path=path, ending=ending, kind=kinds[0]
        )
    return kinds[0]


def _ending(path: Path) -> str:
    """The format that a name tells, or its last suffix."""
    name = path.name.lower()
    for kind, suffix in SUFFIXES.items():
        if kind != suffix and name.endswith(f".{suffix}"):
            return kind
    return path.suffix.lower().removeprefix(".")


def _export_stdout(
    terminal: Terminal, db: str | None, session: str, wanted: tuple[str, ...], table: str | None
) -> None:
    if len(wanted) > 1:
        raise ConfigError("Standard output takes one format. Give a folder for several.")
    if table is not None and wanted[0] in AFFDEX_FORMATS:
        raise ConfigError("--table does not go with the formats imotions and affdex, which hold the samples.")
    if wanted[0] == "parquet" and sys.stdout.isatty():
        raise ConfigError("Parquet is nothing to read on a terminal. Give -o FILE.parquet, or pipe it on.")
    try:
        with opened(terminal, db) as store:
            export_stream(store, session, sys.stdout.buffer, wanted[0], table)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever reads has enough; Typer would call that a failure
        silence_stdout()


@contextmanager
def _progress(terminal: Terminal) -> Iterator[Callable[[float], None]]:
    """A bar on standard error; none where nobody would see it move."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        console=terminal.err,
        disable=terminal.quiet or not terminal.err.is_terminal,
        transient=True,
    )
    with bar:
        task = bar.add_task(terminal.text("Exporting"), total=1.0)

        def tell(share: float) -> None:
            bar.update(task, completed=share)

        yield tell
