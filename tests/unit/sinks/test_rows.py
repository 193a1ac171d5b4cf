"""The table's rows and its description."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.sinks.rows import ATTRIBUTE_COLUMNS, COLUMNS, SCHEMA_VERSION, Row, failed_row, rows
from mimik.types import Box, Emotion, EmotionScores, Reason, State

from .samples import face, result, withheld

NAMES = (  # noqa: SIM905
    "schema_version source frame time_s track_id x1 y1 x2 y2 score angry disgust fear happy sad surprise neutral"
    " top state reason quality valence arousal error"
).split()


def test_columns_are_the_promised_ones_in_order() -> None:
    assert [column.name for column in COLUMNS] == NAMES
    assert [field.name for field in dataclasses.fields(Row)] == NAMES
    assert list(failed_row("a", "b").as_dict()) == NAMES


def test_a_face_becomes_a_row() -> None:
    (row,) = rows(result(face(), index=3, time_s=0.12))
    assert (row.schema_version, row.source, row.frame, row.time_s) == (SCHEMA_VERSION, "klasör/şaşkın.mp4", 3, 0.12)
    assert (row.x1, row.y1, row.x2, row.y2, row.score) == (20.13, 30.0, 80.0, 110.5, 0.876543)
    assert (row.happy, row.fear, row.top, row.state, row.reason) == (0.612346, 0.0, "happy", "sure", None)
    assert row.valence is not None
    assert row.valence > 0
    assert row.error is None


def test_top_is_the_likeliest_of_the_row_even_where_another_label_is_still_shown() -> None:
    (row,) = rows(result(face(State.UNCERTAIN, Emotion.ANGRY, Reason.LOW_CONFIDENCE)))
    assert (row.top, row.state, row.reason) == ("happy", "uncertain", "low_confidence")
    assert row.happy is not None
    assert row.angry is not None
    assert row.happy > row.angry


def test_a_withheld_row_keeps_box_and_quality_but_no_reading() -> None:
    (row,) = rows(result(withheld()))
    assert (row.state, row.reason, row.quality, row.score) == ("withheld", "turned_away", 0.5, 0.876543)
    assert row.x1 is not None
    assert all(row.as_dict()[name] is None for name in (*Emotion, "top", "valence", "arousal"))


def test_a_withheld_row_hides_a_reading_that_a_stage_left_in() -> None:
    left = dataclasses.replace(withheld(), emotions=EmotionScores(np.full(7, 1 / 7, np.float32)), label=Emotion.SAD)
    (row,) = rows(result(left))
    assert all(row.as_dict()[name] is None for name in (*Emotion, "top", "valence", "arousal"))


def test_a_frame_without_faces_says_so() -> None:
    (row,) = rows(result(index=7, time_s=1.5))
    filled = {name: value for name, value in row.as_dict().items() if value is not None}
    assert filled == {
        "schema_version": SCHEMA_VERSION,
        "source": "klasör/şaşkın.mp4",
        "frame": 7,
        "time_s": 1.5,
        "state": "no_face",
    }


def test_a_failed_input_says_why() -> None:
    filled = {name: value for name, value in failed_row("x.mp4", "no video").as_dict().items() if value is not None}
    assert filled == {
        "schema_version": SCHEMA_VERSION,
        "source": "x.mp4",
        "state": "failed",
        "error": "no video",
    }


def test_a_name_that_is_no_utf8_is_escaped() -> None:
    assert failed_row(b"b\xff.jpg".decode("utf-8", "surrogateescape"), "e").source == "b\\udcff.jpg"


@given(st.floats(-1e-7, 1e7), st.floats(0, 1))
def test_numbers_are_doubles_that_round_trip_and_never_negative_zero(edge: float, score: float) -> None:
    one = dataclasses.replace(face(), quality=dataclasses.replace(face().quality, score=score))
    (row,) = rows(result(dataclasses.replace(one, detection=face(box=Box(edge, 0, edge + 9, 9)).detection)))
    for value in row.values():
        if isinstance(value, float):
            assert type(value) is float
            assert repr(value) != "-0.0"
            assert round(value, 6) == value


def test_every_value_has_its_columns_type() -> None:
    types = {"integer": int, "number": float, "text": str}
    for row in (*rows(result(face())), *rows(result(withheld())), *rows(result()), failed_row("a", "b")):
        for column, value in zip(COLUMNS, row.values(), strict=True):
            if value is None:
                assert column.optional
            else:
                assert type(value) is types[column.type], column.name


def test_every_state_and_reason_is_described() -> None:
    described = {column.name: column.unit for column in COLUMNS}
    assert described["state"].split(" · ") == [state.value for state in State]
    assert described["reason"].split(" · ") == [reason.value for reason in Reason]


def test_the_schema_document_agrees_with_the_code() -> None:
    document = Path(__file__).parents[3] / "docs" / "schema.md"
    if not document.exists():
        pytest.fail("docs/schema.md is missing")
    text = document.read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if line.startswith("| `")]
    wanted = [
        f"| `{column.name}` | {column.type} | {column.unit} | {'yes' if column.optional else 'no'} |"
        f" {'' if column.decimals is None else column.decimals} | {column.meaning} |"
        for column in COLUMNS + ATTRIBUTE_COLUMNS
    ]
    assert found == wanted
    assert f"Version {SCHEMA_VERSION}" in text
