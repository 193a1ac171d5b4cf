"""Video files: every frame, upright, at its own time; a clear word where there is none."""

import gc
import os
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mimik.errors import SourceError
from mimik.sources import VideoFile
from mimik.types import Image, Source, SourceKind
from tests.media import number_of, numbered, numbered_frames, truncate, write_video

FAST = {"preset": "ultrafast"}


def numbers(video: VideoFile) -> list[int]:
    return [number_of(frame.image) for frame in video]


def test_every_frame_in_order_at_its_time(tmp_path: Path) -> None:
    video = VideoFile(write_video(tmp_path / "a.mp4", numbered_frames(60), fps=25))
    frames = list(video)
    assert isinstance(video, Source)
    assert video.kind is SourceKind.VIDEO
    assert [number_of(frame.image) for frame in frames] == list(range(60))
    assert [frame.index for frame in frames] == list(range(60))
    assert [frame.time_s for frame in frames] == pytest.approx([i / 25 for i in range(60)])
    assert {frame.source for frame in frames} == {str(tmp_path / "a.mp4")}
    assert all(a.captured_s < b.captured_s for a, b in pairwise(frames))
    assert video.fps == 25
    assert video.frame_count == 60
    assert video.duration_s == pytest.approx(2.4)
    assert video.damaged is None


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_file_tells_when_it_was_recorded(tmp_path: Path, suffix: str) -> None:
    tags = {"creation_time": "2024-03-02T09:30:00.000000Z"}
    video = VideoFile(write_video(tmp_path / f"v{suffix}", numbered_frames(5), tags=tags))
    assert video.recorded_at == datetime(2024, 3, 2, 9, 30, tzinfo=UTC)
    assert video.recorded_at.utcoffset() == video.recorded_at.astimezone().utcoffset()  # hours are this place's


def test_a_phones_own_time_zone_is_kept(tmp_path: Path) -> None:
    tags = {"com.apple.quicktime.creationdate": "2024-03-02T23:30:00+0300", "creation_time": "2024-03-02T20:31:00Z"}
    path = write_video(
        tmp_path / "v.mov", numbered_frames(5), tags=tags, container_options={"movflags": "use_metadata_tags"}
    )
    assert VideoFile(path).recorded_at.isoformat() == "2024-03-02T23:30:00+03:00"


@pytest.mark.parametrize("told", ["", "1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "\x01?"])
def test_else_it_was_recorded_up_to_its_last_change(tmp_path: Path, told: str) -> None:
    path = write_video(tmp_path / "v.mkv", numbered_frames(50), fps=25, tags={"creation_time": told})
    changed = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    os.utime(path, (changed.timestamp(), changed.timestamp()))
    assert abs(VideoFile(path).recorded_at - changed + timedelta(seconds=2)) < timedelta(seconds=0.1)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_variable_frame_rate_is_respected(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.1, 0.5, 0.533, 2.0, 2.01]
    video = VideoFile(write_video(tmp_path / f"v{suffix}", numbered_frames(6), times=times))
    assert [frame.time_s for frame in video] == pytest.approx(times, abs=0.002)


def test_times_start_at_zero_wherever_the_file_starts(tmp_path: Path) -> None:
    video = VideoFile(write_video(tmp_path / "v.ts", numbered_frames(5)))
    assert [frame.time_s for frame in video] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_missing_time_stamps_fall_back_to_the_average_rate(tmp_path: Path) -> None:
    video = VideoFile(write_video(tmp_path / "v.h264", numbered_frames(5), fps=10))
    times = [frame.time_s for frame in video]
    assert len(times) == 5
    assert times[0] == 0
    assert all(a < b for a, b in pairwise(times))


def corner(image: Image) -> str:
    """Where the white corner is."""
    height, width = image.shape[:2]
    corners = {
        "left upper": image[:8, :8],
        "right upper": image[:8, width - 8 :],
        "left lower": image[height - 8 :, :8],
        "right lower": image[height - 8 :, width - 8 :],
    }
    return max(corners, key=lambda name: float(corners[name].mean()))


@pytest.mark.parametrize(
    ("rotation", "mirrored", "expected", "shape"),
    [
        (0, False, "left upper", (48, 64)),
        (90, False, "left lower", (64, 48)),  # counter-clockwise
        (-90, False, "right upper", (64, 48)),
        (180, False, "right lower", (48, 64)),
        (0, True, "right upper", (48, 64)),
    ],
)
def test_frames_are_upright(
    tmp_path: Path, rotation: int, mirrored: bool, expected: str, shape: tuple[int, int]
) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:16, :16] = 255
    path = write_video(tmp_path / "r.mp4", [picture] * 2, rotation=rotation, mirrored=mirrored)
    for frame in VideoFile(path):
        assert frame.image.shape == (*shape, 3)
        assert corner(frame.image) == expected
        assert frame.image.flags.c_contiguous


def test_colours_are_bgr(tmp_path: Path) -> None:
    blue = np.zeros((48, 64, 3), np.uint8)
    blue[..., 0] = 200
    frame = next(iter(VideoFile(write_video(tmp_path / "b.mp4", [blue]))))
    assert frame.image[24, 32, 0] > 150
    assert frame.image[24, 32, 2] < 50


@pytest.mark.parametrize("audio", [False, True])
def test_one_frame_with_and_without_sound(tmp_path: Path, audio: bool) -> None:
    assert numbers(VideoFile(write_video(tmp_path / "1.mp4", [numbered(7)], audio=audio))) == [7]


@given(start=st.integers(0, 25))
@settings(max_examples=8, deadline=None)
def test_resuming_gives_what_an_uninterrupted_run_gives(tmp_path_factory: pytest.TempPathFactory, start: int) -> None:
    path = tmp_path_factory.getbasetemp() / "resume.mp4"
    if not path.exists():
        write_video(path, numbered_frames(20), times=[i * i / 100 for i in range(20)])
    whole, rest = list(VideoFile(path)), list(VideoFile(path, start=start))
    assert [(f.index, f.time_s) for f in rest] == [(f.index, f.time_s) for f in whole[start:]]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(whole[start:], rest, strict=True))


