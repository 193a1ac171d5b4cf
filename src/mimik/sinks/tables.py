"""Sinks that write the table of `mimik.sinks.rows` as CSV, JSON, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Any, Protocol, Self, TextIO

from mimik.sinks.rows import Row, Value, columns, rows
from mimik.sinks.whole import WholeFile, stopped, unwritable
from mimik.types import FrameResult

__all__ = ["TABLE_SINKS", "CsvSink", "JsonLinesSink", "JsonSink", "ParquetSink", "TableSink", "TableSinkMaker"]

_ROWS_A_GROUP = 8192


class TableSink(ABC):
    """Writes rows; a context manager. What it has written stays whole even when the disk fills up.

    Args:
        attributes: with the columns of age and gender; rows handed to `write_rows` must have them, too.
    """

    def __init__(self, attributes: bool = False) -> None:
        self._attributes = attributes

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @abstractmethod
    def write_rows(self, lines: Iterable[Row]) -> None:
        """Write rows.

        Raises:
            SinkError: the file cannot be written.
        """

    def write(self, result: FrameResult) -> None:
        """Write a frame's rows.

        Raises:
            SinkError: the file cannot be written.
        """
        self.write_rows(rows(result, attributes=self._attributes))


class _TextTableSink(TableSink):
    """What CSV and JSON share: a head, records with something between them, a tail."""

    _head = b""
    _tail = b""

    def __init__(self, path: Path | str, *, attributes: bool = False) -> None:
        super().__init__(attributes)
        self.path = Path(path)
        self._file: WholeFile | None = None

    def __enter__(self) -> Self:
        self._file = WholeFile(self.path, self._head, self._tail)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write_rows(self, lines: Iterable[Row]) -> None:
        assert self._file is not None, "use the sink as a context manager"
        self._file.append(self._encode(lines))

    @abstractmethod
    def _encode(self, lines: Iterable[Row]) -> bytes: ...


def _csv(lines: Iterable[Iterable[Value]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().encode()


class CsvSink(_TextTableSink):
    """Comma-separated values, UTF-8, a heading line; empty values are empty.

    Args:
        path: the file; an existing one is replaced.
        attributes: with the columns of age and gender.
    """

    def __init__(self, path: Path | str, *, attributes: bool = False) -> None:
        super().__init__(path, attributes=attributes)
        self._head = _csv([[column.name for column in columns(attributes)]])

    def _encode(self, lines: Iterable[Row]) -> bytes:
        return _csv(row.values() for row in lines)


def _json(row: Row) -> str:
    return json.dumps(row.as_dict(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class JsonSink(_TextTableSink):
    """One JSON array of an object a row, UTF-8; empty values are null. Written as it comes, valid after every frame.

    Args:
        path: the file; an existing one is replaced.
        attributes: with age and gender.
    """

    _head = b"["
    _tail = b"\n]\n"

    def __init__(self, path: Path | str, *, attributes: bool = False) -> None:
        super().__init__(path, attributes=attributes)
        self._any = False

    def _encode(self, lines: Iterable[Row]) -> bytes:
        parts = []
        for row in lines:
            parts.append(",\n" if self._any else "\n")
            parts.append(_json(row))
            self._any = True
        return "".join(parts).encode()


class JsonLinesSink(TableSink):
    """An object a line, flushed after every frame: for pipes and for watching a file grow.

    Args:
        target: an open text stream such as ``sys.stdout``, which stays open, or the path of a file to replace.
        attributes: with age and gender.
    """

    def __init__(self, target: Path | str | TextIO, *, attributes: bool = False) -> None:
        super().__init__(attributes)
        self._target = Path(target) if isinstance(target, str) else target
        self._file: WholeFile | None = None

    def __enter__(self) -> Self:
        if isinstance(self._target, Path):
            self._file = WholeFile(self._target, b"")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write_rows(self, lines: Iterable[Row]) -> None:
        """Write rows.

        Raises:
            SinkError: the file cannot be written.
            BrokenPipeError: whoever read the stream has gone.
        """
        text = "".join(_json(row) + "\n" for row in lines)
        if self._file is not None:
            self._file.append(text.encode())
            return
        assert not isinstance(self._target, Path), "use the sink as a context manager"
        try:
            self._target.write(text)
            self._target.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise stopped(getattr(self._target, "name", "stream"), error) from error


class ParquetSink(TableSink):
    """Apache Parquet, in row groups of a few thousand, so that memory stays small.

    A Parquet file can be read only once it is complete; so it is written beside its place under another name and put
    there on leaving. If the disk fills up, a file that was there before stays.

    Args:
        path: the file; an existing one is replaced.
        attributes: with the columns of age and gender.
    """

    def __init__(self, path: Path | str, *, attributes: bool = False) -> None:
        super().__init__(attributes)
        self.path = Path(path)
        self._part = self.path.with_name(self.path.name + ".part")
        self._file: IO[bytes] | None = None
        self._writer: Any = None
        self._schema: Any = None
        self._rows: list[tuple[Value, ...]] = []

    def __enter__(self) -> Self:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {"integer": pa.int64(), "number": pa.float64(), "text": pa.string()}
        self._schema = pa.schema(
            [
                pa.field(column.name, types[column.type], nullable=column.optional)
                for column in columns(self._attributes)
            ]
        )
        try:
            self._file = self._part.open("wb")
            self._writer = pq.ParquetWriter(self._file, self._schema, compression="zstd")
        except OSError as error:
            self._discard()
            raise unwritable(self.path, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        try:
            self._write_group()
            self._writer.close()
            self._file.close()
            self._part.replace(self.path)
        except OSError as broken:
            self._discard()
            raise stopped(self.path, broken) from broken
        self._file = None

    def write_rows(self, lines: Iterable[Row]) -> None:
        assert self._file is not None, "use the sink as a context manager"
        self._rows.extend(row.values() for row in lines)
        if len(self._rows) >= _ROWS_A_GROUP:
            try:
                self._write_group()
            except OSError as error:
                self._discard()
                raise stopped(self.path, error) from error

    def _write_group(self) -> None:
        import pyarrow as pa

        if not self._rows:
            return
        arrays = [
            pa.array(values, field.type)
            for values, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()

    def _discard(self) -> None:
        """Let go of a file that cannot be completed."""
        if self._writer is not None:
            self._writer.is_open = False  # or its destructor would write to the full disk once more
        if self._file is not None:
            with suppress(OSError):  # the write's own error is on its way already
                self._file.close()
            self._file = None
            self._part.unlink(missing_ok=True)


class TableSinkMaker(Protocol):
    """Makes a sink that writes a file."""

    def __call__(self, path: Path, /, *, attributes: bool = False) -> TableSink: ...


TABLE_SINKS: MappingProxyType[str, TableSinkMaker] = MappingProxyType(
    {"csv": CsvSink, "json": JsonSink, "parquet": ParquetSink}
)
"""Format's name, which is also the file's suffix → sink."""
