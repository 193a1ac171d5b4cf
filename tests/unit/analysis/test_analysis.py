"""Tables, drawings, progress and failures of an analysis, with fake stages."""

from __future__ import annotations

import csv
import json
import resource
import tracemalloc
from pathlib import Path
from threading import Event

import av
import cv2
import numpy as np
import pytest

from mimik.analysis import Progress, analyse
from mimik.errors import ConfigError, SinkError, SourceError
from mimik.sinks import rows
from mimik.types import Image
from tests.fakes import FakeSource, fake_pipeline

from .stages import Clip, Finder, opener, pipeline


def table(output: Path) -> list[dict[str, str]]:
    with (output / "faces.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_is_what_the_pipeline_gives(tmp_path: Path) -> None:
    """Passing through the spool changes nothing."""
    path = Path("40.mp4")
    analyse(pipeline(), [path], tmp_path, formats=("json",), opener=opener)
    direct = [row.as_dict() for result in pipeline().run(Clip(path, 0, 40)) for row in rows(result)]
    assert json.loads((tmp_path / "faces.json").read_text(encoding="utf-8")) == direct
    assert {row["state"] for row in direct} == {"sure", "withheld", "no_face"}


def test_inputs_stand_in_order_and_apart(tmp_path: Path) -> None:
    inputs = [Path("b/2.mp4"), Path("a/2.mp4"), Path("b/2.mp4"), Path("c/1.jpg")]
    summary = analyse(pipeline(), inputs, tmp_path, opener=opener)
    read = table(tmp_path)
    assert list(dict.fromkeys(row["source"] for row in read)) == [str(Path("b/2.mp4")), str(Path("a/2.mp4")), "c/1.jpg"]
    assert summary.inputs == 3
    assert [row["frame"] for row in read if row["source"].startswith("c")] == ["0"]


def test_pictures_have_no_ids_and_videos_begin_with_one(tmp_path: Path) -> None:
    analyse(pipeline(), [Path("4.mp4"), Path("x/4.mp4")], tmp_path, opener=opener)
    first: dict[str, str] = {}
    for row in table(tmp_path):
        if row["track_id"]:
            first.setdefault(row["source"], row["track_id"])
    assert set(first.values()) == {"1"}
    analyse(pipeline(), [Path("4.jpg")], tmp_path, opener=opener)
    assert {row["track_id"] for row in table(tmp_path)} == {""}


def test_one_bad_input_does_not_stop_the_rest(tmp_path: Path) -> None:
    inputs = [Path("0-missing.mp4"), Path("3-broken.mp4"), Path("0.mp4"), Path("2.mp4")]
    summary = analyse(pipeline(), inputs, tmp_path, opener=opener)
    assert (summary.inputs, summary.failed, summary.frames) == (4, 3, 5)
    errors = {row["source"]: row["error"] for row in table(tmp_path) if row["state"] == "failed"}
    assert errors == {
        "0-missing.mp4": "0-missing.mp4: there is no such file.",
        "3-broken.mp4": "3-broken.mp4: broke.",
        "0.mp4": "0.mp4: holds no frame.",
    }
    frames = [row["frame"] for row in table(tmp_path) if row["source"] == "3-broken.mp4"]
    assert list(dict.fromkeys(frames)) == ["0", "1", "2", ""]


def test_frames_a_second_take_the_first_frame_of_each_turn(tmp_path: Path) -> None:
    analyse(pipeline(), [Path("90.mp4")], tmp_path, fps=10, opener=opener)
    times = sorted({float(row["time_s"]) for row in table(tmp_path)})
    assert len(times) == 30
    assert all(tenth / 10 <= time < tenth / 10 + 1 / 29 for tenth, time in enumerate(times))


@pytest.mark.parametrize("fps", [0, -1, float("nan"), float("inf")])
def test_no_frames_a_second_is_a_config_error(tmp_path: Path, fps: float) -> None:
    with pytest.raises(ConfigError):
        analyse(pipeline(), [Path("1.mp4")], tmp_path, fps=fps, opener=opener)


def test_an_unknown_format_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="csv, json, parquet"):
        analyse(pipeline(), [Path("1.mp4")], tmp_path / "out", formats=("xls",), opener=opener)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("blocked", ["output", "table"])
