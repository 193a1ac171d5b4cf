"""Times as people write them, and tables of markers on their way into a session."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from math import floor

from mimik.errors import StoreError
from mimik.store.exchange import unguard
from mimik.store.values import FINE_S, Marker, MarkerKind

__all__ = ["LABEL_LENGTH", "MARKER_FILE_BYTES", "check_time", "clock", "parse_markers", "parse_time"]

MARKER_FILE_BYTES = 10_000_000
"""A longer file is no list of markers."""

LABEL_LENGTH = 200
"""Characters that a marker's label may have."""

_TIME = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,6}):(?=\d\d(?:\D|$)))?(\d{1,9}(?:[.,]\d{1,9})?)", re.ASCII)
_HEADINGS = {
    "time": ("time", "time_s", "start", "start_s", "seconds", "zaman", "saniye", "başlangıç"),
    "label": ("label", "name", "marker", "title", "etiket", "işaret", "ad"),
    "end": ("end", "end_s", "bitiş", "son"),
    "kind": ("kind", "tür"),
}


def parse_time(text: str) -> float:
    """``75.5``, ``1:15.5`` or ``0:01:15.5`` → 75.5 seconds; a comma may be the decimal mark.

    Raises:
        StoreError: it is none of these.
    """
    match = _TIME.fullmatch(text.strip())
    if match is not None:
        hours, minutes, seconds = match.groups()
        value = float(seconds.replace(",", "."))
        if not ((minutes is not None and value >= 60) or (hours is not None and int(minutes) >= 60)):
            return 3600 * int(hours or 0) + 60 * int(minutes or 0) + value
    raise StoreError("{value}: not a time. Give seconds (75.5), m:ss (1:15) or h:mm:ss (1:02:30).", value=repr(text))


def clock(seconds: float) -> str:
    """``75.5`` → ``1:15.5``; `parse_time` reads it back, to a tenth of a second."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{rest // 10:02}" + (f".{rest % 10}" if rest % 10 else "")
    return f"{hours}:{minutes:02}:{tail}" if hours else f"{minutes}:{tail}"


def check_time(value: str, time_s: float, duration_s: float) -> None:
    """Refuse a time that the session does not have.

    Raises:
        StoreError: it is after the session's end.
    """
    if time_s > duration_s + FINE_S:
        raise StoreError(
            "{value}: after the session's end, which is at {end}. Times count from the session's start.",
            value=value,
            end=clock(duration_s),
        )


def parse_markers(data: bytes, name: str, duration_s: float | None = None) -> tuple[Marker, ...]:
    """Markers of a CSV file: a time and a label a line, with or without a heading; all of them, or an error.

    Commas, semicolons or tabs part the columns. With a heading, columns are found by name (time, label; where wanted
    end and kind) and others are passed over; so an exported table of markers can be read again.

    Args:
        data: the file's bytes, UTF-8 (or UTF-16 with its mark).
        name: what errors call the file.
        duration_s: times after it (and a second more) are refused; None: any time is taken.

    Raises:
        StoreError: the file, the line and the value that are wrong, and what to do about it.
    """
    text = _decoded(data, name)
    records = list(_records(text, _delimiter(text), name))
    if not records:
        raise StoreError("{path}: holds no marker. Write a time and a label on each line: 1:15,topic 2", path=name)
    columns = _heading(records[0][1])
    ours = columns is not None and "schema_version" in [_folded(cell) for cell in records[0][1]]
    width = len(records[0][1]) if columns is not None else 2
    markers = []
    for line, cells in records if columns is None else records[1:]:
        if len(cells) > width:
            raise StoreError(
                "{path}, line {line}: {count} columns where {width} belong. Put a label with commas in quotes.",
                path=name,
                line=line,
                count=len(cells),
                width=width,
            )
        markers.append(_marker(cells, columns or {"time": 0, "label": 1}, ours, name, line, duration_s))
    if not markers:
        raise StoreError("{path}: holds no marker. Write a time and a label on each line: 1:15,topic 2", path=name)
    return tuple(markers)


def _decoded(data: bytes, name: str) -> str:
    if len(data) > MARKER_FILE_BYTES:
        raise StoreError(
            "{path}: too large for a list of markers (more than {megabytes} MB). Is it another file?",
            path=name,
            megabytes=MARKER_FILE_BYTES // 1_000_000,
        )
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise StoreError(
            "{path}, line {line}: not UTF-8 text. In a spreadsheet, save it as “CSV UTF-8”.", path=name, line=line
        ) from error


def _delimiter(text: str) -> str:
    """The one that leaves a time or a heading in the first cell of the first line."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in "\t;":
        with suppress(csv.Error, StopIteration):
            cells = next(csv.reader([first], delimiter=delimiter))
            if len(cells) > 1 and (_is_time(cells[0]) or _heading(cells) is not None):
                return delimiter
    return ","


