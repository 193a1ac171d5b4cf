"""A video file may lead nowhere: not to other files, not to addresses; and it may not be larger than it says."""

from __future__ import annotations

import urllib.request
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mimik.errors import SourceError
from mimik.sources import VideoFile
from tests.media import numbered, numbered_frames, write_video
from tests.traps import listening, traps, watching


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that is good to play, in a name that playlists may use."""
    path = tmp_path_factory.mktemp("traps") / "canary.ts"
    return write_video(path, numbered_frames(10, 160, 96), 25, format="mpegts")


def test_playlists_are_refused_and_open_nothing(canary: Path) -> None:
    """Whatever they are called: FFmpeg goes by what is in them."""
    with listening(canary.read_bytes()) as (address, asked), watching(canary) as watch:
        for number, (kind, content) in enumerate(traps(canary, address).items()):
            for suffix in ("", ".mp4", ".m3u8", ".ffconcat", ".mpd", ".sdp"):
                path = canary.with_name(f"trap{number}{suffix}")
                path.write_bytes(content)
                with pytest.raises(SourceError, match=r"not a video|without a single frame"):
                    list(VideoFile(path))
                assert not watch.noticed(), f"{kind}{suffix} made the canary be read"
                assert asked == [], f"{kind}{suffix} made an address be opened"


def test_the_watch_notices_and_ffmpeg_would_open_them(canary: Path) -> None:
    """Else the test above could not fail."""
    playlist = canary.with_name("playlist")
    playlist.write_text(f"ffconcat version 1.0\nfile {canary.name}\n", encoding="utf-8")
    with watching(canary) as watch:
        assert not watch.noticed()
        with av.open(str(playlist)) as container:
            assert container.format.name == "concat"
        assert watch.noticed()
    with listening(b"x") as (address, asked):
        with urllib.request.urlopen(f"{address}/a") as answer:
            answer.read()
        assert asked == ["/a"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".mov", ".webm", ".ts", ".mpg", ".flv", ".3gp"])
def test_videos_are_still_read(tmp_path: Path, suffix: str) -> None:
    codecs = {".webm": "libvpx-vp9", ".mpg": "mpeg2video", ".flv": "flv"}
    path = tmp_path / f"film{suffix}"
    write_video(path, numbered_frames(10, 176, 144), 25, codec=codecs.get(suffix, "libx264"))
    (tmp_path / "film").write_bytes(path.read_bytes())
    assert len(list(VideoFile(path))) == len(list(VideoFile(tmp_path / "film"))) == 10


def _grows(path: Path, side: int) -> Path:
    """A film whose second frame is a square far larger than the file says that its frames are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=1)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb24"
        first = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        first.pts = 0
        container.mux(stream.encode(first))
        good, data = cv2.imencode(".png", np.zeros((side, side, 3), np.uint8))
        assert good
        packet = av.Packet(data.tobytes())
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 1, 1, Fraction(1, 1)
        packet.is_keyframe = True
        container.mux(packet)
    return path


def test_a_frame_that_is_larger_than_the_file_says_is_not_decoded(tmp_path: Path) -> None:
    """200 kB of file that would be 190 MB of picture."""
    bomb = _grows(tmp_path / "bomb.avi", 8000)
    assert bomb.stat().st_size < 300_000
    video = VideoFile(bomb, megapixels=25)
    assert {frame.image.shape for frame in video} <= {(64, 64, 3)}
    assert video.damaged is not None
    assert len(list(VideoFile(_grows(tmp_path / "small.avi", 128), megapixels=25))) == 2


def test_a_first_frame_that_is_too_large_is_no_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [numbered(1, 640, 480)])
    with pytest.raises(SourceError, match="megapixels"):
        VideoFile(path, megapixels=0.1)
