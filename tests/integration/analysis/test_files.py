"""Analyses of real files, with fake stages."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from threading import Event

import av
import numpy as np
import pytest

from mimik.analysis import Progress, analyse
from tests.fakes import detection, fake_pipeline
from tests.media import encoded, number_of, numbered, numbered_frames, truncate, write_video
from tests.unit.analysis.stages import pipeline

pytestmark = pytest.mark.integration


def table(output: Path) -> list[dict[str, str]]:
    with (output / "faces.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stopped_after(
    frames: int, inputs: list[Path], output: Path, annotate: bool = False, fps: float | None = None
) -> None:
    stop = Event()

    def tell(step: Progress) -> None:
        if step.frames == frames:
            stop.set()

    stopped = analyse(pipeline(), inputs, output, annotate=annotate, fps=fps, progress=tell, stop=stop)
    assert (stopped.interrupted, stopped.frames) == (True, frames)


@pytest.mark.parametrize("fps", [None, 7.0])
def test_a_video_of_variable_rate_resumes_at_any_place(tmp_path: Path, fps: float | None) -> None:
    times = [index / 25 + (0.3 if index > 10 else 0) for index in range(40)]
    video = write_video(tmp_path / "v.mp4", numbered_frames(40), times=times, rotation=90)
    whole = analyse(pipeline(), [video], tmp_path / "whole", fps=fps)
    for cut in (1, 2, 8, whole.frames - 1):
        output = tmp_path / f"cut{cut}"
        stopped_after(cut, [video], output, fps=fps)
        summary = analyse(pipeline(), [video], output, fps=fps)
        assert summary.resumed_frames == cut - 1, "but for the last turn: here, a frame"
        assert (output / "faces.csv").read_bytes() == (tmp_path / "whole" / "faces.csv").read_bytes()


def test_interrupted_after_its_last_frame_a_video_is_complete(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", numbered_frames(5))
    stopped_after(5, [video], tmp_path / "out")
    (spool,) = (tmp_path / "out" / ".mimik-analysis").glob("*.jsonl")
    lines = spool.read_bytes().splitlines(keepends=True)
    spool.write_bytes(b"".join(lines[:6]))  # without the line that says that the input is done
    summary = analyse(pipeline(), [video], tmp_path / "out")
    assert (summary.frames, summary.resumed_frames, summary.failed) == (5, 4, 0)


def test_drawn_videos_show_the_frames_of_their_rows(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", numbered_frames(30), fps=25, audio=True)
    stopped_after(11, [video], tmp_path / "out", annotate=True)
    analyse(pipeline(), [video], tmp_path / "out", annotate=True, fps=None)
    with av.open(str(tmp_path / "out" / "annotated" / "v.mp4")) as container:
        frames = list(container.decode(video=0))
    assert [round(float(frame.time or 0) * 25) for frame in frames] == list(range(30))


def test_bad_files_fail_alone(tmp_path: Path) -> None:
    good = write_video(tmp_path / "good.mp4", numbered_frames(10))
    cut = truncate(write_video(tmp_path / "cut.ts", numbered_frames(200), format="mpegts"), 0.5)
    text = tmp_path / "text.mp4"
    text.write_text("hello")
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "a.png").write_bytes(encoded(numbered(3), ".png"))
    inputs = [tmp_path / "none.mp4", text, tmp_path / "text.jpg", cut, tmp_path / "a.png", good]
    summary = analyse(fake_pipeline(), inputs, tmp_path / "out", annotate=True)
    failed = {Path(row["source"]).name: row["error"] for row in table(tmp_path / "out") if row["state"] == "failed"}
    assert set(failed) >= {"none.mp4", "text.mp4", "text.jpg"}
    assert summary.failed == len(failed)
    assert {"good.mp4", "a.png"} <= {path.name for path in summary.files}


def test_a_video_cut_short_keeps_its_rows_and_says_so(tmp_path: Path) -> None:
    """A fragmented file is read up to the cut; resumed, it says the same."""
    options = {"movflags": "frag_keyframe+empty_moov"}
    video = write_video(
        tmp_path / "v.mp4", numbered_frames(60), container_options=options, options={"g": "10", "bf": "0"}
    )
    truncate(video, 0.6)
    summary = analyse(pipeline(), [video], tmp_path / "whole")
    assert summary.failed == 1
    rows = table(tmp_path / "whole")
    assert rows[-1]["state"] == "failed"
    assert "damaged" in rows[-1]["error"]
    assert len(rows) > 10
    stopped_after(summary.frames - 2, [video], tmp_path / "out")
    analyse(pipeline(), [video], tmp_path / "out")
    assert (tmp_path / "out" / "faces.csv").read_bytes() == (tmp_path / "whole" / "faces.csv").read_bytes()


def test_killed_it_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", numbered_frames(60))
    analyse(pipeline(), [video], tmp_path / "whole", formats=("csv", "json"))
    program = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from mimik.analysis import analyse
        from tests.unit.analysis.stages import pipeline
        def slow(step):
            time.sleep(0.02 if step.frames < 40 else 60)  # it waits to be killed
        analyse(pipeline(), [Path(sys.argv[1])], Path(sys.argv[2]), formats=("csv", "json"), progress=slow)
        """
    )
    output = tmp_path / "out"
    spools = output / ".mimik-analysis"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(video), str(output)], cwd=Path(__file__).parents[3], env={**os.environ}
    ) as process:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 3000 for path in spools.glob("*.jsonl")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    summary = analyse(pipeline(), [video], output, formats=("csv", "json"))
    assert 0 < summary.resumed_frames < 60
    for name in ("faces.csv", "faces.json"):
        assert (output / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_drawn_frame_is_the_one_that_was_read(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", numbered_frames(50), fps=25)
    line = fake_pipeline(detection(150, 130))  # clear of the number along the upper edge
    analyse(line, [video], tmp_path / "out", annotate=True, fps=5)
    with av.open(str(tmp_path / "out" / "annotated" / "v.mp4")) as container:
        drawn = [number_of(frame.to_ndarray(format="bgr24").astype(np.uint8)) for frame in container.decode(video=0)]
    assert drawn == [int(row["frame"]) for row in table(tmp_path / "out")] == list(range(0, 50, 5))