@pytest.mark.parametrize(
    ("name", "container_options"),
    [("t.mp4", {"movflags": "faststart"}), ("t.mkv", {}), ("t.avi", {})],
)
def test_a_truncated_video_gives_its_frames_and_says_so(
    tmp_path: Path, name: str, container_options: dict[str, str]
) -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(100)]
    path = write_video(tmp_path / name, noise, options=FAST, container_options=container_options)
    assert VideoFile(path).damaged is None
    notices: list[str] = []
    video = VideoFile(truncate(path, 0.5), notice=lambda text, values: notices.append(text.format(**values)))
    assert 40 <= len(list(video)) <= 51
    assert video.damaged
    assert notices == [f"{path}: damaged ({video.damaged}). What could be read of it was read."]


def test_damage_in_the_middle_does_not_end_the_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "m.mkv", numbered_frames(60), options={**FAST, "g": "10"})
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    path.write_bytes(data)
    video = VideoFile(path)
    assert numbers(video)[-1] == 59


@pytest.mark.parametrize("name", ["zero.avi", "zero.mkv", "zero.mp4"])
def test_zero_frames(tmp_path: Path, name: str) -> None:
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(SourceError, match=r"without a single frame|no video stream"):
        VideoFile(tmp_path / name)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("not a video" * 100)
    with pytest.raises(SourceError, match="not a video that can be read"):
        VideoFile(text)
    (tmp_path / "notes.txt").write_text("FFmpeg would draw this as a terminal's screen")
    with pytest.raises(SourceError, match="not a video that can be read"):
        VideoFile(tmp_path / "notes.txt")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match="the file is empty"):
        VideoFile(tmp_path / "empty.mp4")
    with pytest.raises(SourceError, match="no such file"):
        VideoFile(tmp_path / "missing.mp4")
    with pytest.raises(SourceError, match="cannot be opened"):
        VideoFile(tmp_path)
    whole = write_video(tmp_path / "index-at-the-end.mp4", numbered_frames(10))
    with pytest.raises(SourceError, match="cut short"):
        VideoFile(truncate(whole, 0.5))


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "sound.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        assert isinstance(stream, av.AudioStream)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        samples.sample_rate, samples.pts = 44100, 0
        container.mux(stream.encode(samples))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match="no video stream"):
        VideoFile(path)


def test_a_playlist_leads_nowhere_else(tmp_path: Path) -> None:
    write_video(tmp_path / "a.ts", numbered_frames(5))
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.2,\na.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError, match="not a video"):
        VideoFile(tmp_path / "list.m3u8")


def test_a_name_with_a_colon_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "ok.mp4", numbered_frames(3)).rename(tmp_path / "http:x.mp4")
    monkeypatch.chdir(tmp_path)
    assert numbers(VideoFile("http:x.mp4")) == [0, 1, 2]


def test_a_matroska_file_whose_pictures_begin_late_is_whole(tmp_path: Path) -> None:
    """As of `ffmpeg -c copy`, which drops what comes before the first key frame: it tells when the pictures end."""
    with av.open(str(tmp_path / "late.mkv"), "w") as late:
        stream = late.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(100):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="bgr24")
            frame.pts, frame.time_base = 250 + number, Fraction(1, 25)
            late.mux(stream.encode(frame))
        late.mux(stream.encode(None))
    video = VideoFile(tmp_path / "late.mkv")
    assert len(list(video)) == 100
    assert video.damaged is None
    assert video.duration_s == pytest.approx(4, abs=0.1)


def test_too_many_pixels(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"more than 0\.01 megapixels"):
        VideoFile(write_video(tmp_path / "a.mp4", [numbered(1)]), megapixels=0.01)


def test_closing_ends_and_a_second_iteration_is_refused(tmp_path: Path) -> None:
    video = VideoFile(write_video(tmp_path / "a.mp4", numbered_frames(20)))
    seen = 0
    for _ in video:
        seen += 1
        video.close()
    assert seen == 1
    with pytest.raises(SourceError, match="was read already"):
        next(iter(video))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files the way of Linux")
def test_no_file_stays_open(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(20))
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        for _ in VideoFile(path):
            break
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
