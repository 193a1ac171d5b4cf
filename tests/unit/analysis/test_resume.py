"""An interrupted analysis, gone on with, ends in the bytes of an uninterrupted one."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.analysis import Summary, analyse
from mimik.errors import SinkError

from .stages import Clip, Finder, opener, pipeline

INPUTS = [Path(name) for name in ("9.mp4", "a/1.jpg", "b/1.jpg", "7-broken.mp4", "0-missing.mp4", "8.mp4")]
FRAMES = 9 + 1 + 1 + 7 + 8


def run(output: Path, finder: Finder, stop: Event | None = None, fps: float | None = None) -> Summary:
    return analyse(
        pipeline(finder), INPUTS, output, formats=("csv", "json", "parquet"), fps=fps, stop=stop, opener=opener
    )


def tables(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[float | None, dict[str, bytes]]:
    """The uninterrupted results."""
    results = {}
    for fps in (None, 10.0):
        output = tmp_path_factory.mktemp("whole")
        run(output, Finder(), fps=fps)
        results[fps] = tables(output)
    assert set(results[None]) == {"faces.csv", "faces.json", "faces.parquet"}
    assert results[None] != results[10.0]
    return results


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(
        st.tuples(st.integers(0, FRAMES - 1), st.none() | st.tuples(st.floats(0, 0.999), st.floats(0, 1))),
        min_size=1,
        max_size=4,
    ),
    gently=st.booleans(),
    fps=st.sampled_from([None, 10.0]),
)
def test_interrupted_at_any_frame_and_torn_at_any_byte(
    whole: dict[float | None, dict[str, bytes]],
    cuts: Sequence[tuple[int, tuple[float, float] | None]],
    gently: bool,
    fps: float | None,
) -> None:
    """Stopped by an event or as by Ctrl-C, again and again; then some spool loses bytes, as by kill -9."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        for cut, torn in cuts:
            stop = Event() if gently else None
            with contextlib.suppress(KeyboardInterrupt):
                run(output, Finder(cut, stop), stop, fps)
            # How many there are depends on the threads' pace, what Hypothesis draws must not.
            spools = sorted((output / ".mimik-analysis").glob("*.jsonl"))
            if torn and spools:
                spool = spools[int(torn[0] * len(spools))]
                bytes_ = spool.read_bytes()
                spool.write_bytes(bytes_[: round(torn[1] * len(bytes_))])
        run(output, Finder(), fps=fps)
        assert tables(output) == whole[fps]


def test_frames_read_before_are_not_read_again(tmp_path: Path) -> None:
    """But for the last turn, which may not have been whole: here, a frame."""
    stop = Event()
    first = Finder(14, stop)
    stopped = run(tmp_path, first, stop)
    assert (stopped.interrupted, stopped.files) == (True, ())
    assert 11 <= stopped.frames <= first.calls <= stopped.frames + 4, "little is read in vain"
    second = Finder()
    summary = run(tmp_path, second)
    assert (summary.interrupted, summary.frames) == (False, FRAMES)
    assert summary.resumed_frames == max(11, stopped.frames - 1), "of the two inputs before, every frame"
    assert summary.resumed_frames + second.calls == FRAMES
    assert not (tmp_path / ".mimik-analysis").exists()


def test_nothing_appears_before_all_is_done(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Finder(12))
    assert [path.name for path in tmp_path.iterdir()] == [".mimik-analysis"]


@pytest.mark.parametrize("change", ["identity", "fps"])
def test_other_options_read_anew(tmp_path: Path, change: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        analyse(pipeline(Finder(5)), INPUTS, tmp_path, opener=opener)
    finder = Finder()
    other = pipeline(finder, "another model" if change == "identity" else "fakes")
    summary = analyse(other, INPUTS, tmp_path, fps=1e6 if change == "fps" else None, opener=opener)
    assert summary.resumed_frames == 0
    assert finder.calls == FRAMES


def test_a_changed_input_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "6.mp4"
    path.write_bytes(b"one")
    with pytest.raises(KeyboardInterrupt):
        analyse(pipeline(Finder(4)), [path], tmp_path / "out", opener=opener)
    path.write_bytes(b"another")
    assert analyse(pipeline(), [path], tmp_path / "out", opener=opener).resumed_frames == 0


def test_more_inputs_use_what_was_read_of_the_others(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Finder(12))
    more = [Path("3.mp4"), *reversed(INPUTS)]
    assert analyse(pipeline(), more, tmp_path, opener=opener).resumed_frames == 11, "inputs read to their ends"


def test_done_again_it_does_all_again(tmp_path: Path, whole: dict[float | None, dict[str, bytes]]) -> None:
    for _ in range(2):
        finder = Finder()
        run(tmp_path, finder)
        assert finder.calls == FRAMES
        assert tables(tmp_path) == whole[None]


def test_a_folder_takes_one_analysis_at_a_time(tmp_path: Path, whole: dict[float | None, dict[str, bytes]]) -> None:
    """Whoever comes second is told and harms nothing; afterwards the folder is free again."""
    refused: list[str] = []

    def intrude(path: Path, start: int) -> Clip:
        with pytest.raises(SinkError) as refusal:
            run(tmp_path / "out", Finder())
        refused.append(refusal.value.text)
        return opener(path, start)

    analyse(pipeline(), INPUTS, tmp_path / "out", formats=("csv", "json", "parquet"), opener=intrude)
    assert len(refused) == len(INPUTS)
    assert all("another analysis is writing there" in text for text in refused)
    assert tables(tmp_path / "out") == whole[None]
    run(tmp_path / "out", Finder())
