"""From what people type to sources and files."""

from pathlib import Path

import cv2
import pytest

from mimik.errors import SourceError
from mimik.sources import Demo, Pictures, VideoFile, expand_inputs, open_source, opening
from tests.media import numbered, numbered_frames, write_video


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("10.png", "9.jpg", "b.JPG"):
        cv2.imwrite(str(tmp_path / name), numbered(1))
    write_video(tmp_path / "clip.mp4", numbered_frames(2))
    (tmp_path / "notes.txt").write_text("text")
    (tmp_path / "sub").mkdir()
    cv2.imwrite(str(tmp_path / "sub" / "deep.png"), numbered(1))
    return tmp_path


def test_open_source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_source("demo"), Demo)
    assert isinstance(open_source(str(folder)), Pictures)
    assert isinstance(open_source(str(folder / "9.jpg")), Pictures)
    assert isinstance(open_source(str(folder / "clip.mp4")), VideoFile)
    monkeypatch.setattr(opening, "Camera", lambda index, notice: ("camera", index))
    monkeypatch.setattr(opening, "NetworkStream", lambda url, notice: ("stream", url))
    opened: list[object] = [open_source("2"), open_source("rtsp://host/x")]
    assert opened == [("camera", 2), ("stream", "rtsp://host/x")]


def test_open_source_says_what_it_may_be(folder: Path) -> None:
    with pytest.raises(SourceError, match="SOURCE may be demo, a camera's number"):
        open_source("nonsense")
    with pytest.raises(SourceError, match="not a video"):
        open_source(str(folder / "notes.txt"))
    with pytest.raises(SourceError, match="address of the stream is not understood"):
        open_source("ftp://user:secret@host/x")


def names(files: list[Path]) -> list[str]:
    return [file.name for file in files]


def test_folders_give_their_own_pictures_and_videos(folder: Path) -> None:
    assert names(expand_inputs([str(folder)])) == ["9.jpg", "10.png", "b.JPG", "clip.mp4"]


def test_patterns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(expand_inputs([str(folder / "*.[jp][pn]g")])) == ["9.jpg", "10.png"]
    assert names(expand_inputs([str(folder / "**" / "*.png")])) == ["10.png", "deep.png"]
    monkeypatch.chdir(folder)
    assert expand_inputs(["9*"]) == [Path("9.jpg")]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder: Path) -> None:
    path = folder / "[9].jpg"
    path.touch()
    assert expand_inputs([str(path)]) == [path]


def test_nothing_twice_and_order_kept(folder: Path) -> None:
    given = [str(folder / "clip.mp4"), str(folder), str(folder / "sub" / ".." / "9.jpg"), str(folder / "*.jpg")]
    assert names(expand_inputs(given)) == ["clip.mp4", "9.jpg", "10.png", "b.JPG"]


def test_what_matches_nothing_is_kept(folder: Path) -> None:
    (folder / "empty").mkdir()
    given = [str(folder / "missing.jpg"), str(folder / "*.nothing"), str(folder / "empty")]
    assert [str(path) for path in expand_inputs(given)] == given