def test_an_output_that_cannot_be_written_is_told_before_the_work(tmp_path: Path, blocked: str) -> None:
    if blocked == "output":
        (tmp_path / "out").write_text("a file")
    else:
        (tmp_path / "out" / "faces.csv").mkdir(parents=True)
    finder = Finder()
    with pytest.raises(SinkError, match="cannot be written"):
        analyse(pipeline(finder), [Path("1.mp4")], tmp_path / "out", opener=opener)
    assert finder.calls == 0


def test_a_full_disk_keeps_what_was_read(tmp_path: Path) -> None:
    analyse(pipeline(), [Path("200.mp4")], tmp_path / "whole", opener=opener)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    first = Finder()
    try:
        with pytest.raises(SinkError, match=r"is kept; make room, then run this again"):
            analyse(pipeline(first), [Path("200.mp4")], tmp_path / "out", opener=opener)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (spool,) = (tmp_path / "out" / ".mimik-analysis").glob("*.jsonl")
    kept = spool.read_bytes().count(b"\n") - 1
    assert 10 < kept < first.calls < 200
    summary = analyse(pipeline(), [Path("200.mp4")], tmp_path / "out", opener=opener)
    assert summary.resumed_frames == kept - 1, "all but the last turn, which may not have been whole: here, a frame"
    assert (tmp_path / "out" / "faces.csv").read_bytes() == (tmp_path / "whole" / "faces.csv").read_bytes()


def test_progress_grows_to_the_end(tmp_path: Path) -> None:
    seen: list[Progress] = []
    inputs = [Path("20.mp4"), Path("0-missing.mp4"), Path("1.jpg")]
    summary = analyse(pipeline(), inputs, tmp_path, annotate=True, progress=seen.append, opener=opener)
    for stage in ("read", "annotate"):
        part = [step for step in seen if step.stage == stage]
        assert [step.frames for step in part] == list(range(1, 22))
        fractions = [step.fraction for step in part]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        assert part[-1].left_s == 0
        assert (part[-1].input, part[-1].inputs, part[-1].path) == (3, 3, Path("1.jpg"))
        assert part[-1].faces == summary.faces > 0
        assert part[-1].faces_per_s > 0


def test_progress_of_a_resumed_run_counts_what_was_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        analyse(pipeline(Finder(15)), [Path("20.mp4")], tmp_path, opener=opener)
    seen: list[Progress] = []
    analyse(pipeline(), [Path("20.mp4")], tmp_path, progress=seen.append, opener=opener)
    assert [step.frames for step in seen] == [15, 16, 17, 18, 19, 20], "of fifteen, the last turn is read again"


