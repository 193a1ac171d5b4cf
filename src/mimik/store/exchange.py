"""Sessions on their way out, as tables in CSV, JSON or Parquet, and as AFFDEX names its columns.

``docs/sessions.md`` describes the tables to readers; a test keeps the two in step. Names and values are English in
every language and equal in every format. Rows are read and written in blocks, so that memory stays small.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil, inf
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mimik.errors import StoreError
from mimik.store.columns import EXPORT_VERSION, TABLES, Column
from mimik.store.imotions import AFFDEX_FORMATS, affdex_block
from mimik.store.parquet import write_parquet
from mimik.store.values import (
    EMOTIONS,
    FINE_S,
    REASONS,
    STATES,
    Aggregates,
    Marker,
    Person,
    Samples,
    Session,
)

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "Readable",
    "export_file",
    "export_folder",
    "export_stream",
    "guard",
    "unguard",
]

FORMATS = ("csv", "json", "parquet", *AFFDEX_FORMATS)
"""`SUFFIXES` has the files' suffixes."""

SUFFIXES = MappingProxyType({name: f"{name}.csv" if name in AFFDEX_FORMATS else name for name in FORMATS})
"""Format → what its files' names end in, without the first dot."""

_BLOCK = 8192
_STRETCH_S = 3600

Value = bool | int | float | str | list[str] | None
Block = Sequence[Sequence[Value]]
"""Some rows of a table, column by column."""
Tell = Callable[[float], object]
"""Takes how much is done, 0–1."""


class Readable(Protocol):
    """What an export reads: a `mimik.store.Store`."""

    def session(self, session: str, /) -> Session: ...
    def people(self, session: str, /) -> tuple[Person, ...]: ...
    def markers(self, session: str, /) -> tuple[Marker, ...]: ...
    def aggregates(
        self, session: str, step_s: int | None = None, start_s: float = 0.0, end_s: float = inf
    ) -> Aggregates: ...
    def samples(self, session: str, start_s: float = 0.0, end_s: float = inf) -> Iterator[Samples]: ...


# A spreadsheet runs a cell as a formula by its first letter. Where its list separator is the semicolon, as in Turkey,
# it also splits our cells there. A text's own apostrophe is doubled, so that removing one gives the text back.
_FORMULA = re.compile(r"(^|[;\t\r\n])( *)(?=[=+\-@＝＋－＠'])")
_GUARDED = re.compile(r"(^|[;\t\r\n])( *)'")


