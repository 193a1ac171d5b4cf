"""Times and tables of markers, right and wrong."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimik.errors import StoreError
from mimik.store.marking import LABEL_LENGTH, MARKER_FILE_BYTES, check_time, clock, parse_markers, parse_time
from mimik.store.values import Marker, MarkerKind


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("75.5", 75.5),
        ("75,5", 75.5),
        (" 1:15 ", 75),
        ("1:15.25", 75.25),
        ("75:30", 4530),
        ("1:02:30", 3750),
        ("0:01:15,5", 75.5),
        ("100:00:00", 360000),
    ],
)
def test_times_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-1",
        "+1",
        "1e3",
        "nan",
        "inf",
        "1:75",
        "1:5",
        "1:60:00",
        "1:00:60",
        ":30",
        "1:",
        "1:2:3:4",
        "1.5:30",
        "٣",
    ],
)
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(StoreError, match="not a time"):
        parse_time(text)


@given(st.floats(0, 1e6))
def test_clocks_can_be_read_back(seconds: float) -> None:
    assert parse_time(clock(seconds)) == pytest.approx(seconds, abs=0.0501)


def test_clocks_are_short() -> None:
    assert [clock(s) for s in (0, 5, 75.5, 3750, 59.96)] == ["0:00", "0:05", "1:15.5", "1:02:30", "1:00"]


def test_a_time_after_the_end_is_refused() -> None:
    check_time("1:01", 61.0, 60.2)
    with pytest.raises(StoreError, match=r"1:02: after the session's end, which is at 1:00.2"):
        check_time("1:02", 62.0, 60.2)


@pytest.mark.parametrize(
    "text",
    [
        "0:05,topic 1\n12.5,topic 2\n",
        "time,label\n0:05,topic 1\n0:12.5,topic 2\n",
        "0:05;topic 1\r\n12,5;topic 2\r\n",
        "Zaman;Etiket\r\n5;topic 1\r\n12,5;topic 2\r\n",
        "5\ttopic 1\n12.5\ttopic 2",
        '\n"0:05", topic 1 \n\n"12,5","topic  2"\n',
        "label,colour,TIME\ntopic 1,red,5\ntopic 2,blue,0:00:12.5\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_markers_as_programs_write_them(text: str, encoding: str) -> None:
    assert parse_markers(text.encode(encoding), "m.csv", 60) == (Marker(5.0, "topic 1"), Marker(12.5, "topic 2"))


def test_commas_part_columns_even_where_labels_hold_semicolons() -> None:
    assert parse_markers(b"1:15,a; b\n", "m.csv") == (Marker(75.0, "a; b"),)


def test_kinds_and_ends() -> None:
    data = "time,end,kind,label\n1,11,baseline,\n20,,,x\n"
    assert parse_markers(data.encode(), "m.csv") == (
        Marker(1.0, "", MarkerKind.BASELINE, 11.0),
        Marker(20.0, "x"),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("5,a\n1:75,b\n", "m.csv, line 2: '1:75': not a time. Give seconds (75.5), m:ss (1:15) or h:mm:ss (1:02:30)."),
        ("time,label\n\n5,a\nsoon,b\n", "m.csv, line 4: 'soon': not a time."),
        ('5,"a\nb"\n-3,c\n', "m.csv, line 3: '-3': not a time."),
        ("when,what\n5,a\n", "m.csv, line 1: 'when': not a time."),
        ("5,a\n1:02,b\n", "m.csv, line 2: 1:02 is after the session's end, which is at 1:00."),
        ("5,a\n6\n", "m.csv, line 2: the time 6 has no label."),
        ("5,a\n6, \n", "m.csv, line 2: the time 6 has no label."),
        ("5,a, b\n", "m.csv, line 1: 3 columns where 2 belong. Put a label with commas in quotes."),
        ('5,"a\n', "m.csv, line 1: not CSV (unexpected end of data). Check the quotes of this line."),
        ("5," + "x" * (LABEL_LENGTH + 1), "m.csv, line 1: the label has 201 characters. Shorten it to 200."),
        ("time,label,kind\n5,a,dot\n", "m.csv, line 2: 'dot': not a kind of marker. Give point, baseline"),
        ("time,label,end\n5,a,4\n", "m.csv, line 2: the end 4 is not after the beginning 5."),
        ("time,label,end\n5,a,x\n", "m.csv, line 2: 'x': not a time."),
        ("time,label,kind\n5,a,baseline\n", "m.csv, line 2: a baseline needs its end."),
        ("", "m.csv: holds no marker."),
        ("time,label\n", "m.csv: holds no marker."),
    ],
)
def test_wrong_tables_name_file_line_value_and_cure(text: str, complaint: str) -> None:
    with pytest.raises(StoreError) as caught:
        parse_markers(text.encode(), "m.csv", 60)
    assert str(caught.value).startswith(complaint)


def test_a_file_that_is_no_text_is_told_with_its_line() -> None:
    with pytest.raises(StoreError, match=r"m.csv, line 2: not UTF-8 text.*CSV UTF-8"):
        parse_markers("5,a\n6,şaşkın\n".encode("cp1254"), "m.csv")
    with pytest.raises(StoreError, match="too large"):
        parse_markers(bytes(MARKER_FILE_BYTES + 1), "m.csv")
    with pytest.raises(StoreError, match=r"m.csv, line 1"):
        parse_markers(b"\x00\x01\x02", "m.csv")


@given(st.binary(max_size=60))
def test_any_bytes_are_markers_or_an_error_with_the_files_name(data: bytes) -> None:
    markers: tuple[Marker, ...] = ()
    error = "m.csv"
    try:
        markers = parse_markers(data, "m.csv", 60)
    except StoreError as caught:
        error = str(caught)
    assert error.startswith("m.csv")
    assert all(0 <= marker.time_s <= 61 and (marker.label or marker.kind != "point") for marker in markers)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 60).map(lambda value: round(value, 6)),
            st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=LABEL_LENGTH)
            .map(lambda text: " ".join(text.split()))
            .filter(bool),
        ),
        min_size=1,
    )
)
def test_what_was_written_is_read(markers: list[tuple[float, str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("time", "label"), *((f"{time_s:.6f}", label) for time_s, label in markers)])
    read = parse_markers(text.getvalue().encode(), "m.csv", 60)
    assert read == tuple(Marker(time_s, label) for time_s, label in markers)