def pictures_of(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24").astype(np.uint8) for frame in container.decode(video=0)]


def test_drawings_show_each_frame_with_its_own_result(tmp_path: Path) -> None:
    inputs = [Path("a/12.mp4"), Path("b/12.mp4"), Path("1.jpg"), Path("5-broken.mp4"), Path("0.mp4")]
    summary = analyse(pipeline(), inputs, tmp_path, annotate=True, opener=opener)
    drawn = [tmp_path / "annotated" / name for name in ("12.mp4", "12-2.mp4", "1.jpg", "5-broken.mp4")]
    assert summary.files == (tmp_path / "faces.csv", *drawn)
    assert set((tmp_path / "annotated").iterdir()) == set(drawn)
    images = pictures_of(tmp_path / "annotated" / "12.mp4")
    assert len(images) == 12
    for index, image in enumerate(images):
        bare = np.abs(image.astype(int) - index * 21).max(axis=2) < 8
        assert bare.mean() > 0.02, "the frame's own gray shows between the drawings"
        assert bare.all() == (index % 4 == 0), "drawn on where there are faces"
    assert len(pictures_of(tmp_path / "annotated" / "5-broken.mp4")) == 5


def test_drawings_after_an_interruption_are_the_same(tmp_path: Path) -> None:
    inputs = [Path("12.mp4"), Path("1.jpg")]
    analyse(pipeline(), inputs, tmp_path / "whole", annotate=True, opener=opener)
    with pytest.raises(KeyboardInterrupt):
        analyse(pipeline(Finder(7)), inputs, tmp_path / "out", annotate=True, opener=opener)
    stop = Event()

    def interrupt(step: Progress) -> None:
        if step.stage == "annotate" and step.frames == 5:
            stop.set()

    half = analyse(pipeline(), inputs, tmp_path / "out", annotate=True, progress=interrupt, stop=stop, opener=opener)
    assert half.interrupted
    finder = Finder()
    analyse(pipeline(finder), inputs, tmp_path / "out", annotate=True, opener=opener)
    assert finder.calls == 0
    for one, other in zip(
        pictures_of(tmp_path / "whole/annotated/12.mp4"), pictures_of(tmp_path / "out/annotated/12.mp4"), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert (tmp_path / "whole/annotated/1.jpg").read_bytes() == (tmp_path / "out/annotated/1.jpg").read_bytes()


def test_drawings_at_fewer_frames_a_second_hold_those_that_were_read(tmp_path: Path) -> None:
    analyse(pipeline(), [Path("30.mp4")], tmp_path, annotate=True, fps=5, opener=opener)
    assert len(pictures_of(tmp_path / "annotated" / "30.mp4")) == len({row["frame"] for row in table(tmp_path)}) == 5


def test_hidden_faces_are_hidden_in_drawings(tmp_path: Path) -> None:
    """Black and white lines become gray where faces are."""
    path = tmp_path / "1.png"

    class Checked(Clip):
        def __iter__(self):  # type: ignore[no-untyped-def]
            for frame in super().__iter__():
                frame.image[::2] = 3  # which the finder takes for a frame of three faces
                frame.image[1::2] = 250
                yield frame

    def checked(path: Path, start: int) -> Clip:
        return Checked(path, start, 1, kind=opener(Path("1.jpg"), 0).kind)

    for hide in (False, True):
        analyse(pipeline(), [path], tmp_path / str(hide), annotate=True, anonymise=hide, opener=checked)
    shown, hidden = (cv2.imread(str(tmp_path / str(hide) / "annotated" / "1.png")) for hide in (False, True))
    assert shown is not None
    assert hidden is not None
    shown_gray, hidden_gray = (((image > 70) & (image < 190)).all(axis=2).sum() for image in (shown, hidden))
    assert hidden_gray > shown_gray + 10


def test_an_input_that_changed_before_it_was_drawn_is_told(tmp_path: Path) -> None:
    def shrinking(path: Path, start: int, lengths: list[int] = [5, 3]) -> Clip:  # noqa: B006
        return Clip(path, start, lengths.pop(0))

    with pytest.raises(SourceError, match="changed while it was read"):
        analyse(pipeline(), [Path("5.mp4")], tmp_path, annotate=True, opener=shrinking)
    assert table(tmp_path)


def test_memory_does_not_grow_with_the_video(tmp_path: Path) -> None:
    def length(path: Path, start: int) -> FakeSource:
        return FakeSource(int(path.stem))

    peaks = []
    for frames in (500, 5_000):
        tracemalloc.start()
        analyse(fake_pipeline(), [Path(f"{frames}.mp4")], tmp_path, formats=("csv", "json"), opener=length)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert len(table(tmp_path)) == 5_000
    assert peaks[1] < peaks[0] + 200_000  # 4,500 rows held would be some megabytes
