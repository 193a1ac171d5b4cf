"""CSV, JSON, JSON Lines and Parquet hold the same table, and stay whole on a full disk."""

from __future__ import annotations

import csv
import io
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mimik.errors import SinkError
from mimik.sinks import tables
from mimik.sinks.rows import COLUMNS, failed_row
from mimik.sinks.tables import TABLE_SINKS, CsvSink, JsonLinesSink, JsonSink, ParquetSink, TableSink
from mimik.types import Emotion, FrameResult, Reason, State

from .samples import face, result, withheld

RESULTS = (
    result(face(), withheld()),
    result(index=1, time_s=1 / 30),
    result(face(State.UNCERTAIN, Emotion.SAD, Reason.LOW_CONFIDENCE), index=2, time_s=2 / 30),
)


def fill(sink: TableSink) -> None:
    with sink:
        for one in RESULTS:
            sink.write(one)
        sink.write_rows([failed_row('a "b",\nc.jpg', "no picture")])


def typed(name: str, text: str) -> object:
    kind = {column.name: column.type for column in COLUMNS}[name]
    if text == "":
        return None
    return {"integer": int, "number": float, "text": str}[kind](text)


def read_csv(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: typed(name, text) for name, text in row.items()} for row in csv.DictReader(file)]


def read_parquet(path: Path) -> list[dict[str, Any]]:
    from pyarrow import parquet

    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """No file may grow beyond a size: what a full disk looks like from inside."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def overfill(sink: TableSink, limit: int) -> int:
    """Write until it fails; how many results went in."""
    written = 0
    with file_limit(limit), pytest.raises(SinkError, match="writing stopped"), sink:  # noqa: PT012
        for index in range(100_000):
            sink.write(many(index))
            written += 1
    return written


def many(index: int) -> FrameResult:
    return result(face(), face(track_id=2), index=index, time_s=index / 30)


def test_all_formats_hold_the_same_values(tmp_path: Path) -> None:
    for name, sink in TABLE_SINKS.items():
        fill(sink(tmp_path / f"faces.{name}"))
    fill(JsonLinesSink(tmp_path / "faces.jsonl"))
    from_csv = read_csv(tmp_path / "faces.csv")
    from_json = json.loads((tmp_path / "faces.json").read_text(encoding="utf-8"))
    from_lines = [json.loads(line) for line in (tmp_path / "faces.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(from_csv) == 5
    assert from_csv == from_json == from_lines == read_parquet(tmp_path / "faces.parquet")
    assert [list(row) for row in from_json] == [[column.name for column in COLUMNS]] * 5


def test_empty_tables_are_whole(tmp_path: Path) -> None:
    for name, sink in TABLE_SINKS.items():
        with sink(tmp_path / f"faces.{name}"):
            pass
    assert read_csv(tmp_path / "faces.csv") == []
    assert json.loads((tmp_path / "faces.json").read_text(encoding="utf-8")) == []
    assert read_parquet(tmp_path / "faces.parquet") == []


def test_json_is_valid_after_every_frame(tmp_path: Path) -> None:
    path = tmp_path / "faces.json"
    with JsonSink(path) as sink:
        for count, one in enumerate(RESULTS, 1):
            sink.write(one)
            assert json.loads(path.read_text(encoding="utf-8"))[-1]["frame"] == count - 1


def test_parquet_is_written_in_groups_with_the_columns_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet

    monkeypatch.setattr(tables, "_ROWS_A_GROUP", 10)
    with ParquetSink(tmp_path / "faces.parquet") as sink:
        for index in range(25):
            sink.write(result(face(), index=index))
    file = parquet.ParquetFile(tmp_path / "faces.parquet")
    assert file.metadata.num_row_groups == 3
    types = {"integer": "int64", "number": "double", "text": "string"}
    assert [(field.name, str(field.type)) for field in file.schema_arrow] == [
        (column.name, types[column.type]) for column in COLUMNS
    ]


def test_json_lines_go_to_a_stream_frame_by_frame_and_leave_it_open() -> None:
    stream = io.StringIO()
    with JsonLinesSink(stream) as sink:
        sink.write(RESULTS[0])
        assert len(stream.getvalue().splitlines()) == 2
    assert json.loads(stream.getvalue().splitlines()[0])["top"] == "happy"


def test_a_reader_that_went_away_is_told_apart() -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    with JsonLinesSink(Gone()) as sink, pytest.raises(BrokenPipeError):
        sink.write(RESULTS[0])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_stream_onto_a_full_disk_is_a_sink_error() -> None:
    stream = open("/dev/full", "w")  # noqa: SIM115 (closing it fails as well)
    with JsonLinesSink(stream) as sink, pytest.raises(SinkError, match="writing stopped"):
        sink.write(RESULTS[0])
    with pytest.raises(OSError, match="No space"):
        stream.close()


@pytest.mark.parametrize("name", [*TABLE_SINKS, "jsonl"])
def test_a_place_that_cannot_be_written_is_a_sink_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sink = {**TABLE_SINKS, "jsonl": JsonLinesSink}[name](tmp_path / "file" / "faces")
    with pytest.raises(SinkError, match="cannot be written"):
        sink.__enter__()


@pytest.mark.parametrize("limit", [50_000, 50_001, 50_123, 51_007])
def test_csv_keeps_whole_rows_on_a_full_disk(limit: int, tmp_path: Path) -> None:
    written = overfill(CsvSink(tmp_path / "faces.csv"), limit)
    rows = read_csv(tmp_path / "faces.csv")
    assert len(rows) == 2 * written > 100
    assert all(row["state"] == "sure" for row in rows)


@pytest.mark.parametrize("limit", [50_000, 50_001, 50_123, 51_007])
def test_json_stays_valid_on_a_full_disk(limit: int, tmp_path: Path) -> None:
    written = overfill(JsonSink(tmp_path / "faces.json"), limit)
    assert len(json.loads((tmp_path / "faces.json").read_text(encoding="utf-8"))) == 2 * written > 100


def test_parquet_leaves_the_earlier_file_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_ROWS_A_GROUP", 64)
    fill(ParquetSink(tmp_path / "faces.parquet"))
    overfill(ParquetSink(tmp_path / "faces.parquet"), 50_000)
    assert len(read_parquet(tmp_path / "faces.parquet")) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["faces.parquet"]


def test_parquet_that_fails_only_at_its_end_leaves_the_earlier_file(tmp_path: Path) -> None:
    fill(ParquetSink(tmp_path / "faces.parquet"))
    with (
        pytest.raises(SinkError, match="writing stopped"),
        file_limit(2000),
        ParquetSink(tmp_path / "faces.parquet") as s,
    ):
        s.write(RESULTS[0])
    assert len(read_parquet(tmp_path / "faces.parquet")) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["faces.parquet"]