def guard(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would take for a formula's beginning."""
    return _FORMULA.sub(r"\1\2'", text)


def unguard(text: str) -> str:
    """What `guard` was given."""
    return _GUARDED.sub(r"\1\2", text)


def export_file(
    store: Readable, session: str, path: Path, file_format: str, table: str | None = None, tell: Tell | None = None
) -> Path:
    """Write one file; it replaces an existing one once it is complete.

    Args:
        store: where the session is.
        session: its id.
        path: the file.
        file_format: of `FORMATS`.
        table: of `TABLES`; None: the seconds, in JSON all tables. In AFFDEX's columns always the samples.
        tell: told how much is done.

    Returns:
        The path.

    Raises:
        StoreError: there is no such session or the file cannot be written.
    """
    with _replacing(path) as file:
        export_stream(store, session, file, file_format, table, tell)
    return path


def export_folder(
    store: Readable, session: str, folder: Path, formats: Sequence[str], tell: Tell | None = None
) -> tuple[Path, ...]:
    """Write every table into a folder, which is made: a file a table in CSV and Parquet, else one for all.

    Args:
        store: where the session is.
        session: its id.
        folder: where the files go.
        formats: of `FORMATS`.
        tell: told how much is done.

    Returns:
        The files.

    Raises:
        StoreError: there is no such session or the folder cannot be written.
    """
    found = store.session(session)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    written = []
    for number, name in enumerate(formats):
        done = None if tell is None else lambda share, number=number: tell((number + share) / len(formats))
        for table in [None] if name == "json" or name in AFFDEX_FORMATS else TABLES:
            path = folder / f"{table or 'session'}.{SUFFIXES[name]}"
            written.append(
                export_file(store, found.id, path, name, table, done if table in (None, "samples") else None)
            )
    return tuple(written)


def export_stream(
    store: Readable, session: str, file: IO[bytes], file_format: str, table: str | None = None, tell: Tell | None = None
) -> None:
    """Write into an open binary file, which needs no seeking and stays open; see `export_file`."""
    found = store.session(session)
    if file_format == "json":
        _write_json(store, found, file, table, tell)
    elif file_format in AFFDEX_FORMATS:
        _write_affdex(store, found, file, file_format, tell)
    elif file_format == "csv":
        _write_csv(store, found, file, table or "seconds", tell)
    else:
        _write_parquet(store, found, file, table or "seconds", tell)
    if tell is not None:
        tell(1.0)


def _write_csv(store: Readable, session: Session, file: IO[bytes], table: str, tell: Tell | None) -> None:
    columns = TABLES[table]
    file.write(_csv([[column.name for column in columns]]))
    for block in _blocks(store, session, table, tell):
        cells = [_cells(column, values) for column, values in zip(columns, block, strict=True)]
        file.write(_csv(zip(*cells, strict=True)))


def _write_affdex(store: Readable, session: Session, file: IO[bytes], name: str, tell: Tell | None) -> None:
    columns, done = AFFDEX_FORMATS[name], 0
    file.write(_csv([[column.name for column in columns]]))
    for samples in store.samples(session.id):
        if not len(samples):
            continue
        file.write(_csv(zip(*affdex_block(columns, samples, done + 1), strict=True)))
        done += len(samples)
        if tell is not None and session.duration_s > 0:
            tell(min(float(samples.time_s[-1]) / session.duration_s, 1.0))


def _csv(rows: Iterable[Iterable[Value]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _cells(column: Column, values: Sequence[Value]) -> Sequence[Value]:
    if column.type == "boolean":
        return ["true" if value else "false" for value in values]
    if column.type == "texts":
        values = ["; ".join(value) if isinstance(value, list) else value for value in values]
    return [guard(value) if isinstance(value, str) else value for value in values] if column.free else values


def _write_json(store: Readable, session: Session, file: IO[bytes], table: str | None, tell: Tell | None) -> None:
    if table is not None:
        _write_array(store, session, file, table, tell)
        file.write(b"\n")
        return
    file.write(b'{"schema_version":%d' % EXPORT_VERSION)
    for name in TABLES:
        file.write(b',\n"%s":' % name.encode())
        _write_array(store, session, file, name, tell if name == "samples" else None)
    file.write(b"}\n")


def _write_array(store: Readable, session: Session, file: IO[bytes], table: str, tell: Tell | None) -> None:
    """An object a row, a row a line; the session itself is one object, not an array."""
    names = [column.name for column in TABLES[table]]
    alone = table == "session"
    between = "" if alone else "[\n"
    for block in _blocks(store, session, table, tell):
        lines = (dict(zip(names, row, strict=True)) for row in zip(*block, strict=True))
        text = ",\n".join(
            json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for line in lines
        )
        file.write((between + text).encode())
        between = ",\n"
    if not alone:
        file.write(b"[]" if between == "[\n" else b"\n]")


def _write_parquet(store: Readable, session: Session, file: IO[bytes], table: str, tell: Tell | None) -> None:
    write_parquet(file, TABLES[table], _blocks(store, session, table, tell))


def _blocks(store: Readable, session: Session, table: str, tell: Tell | None) -> Iterator[Block]:
    """A table, some rows at a time; each block begins with the columns that are the same in every row."""
    key = _text(session.id)
    if table == "session":
        yield [[EXPORT_VERSION], *([value] for value in _session_row(session))]
        return
    for block, until_s in _parts(store, session, table):
        count = len(block[0])
        for start in range(0, count, _BLOCK):
            rows = [values[start : start + _BLOCK] for values in block]
            size = len(rows[0])
            yield [[EXPORT_VERSION] * size, [key] * size, *rows]
        if tell is not None and session.duration_s > 0:
            tell(min(until_s / session.duration_s, 1.0))


def _parts(store: Readable, session: Session, table: str) -> Iterator[tuple[Block, float]]:
    """What the store gives at once, column by column, and up to which time of the session."""
    if table == "people":
        people = store.people(session.id)
        ages = [person.age or (None, None) for person in people]
        yield [[p.number for p in people], [low for low, _ in ages], [high for _, high in ages]], session.duration_s
    elif table == "markers":
        yield _marker_columns(store.markers(session.id)), session.duration_s
    elif table == "seconds":
        for start_s in range(0, ceil(session.duration_s) + 1, _STRETCH_S):
            end_s = start_s + _STRETCH_S
            rows = store.aggregates(session.id, FINE_S, start_s, inf if end_s > session.duration_s else end_s)
            if len(rows):
                yield _second_columns(rows), float(end_s)
    else:
        for samples in store.samples(session.id):
            if len(samples):
                yield _sample_columns(samples), float(samples.time_s[-1])


def _session_row(session: Session) -> list[Value]:
    return [
        _text(session.id),
        _text(session.title),
        session.purpose.value,
        [_text(tag) for tag in session.tags],
        _text(session.consent),
        _text(session.ground),
        session.aggregate_only,
        _text(session.source),
        session.live,
        _text(session.model),
        session.started_at.isoformat(),
        round(session.duration_s, 6) + 0.0,
        session.state.value,
        session.people,
        None if session.clip is None else _text(session.clip),
        session.version,
        None if session.raw_until is None else session.raw_until.isoformat(),
        None if session.keep_until is None else session.keep_until.isoformat(),
    ]


def _marker_columns(markers: Sequence[Marker]) -> Block:
    return [
        [marker.id for marker in markers],
        [round(marker.time_s, 6) + 0.0 for marker in markers],
        [None if marker.end_s is None else round(marker.end_s, 6) + 0.0 for marker in markers],
        [marker.kind.value for marker in markers],
        [_text(marker.label) for marker in markers],
    ]


def _second_columns(rows: Aggregates) -> Block:
    def mean(sums: NDArray[np.float64], count: NDArray[np.int64]) -> list[Value]:
        return _numbers(np.divide(sums, count, out=np.full(len(rows), np.nan), where=count > 0), 6)

    readings = rows.readings
    return [
        _numbers(rows.start_s, 6),
        rows.person.tolist(),
        rows.frames.tolist(),
        rows.faces.tolist(),
        rows.sure.tolist(),
        rows.uncertain.tolist(),
        *(column.tolist() for column in rows.withheld.T),
        *(mean(column, readings) for column in rows.probabilities.T),
        *(column.tolist() for column in rows.labels.T),
        mean(rows.quality, rows.faces),
        mean(rows.valence, readings),
        mean(rows.arousal, readings),
    ]


def _sample_columns(rows: Samples) -> Block:
    return [
        _numbers(rows.time_s, 6),
        rows.person.tolist(),
        *(_numbers(column, 2) for column in rows.box.T),
        _names(STATES, rows.state),
        _names(REASONS, rows.reason),
        _names(EMOTIONS, rows.label),
        *(_numbers(column, 6) for column in rows.probabilities.T),
        _numbers(rows.quality, 6),
        _numbers(rows.valence, 6),
        _numbers(rows.arousal, 6),
    ]


def _numbers(values: NDArray[Any], decimals: int) -> list[Value]:
    """Rounded once, here, so that every format holds the same double; NaN is None, and no zero is negative."""
    rounded = np.round(values.astype(np.float64), decimals) + 0.0
    numbers: list[Value] = rounded.tolist()
    for place in np.flatnonzero(np.isnan(rounded)):
        numbers[place] = None
    return numbers


def _names(names: Sequence[str], places: NDArray[np.int8]) -> list[Value]:
    table = [*(str(name) for name in names), None]  # -1 finds the None
    return [table[place] for place in places.tolist()]


def _text(text: str) -> str:
    """Text that every format can hold: bytes of a file name that are no UTF-8 become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file beside its place, put there once it is complete; pipes and devices are written as they are."""
    special = path.exists() and not path.is_file()
    part = path if special else path.with_name(path.name + ".part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with file:
            yield file
        if not special:
            part.replace(path)
    except OSError as error:
        raise StoreError(
            "{path}: writing stopped ({detail}). Make room, then run this again; an earlier file is as it was.",
            path=path,
            detail=error.strerror or str(error),
        ) from error
    finally:
        if not special:
            part.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        "{path}: cannot be written ({detail}). Choose another place, or change its permissions.",
        path=path,
        detail=error.strerror or str(error),
    )
