"""Age and gender where results go: tables of every format, the spool, messages, drawings."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimik.serve.messages import result_message, to_json
from mimik.sinks import ATTRIBUTE_COLUMNS, COLUMNS, TABLE_SINKS, JsonLinesSink, Overlay, columns, failed_row, rows
from mimik.sinks.spool import Spool, read_frames
from mimik.types import Attributes, Box, Face, Frame
from tests.unit.sinks.samples import face, result, withheld

KNOWN = Attributes(34.56, (30, 40), 0.123456789, 10, True)
NAMES = ["age_low", "age_high", "gender", "gender_probability"]


def known(one: Face) -> Face:
    return replace(one, attributes=KNOWN)


def test_the_four_columns_follow_all_others_and_only_when_asked_for() -> None:
    assert [column.name for column in ATTRIBUTE_COLUMNS] == NAMES
    assert columns() == COLUMNS
    assert columns(attributes=True) == COLUMNS + ATTRIBUTE_COLUMNS
    (plain,) = rows(result(known(face())))
    (wide,) = rows(result(known(face())), attributes=True)
    assert wide.values()[: len(COLUMNS)] == plain.values()
    assert list(wide.as_dict())[len(COLUMNS) :] == NAMES
    assert wide.values()[len(COLUMNS) :] == (30, 40, "male", 0.876543)


def test_rows_without_an_estimate_leave_the_columns_empty() -> None:
    empty = (None, None, None, None)
    for row in (*rows(result(face()), attributes=True), *rows(result(), attributes=True)):
        assert row.values()[len(COLUMNS) :] == empty
    assert failed_row("a", "b", attributes=True).values()[len(COLUMNS) :] == empty


def test_a_face_that_cannot_be_read_keeps_what_is_known_of_the_person() -> None:
    (row,) = rows(result(known(withheld())), attributes=True)
    assert (row.state, row.as_dict()["top"], row.as_dict()["age_low"]) == ("withheld", None, 30)


@pytest.mark.parametrize("format_", TABLE_SINKS)
def test_every_format_holds_them(format_: str, tmp_path: Path) -> None:
    path = tmp_path / f"faces.{format_}"
    with TABLE_SINKS[format_](path, attributes=True) as sink:
        sink.write(result(known(face()), face()))
        sink.write_rows([failed_row("a", "b", attributes=True)])
    if format_ == "csv":
        head, first, second, failed = path.read_text(encoding="utf-8").splitlines()
        assert head.endswith(",error,age_low,age_high,gender,gender_probability")
        assert first.endswith(",30,40,male,0.876543")
        assert second.endswith(",,,,")
        assert failed.endswith(",b,,,,")
        return
    if format_ == "json":
        table = json.loads(path.read_text(encoding="utf-8"))
    else:
        import pyarrow.parquet as pq

        table = pq.read_table(path).to_pylist()
    assert [[row[name] for name in NAMES] for row in table] == [[30, 40, "male", 0.876543], [None] * 4, [None] * 4]


def test_json_lines_hold_them(tmp_path: Path) -> None:
    with JsonLinesSink(tmp_path / "lines", attributes=True) as sink:
        sink.write(result(known(face())))
    assert json.loads((tmp_path / "lines").read_text(encoding="utf-8"))["age_high"] == 40


def test_a_look_comes_back_from_the_spool_exactly(tmp_path: Path) -> None:
    look = Attributes(34.5612345678901, (30, 40), 1 / 3)
    frame = Frame(np.zeros((90, 160, 3), np.uint8), 0, 0.0)
    with Spool(tmp_path / "s", {}) as spool:
        spool.add(frame, (replace(face(track_id=None), attributes=look), face(track_id=None)))
    (spooled,) = read_frames(tmp_path / "s")
    assert [one.attributes for one in spooled.faces] == [look, None]


def test_messages_tell_the_range_and_the_likelier_gender() -> None:
    first, second = json.loads(to_json(result_message(result(known(face()), face()))))["faces"]
    assert (first["age"], first["gender"], first["gender_probability"]) == ([30, 40], "male", 0.88)
    assert second["age"] is second["gender"] is second["gender_probability"] is None


def test_labels_grow_by_what_is_known() -> None:
    box = Box(40, 120, 200, 300)
    plain = result(face(box=box), width=900, height=400)
    wide = replace(plain, faces=(known(face(box=box)),))
    overlay = Overlay("tr")
    changed = np.flatnonzero((overlay.draw(plain) != overlay.draw(wide)).any(axis=(0, 2)))
    assert changed.max() > 250