def _is_time(text: str) -> bool:
    try:
        parse_time(text)
    except StoreError:
        return False
    return True


def _records(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line it begins at."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise StoreError(
            "{path}, line {line}: not CSV ({detail}). Check the quotes of this line.",
            path=name,
            line=line,
            detail=error,
        ) from error


def _folded(cell: str) -> str:
    return cell.strip().replace("İ", "i").replace("I", "i").casefold()


def _heading(cells: Sequence[str]) -> dict[str, int] | None:
    """Column → its place, or None where the line is no heading."""
    folded = [_folded(cell) for cell in cells]
    found = {
        column: next(folded.index(name) for name in names if name in folded)
        for column, names in _HEADINGS.items()
        if any(cell in names for cell in folded)
    }
    return found if {"time", "label"} <= found.keys() else None


def _marker(
    cells: Sequence[str], columns: dict[str, int], ours: bool, name: str, line: int, duration_s: float | None
) -> Marker:
    def cell(column: str) -> str:
        place = columns.get(column, len(cells))
        return cells[place].strip() if place < len(cells) else ""

    time_s = _time(cell("time"), name, line, duration_s)
    label = " ".join((unguard(cell("label")) if ours else cell("label")).split())
    kind = cell("kind").lower() or MarkerKind.POINT.value
    if kind not in list(MarkerKind):
        raise StoreError(
            "{path}, line {line}: {value}: not a kind of marker. Give {known}, or leave it empty.",
            path=name,
            line=line,
            value=repr(kind),
            known=", ".join(MarkerKind),
        )
    if not label and kind == MarkerKind.POINT:
        raise StoreError(
            "{path}, line {line}: the time {value} has no label. Write one after it: {value},topic 2",
            path=name,
            line=line,
            value=cell("time"),
        )
    if len(label) > LABEL_LENGTH:
        raise StoreError(
            "{path}, line {line}: the label has {count} characters. Shorten it to {most}.",
            path=name,
            line=line,
            count=len(label),
            most=LABEL_LENGTH,
        )
    end_s = _time(cell("end"), name, line, duration_s) if cell("end") else None
    if end_s is not None and end_s <= time_s:
        raise StoreError(
            "{path}, line {line}: the end {value} is not after the beginning {start}.",
            path=name,
            line=line,
            value=cell("end"),
            start=cell("time"),
        )
    if end_s is None and kind == MarkerKind.BASELINE:
        raise StoreError(
            "{path}, line {line}: a baseline needs its end. Write it in a column “end”.", path=name, line=line
        )
    return Marker(time_s, label, MarkerKind(kind), end_s)


def _time(value: str, name: str, line: int, duration_s: float | None) -> float:
    try:
        time_s = parse_time(value)
    except StoreError as error:
        raise StoreError(
            "{path}, line {line}: {value}: not a time. Give seconds (75.5), m:ss (1:15) or h:mm:ss (1:02:30).",
            path=name,
            line=line,
            value=repr(value),
        ) from error
    if duration_s is not None and time_s > duration_s + FINE_S:
        raise StoreError(
            "{path}, line {line}: {value} is after the session's end, which is at {end}. "
            "Times count from the session's start.",
            path=name,
            line=line,
            value=value,
            end=clock(floor(10 * duration_s) / 10),
        )
    return time_s
