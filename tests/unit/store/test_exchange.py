"""A session's tables: the same values in every format, safe in a spreadsheet, whole or not there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.errors import StoreError
from mimik.store.columns import EXPORT_VERSION, TABLES, Column
from mimik.store.exchange import export_file, export_folder, export_stream, guard, unguard
from mimik.store.values import (
    Aggregates,
    Marker,
    MarkerKind,
    Person,
    Purpose,
    Samples,
    Session,
    SessionState,
)

DOCS = Path(__file__).parents[3] / "docs"
DANGEROUS = "=+-@＝＋－＠\t\r"


class Kept:
    """A session in memory."""

    def __init__(self, title: str = "Demo", rows: int = 20, batch: int = 7) -> None:
        self.title = title
        self.rows = rows
        self.batch = batch
        self.most_rows_at_once = 0

    def session(self, session: str, /) -> Session:
        if not "abc123".startswith(session):
            raise StoreError("no")
        return Session(
            id="abc123",
            title=self.title,
            purpose=Purpose.ADVERTISEMENT,
            tags=("spot, A", "=1+1"),
            consent="“told”, agreed\nin writing",
            ground="",
            aggregate_only=False,
            source="film \udcff.mp4",
            live=False,
            model="seed 0123",
            started_at=datetime(2026, 1, 2, 14, 3, 4, tzinfo=timezone(timedelta(hours=3))),
            duration_s=self.rows / 10,
            state=SessionState.DONE,
            people=2,
            clip=None,
            version="0.1.0",
            raw_until=datetime(2026, 2, 1, tzinfo=UTC),
            keep_until=None,
        )

    def people(self, session: str, /) -> tuple[Person, ...]:
        return (Person(1, (20, 30)), Person(2))

    def markers(self, session: str, /) -> tuple[Marker, ...]:
        return (
            Marker(0.25, "-2 topic", id=4),
            Marker(1.0, "", MarkerKind.BASELINE, 1.5, id=3),
        )

    def aggregates(
        self, session: str, step_s: int | None = None, start_s: float = 0.0, end_s: float = inf
    ) -> Aggregates:
        assert (step_s, start_s, end_s) == (1, 0, inf)
        n = 4
        readings = np.array([3, 0, 2, 3])
        share = np.array([0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1])
        return Aggregates(
            1,
            person=np.array([0, 1, 0, 2]),
            start_s=np.array([0.0, 0.0, 1.0, 1.0]),
            frames=np.array([10, 4, 10, 3]),
            faces=np.array([4, 1, 3, 3]),
            sure=np.array([2, 0, 2, 3]),
            uncertain=np.array([1, 0, 0, 0]),
            withheld=np.eye(7, dtype=np.int64)[[1, 1, 1, 1]],
            probabilities=readings[:, None] * share[None],
            labels=np.zeros((n, 7), np.int64),
            quality=np.array([2.0, 0.5, 1.0, 3.0]),
            valence=readings * -0.00000001,
            arousal=readings * 0.25,
        )

    def samples(self, session: str, start_s: float = 0.0, end_s: float = inf) -> Iterator[Samples]:
        random = np.random.default_rng(0)
        for start in range(0, self.rows, self.batch):
            n = min(self.batch, self.rows - start)
            probabilities = random.dirichlet(np.ones(7), n).astype(np.float32)
            withheld = np.arange(start, start + n) % 5 == 0
            probabilities[withheld] = np.nan
            nothing = np.where(withheld, np.nan, 0.5).astype(np.float32)
            self.most_rows_at_once = max(self.most_rows_at_once, n)
            yield Samples(
                time_s=np.arange(start, start + n) / 10,
                person=1 + np.arange(n) % 2,
                box=random.random((n, 4)).astype(np.float32) * 100,
                state=np.where(withheld, 2, 0).astype(np.int8),
                reason=np.where(withheld, 2, -1).astype(np.int8),
                label=np.where(withheld, -1, 3).astype(np.int8),
                probabilities=probabilities,
                quality=np.full(n, 0.75, np.float32),
                valence=nothing,
                arousal=nothing,
            )


def read_csv(data: bytes, columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """As docs/sessions.md says that it is read."""
    lines = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    kinds: dict[str, Callable[[str], Any]] = {"integer": int, "number": float, "boolean": lambda cell: cell == "true"}
    rows: list[dict[str, Any]] = []
    for line in lines:
        row: dict[str, Any] = {}
        for column in columns:
            cell = line[column.name]
            text = unguard(cell) if column.free else cell
            if cell == "" and column.optional:
                row[column.name] = None
            elif column.type == "texts":
                row[column.name] = text.split("; ") if text else []
            else:
                row[column.name] = kinds[column.type](cell) if column.type in kinds else text
        rows.append(row)
    return rows


def written(kept: Kept, kind: str, table: str | None = None) -> bytes:
    file = io.BytesIO()
    export_stream(kept, "abc", file, kind, table)
    return file.getvalue()


@pytest.mark.parametrize("table", TABLES)
def test_every_format_holds_the_same_values(table: str) -> None:
    kept = Kept("=cmd;-x")
    array = json.loads(written(kept, "json", table))
    if table == "session":
        array = [array]
    assert array
    assert list(array[0]) == [column.name for column in TABLES[table]]
    assert read_csv(written(kept, "csv", table), TABLES[table]) == array
    parquet = pq.read_table(io.BytesIO(written(kept, "parquet", table)))
    assert parquet.column_names == list(array[0])
    assert parquet.to_pylist() == array
    assert json.loads(written(kept, "json"))[table] == (array[0] if table == "session" else array)


def test_the_whole_document_says_its_version_and_keeps_what_people_wrote() -> None:
    document = json.loads(written(Kept("=cmd;-x"), "json"))
    assert list(document) == ["schema_version", *TABLES]
    assert document["schema_version"] == EXPORT_VERSION
    assert document["session"]["title"] == "=cmd;-x"
    assert document["session"]["tags"] == ["spot, A", "=1+1"]
    assert document["session"]["source"] == "film \\udcff.mp4"
    assert document["session"]["started_at"] == "2026-01-02T14:03:04+03:00"


def test_seconds_hold_means_and_nothing_where_nothing_was_read() -> None:
    first, second, *_ = json.loads(written(Kept(), "json", "seconds"))
    assert (first["happy"], first["quality"], first["arousal"]) == (0.4, 0.5, 0.25)
    assert str(first["valence"]) == "0.0", "no negative zero"
    assert second["happy"] is None
    assert second["valence"] is None
    assert second["withheld_too_small"] == 1


def test_withheld_samples_show_no_reading() -> None:
    first = json.loads(written(Kept(), "json", "samples"))[0]
    assert (first["state"], first["reason"], first["label"], first["happy"]) == ("withheld", "blurred", None, None)
    assert first["quality"] == 0.75


@given(st.text())
def test_guarding_can_be_undone(text: str) -> None:
    assert unguard(guard(text)) == text


@given(st.text(alphabet=DANGEROUS + "; 'a\n"))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    """Not even where a spreadsheet splits it at semicolons, tabs and lines."""
    for part in guard(text).replace("\t", ";").replace("\n", ";").replace("\r", ";").split(";"):
        assert part.lstrip(" ")[:1] not in set("=+-@＝＋－＠")


def test_titles_are_guarded_in_csv_and_nowhere_else() -> None:
    kept = Kept("=HYPERLINK(1)")
    assert b"'=HYPERLINK(1)" in written(kept, "csv", "session")
    assert b'"=HYPERLINK(1)"' in written(kept, "json")
    assert b",'-2 topic\n" in written(kept, "csv", "markers")
    assert b"-0.5" not in written(kept, "csv", "session").replace(b"'-", b"")


def test_a_folder_holds_every_table(tmp_path: Path) -> None:
    files = export_folder(Kept(), "abc", tmp_path / "new" / "out", ("csv", "json", "parquet"))
    names = {path.name for path in files}
    assert names == {f"{table}.{kind}" for table in TABLES for kind in ("csv", "parquet")} | {"session.json"}
    assert {path.name for path in (tmp_path / "new" / "out").iterdir()} == names


def test_progress_comes_to_the_end_and_never_goes_back(tmp_path: Path) -> None:
    told: list[float] = []
    export_folder(Kept(rows=100), "abc", tmp_path, ("csv", "json"), told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert len(set(told)) > 5


def test_memory_holds_a_batch_and_not_the_session() -> None:
    """What is written while the samples come: the first ones leave before the last ones are read."""

    class Slow(Kept):
        def samples(self, session: str, start_s: float = 0.0, end_s: float = inf) -> Iterator[Samples]:
            for batch in super().samples(session):
                sizes.append(len(file.getvalue()))
                yield batch

    for kind in ("csv", "json", "parquet"):
        file, sizes = io.BytesIO(), list[int]()
        export_stream(Slow(rows=70), "abc", file, kind, "samples")
        assert len(sizes) == 10
        assert sizes == sorted(set(sizes)), kind


def test_an_empty_table_is_a_heading_or_an_empty_array() -> None:
    kept = Kept(rows=0)
    assert json.loads(written(kept, "json", "samples")) == []
    assert written(kept, "csv", "samples").count(b"\n") == 1
    assert pq.read_table(io.BytesIO(written(kept, "parquet", "samples"))).num_rows == 0


def test_parquet_needs_no_seeking() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(bytes(data))

    pipe = Pipe()
    export_stream(Kept(), "abc", pipe, "parquet", "samples")  # type: ignore[arg-type]
    assert pq.read_table(io.BytesIO(pipe.data)).num_rows == 20


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_failed_export_leaves_the_earlier_file(kind: str, tmp_path: Path) -> None:
    class Broken(Kept):
        def samples(self, session: str, start_s: float = 0.0, end_s: float = inf) -> Iterator[Samples]:
            yield from super().samples(session)
            raise StoreError("gone")

    path = tmp_path / f"out.{kind}"
    path.write_text("before")
    with pytest.raises(StoreError, match="gone"):
        export_file(Broken(), "abc", path, kind, "samples")
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_full_disk_is_told(kind: str) -> None:
    with pytest.raises(StoreError, match=r"/dev/full: writing stopped .No space left"):
        export_file(Kept(), "abc", Path("/dev/full"), kind, "samples")
    assert Path("/dev/full").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        export_folder(Kept(), "abc", tmp_path / "file" / "sub", ("csv",))
    with pytest.raises(StoreError, match="cannot be written"):
        export_file(Kept(), "abc", tmp_path / "none" / "x.csv", "csv")


@pytest.mark.parametrize("table", TABLES)
def test_the_tables_in_docs_are_these(table: str) -> None:
    text = (DOCS / "sessions.md").read_text(encoding="utf-8")
    for column in TABLES[table]:
        empty = "yes" if column.optional else "no"
        decimals = "" if column.decimals is None else column.decimals
        line = f"| `{column.name}` | {column.type} | {column.unit} | {empty} | {decimals} | {column.meaning} |"
        assert line in text
    assert f"Version {EXPORT_VERSION}" in text
