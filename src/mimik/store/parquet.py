"""Tables as Parquet, into files that need no seeking."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import IO, Any, Protocol

__all__ = ["Headed", "write_parquet"]


class Headed(Protocol):
    """What Parquet must know of a column."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def optional(self) -> bool: ...


def write_parquet(file: IO[bytes], columns: Sequence[Headed], blocks: Iterable[Sequence[Sequence[Any]]]) -> None:
    """Write a table into an open binary file, which needs no seeking and stays open.

    Args:
        file: where to.
        columns: the table's.
        blocks: its rows, some at a time, column by column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "boolean": pa.bool_(),
    }
    schema = pa.schema([pa.field(c.name, types[c.type], nullable=c.optional) for c in columns])
    writer = pq.ParquetWriter(_Forward(file), schema, compression="zstd")
    try:
        for block in blocks:
            arrays = [pa.array(values, field.type) for values, field in zip(block, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        writer.close()
    except BaseException:
        writer.is_open = False  # or its destructor would write once more
        raise


class _Forward(io.RawIOBase):
    """Lets Parquet write to what cannot seek, such as a pipe: it only wants to know how far it is."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, data: Any) -> int:
        self._file.write(data)
        size = memoryview(data).nbytes
        self._at += size
        return size
