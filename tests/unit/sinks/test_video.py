"""Annotated videos and pictures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mimik.errors import SinkError
from mimik.sinks.video import AnnotatedVideo, annotate_picture, fit

from .samples import face, result
from .test_tables import file_limit


def frames_of(path: Path) -> list[tuple[float, tuple[int, int]]]:
    with av.open(str(path)) as container:
        return [(float(frame.time or 0), (frame.width, frame.height)) for frame in container.decode(video=0)]


def test_it_is_what_browsers_play(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with AnnotatedVideo(path, 25, "tr") as video:
        for index in range(30):
            video.write(result(face(), index=index, time_s=index / 25, width=161, height=121))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, stream.width, stream.height) == ("h264", "yuv420p", 162, 122)
        assert stream.frames == 30
        assert float(stream.average_rate or 0) == pytest.approx(25)
    assert [time for time, _ in frames_of(path)] == pytest.approx([index / 25 for index in range(30)], abs=1e-3)


@pytest.mark.parametrize("recoverable", [True, False])
def test_pictures_keep_their_own_times(tmp_path: Path, recoverable: bool) -> None:
    times = [5.0, 5.04, 5.5, 5.5, 7.25]
    with AnnotatedVideo(tmp_path / "out.mp4", 25, recoverable=recoverable) as video:
        for time_s in times:
            video.write(result(time_s=time_s))
    assert [time for time, _ in frames_of(tmp_path / "out.mp4")] == pytest.approx([0, 0.04, 0.5, 0.5, 2.25], abs=1e-3)


def test_without_recovery_the_index_comes_first(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "out.mp4", 25, recoverable=False) as video:
        video.write(result())
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_frame_of_another_size_is_fitted_in(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "out.mp4", 25) as video:
        video.write(result(width=160, height=120))
        video.write(result(width=100, height=200, time_s=0.04))
    assert [size for _, size in frames_of(tmp_path / "out.mp4")] == [(160, 120), (160, 120)]


def test_fitting_keeps_the_shape_between_black_bars() -> None:
    fitted = fit(np.full((50, 100, 3), 200, np.uint8), 100, 100)
    assert (fitted[25:75] == 200).all()
    assert not fitted[:25].any()
    assert not fitted[75:].any()


def test_an_odd_edge_is_doubled() -> None:
    image = np.random.default_rng(0).integers(0, 256, (21, 31, 3), np.uint8)
    fitted = fit(image, 32, 22)
    np.testing.assert_array_equal(fitted[:21, :31], image)
    np.testing.assert_array_equal(fitted[21], fitted[20])


def test_a_tiny_picture_becomes_a_video(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "out.mp4", 25) as video:
        video.write(result(width=1, height=1))
    assert len(frames_of(tmp_path / "out.mp4")) == 1


def test_no_frame_writes_no_file(tmp_path: Path) -> None:
    with AnnotatedVideo(tmp_path / "out.mp4", 25):
        pass
    assert not list(tmp_path.iterdir())


def test_colours_come_back(tmp_path: Path) -> None:
    """Red, green and blue survive: the conversion and the video's own word about it agree."""
    one = result(width=96, height=64)
    for part, colour in enumerate([(0, 0, 220), (0, 220, 0), (220, 0, 0)]):
        one.frame.image[:, part * 32 : part * 32 + 32] = colour
    with AnnotatedVideo(tmp_path / "out.mp4", 25) as video:
        video.write(one)
    with av.open(str(tmp_path / "out.mp4")) as container:
        (frame,) = container.decode(video=0)
        assert (frame.colorspace, frame.color_range) == (1, 1)
        back = frame.reformat(format="bgr24", src_colorspace="ITU709").to_ndarray()
    middles = back[32, 16::32].astype(int)
    np.testing.assert_allclose(middles, [(0, 0, 220), (0, 220, 0), (220, 0, 0)], atol=12)


def test_a_folder_that_is_not_there_is_a_sink_error(tmp_path: Path) -> None:
    with (
        AnnotatedVideo(tmp_path / "none" / "out.mp4", 25) as video,
        pytest.raises(SinkError, match="cannot be written"),
    ):
        video.write(result())


def test_a_full_disk_is_a_sink_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    video = AnnotatedVideo(tmp_path / "out.mp4", 10)
    with file_limit(100_000), pytest.raises(SinkError, match="writing stopped"), video:  # noqa: PT012
        for index in range(300):
            one = result(index=index, time_s=index / 10)
            one.frame.image[:] = rng.integers(0, 256, one.frame.image.shape)
            video.write(one)


@pytest.mark.parametrize("recoverable", [True, False])
def test_a_disk_without_a_byte_of_room_is_a_sink_error(recoverable: bool, tmp_path: Path) -> None:
    with (
        file_limit(0),
        AnnotatedVideo(tmp_path / "out.mp4", 25, recoverable=recoverable) as video,
        pytest.raises(SinkError, match="writing stopped"),
    ):
        video.write(result())


def test_a_killed_recording_can_be_played(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, time
        from mimik.sinks.video import AnnotatedVideo
        from tests.unit.sinks.samples import face, result
        with AnnotatedVideo(sys.argv[1], 25) as video:
            for index in range(400):
                video.write(result(face(), index=index, time_s=index / 25))
            print("ready", flush=True)
            time.sleep(60)
        """
    )
    path = tmp_path / "out.mp4"
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, cwd=root, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    assert len(frames_of(path)) >= 250


@pytest.mark.parametrize("name", ["şaşkın.jpg", "a.png"])
def test_a_picture_is_written_with_its_faces(tmp_path: Path, name: str) -> None:
    one = result(face())
    annotate_picture(one, tmp_path / name, "tr")
    back = cv2.imdecode(np.fromfile(tmp_path / name, np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    assert back.shape == one.frame.image.shape
    assert (np.abs(back.astype(int) - 127) > 60).any()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_hidden_face_is_hidden_in_the_picture(tmp_path: Path) -> None:
    one = result(face())
    one.frame.image[:] = np.random.default_rng(0).integers(0, 256, one.frame.image.shape)
    annotate_picture(one, tmp_path / "a.png", anonymise=True)
    back = cv2.imread(str(tmp_path / "a.png"))
    assert back is not None
    inside = back[50:100, 30:70].reshape(-1, 3)
    assert len(np.unique(inside, axis=0)) <= 16


def test_an_unknown_picture_format_is_a_sink_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"Use \.jpg or \.png"):
        annotate_picture(result(), tmp_path / "a.xyz")


def test_a_picture_that_cannot_be_written_is_a_sink_error(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="writing stopped"):
        annotate_picture(result(), tmp_path / "none" / "a.png")


def test_a_name_with_a_colon_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with AnnotatedVideo(Path("12:30.mp4"), fps=25) as video:
        video.write(result(face()))
    assert len(frames_of(tmp_path / "12:30.mp4")) == 1
