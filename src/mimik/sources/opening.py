"""From what people type to sources and files."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from mimik.errors import SourceError
from mimik.sources.camera import Camera
from mimik.sources.demo import Demo
from mimik.sources.network import NetworkStream
from mimik.sources.pictures import PICTURE_SUFFIXES, Pictures, is_picture, list_folder, natural_order
from mimik.sources.video import VideoFile
from mimik.types import Notice, Source

__all__ = ["VIDEO_SUFFIXES", "expand_inputs", "is_camera_number", "open_source"]

VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm", ".ogv", ".wmv", ".flv"),
        *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".mjpeg", ".mjpg"),
    }
)


def is_camera_number(spec: str) -> bool:
    """Whether SOURCE is the number of one of this machine's cameras."""
    return spec.isascii() and spec.isdigit() and len(spec) <= 3


def open_source(spec: str, *, notice: Notice | None = None) -> Source:
    """Open what SOURCE names on the command line.

    Args:
        spec: ``demo``, a camera's number, an RTSP or HTTP address, a folder of pictures, a picture or a video file.
        notice: told of trouble that the source mends itself.

    Raises:
        SourceError: it is none of these, or cannot be opened.
    """
    if spec == "demo":
        return Demo()
    if is_camera_number(spec):
        return Camera(int(spec), notice=notice)
    if "://" in spec:
        return NetworkStream(spec, notice=notice)
    path = Path(spec).expanduser()
    if not os.path.lexists(path):
        raise SourceError(
            "{source}: there is no such thing. SOURCE may be demo, a camera's number such as 0, an rtsp:// or http:// "
            "address, a video file, a picture or a folder of pictures.",
            source=spec,
        )
    if os.path.isdir(path) or is_picture(path):
        return Pictures(path, notice=notice)
    return VideoFile(path, notice=notice)


def expand_inputs(inputs: Sequence[str]) -> list[Path]:
    """The files that a batch is to read: folders and patterns taken apart, in natural order, none twice.

    Args:
        inputs: files, folders (pictures and videos directly in them) and patterns such as ``clips/*.mp4``, which not
            every shell takes apart.

    Returns:
        Files. A path that does not exist, a pattern that nothing fits and a folder that is empty or cannot be read stay
        as they are, for the caller to report when they fail to open.
    """
    found: dict[str, Path] = {}
    for given in inputs:
        path = Path(given).expanduser()
        fitting = [path]
        if not os.path.lexists(path) and glob.has_magic(given):
            fitting = sorted(map(Path, glob.glob(str(path), recursive=True)), key=natural_order) or fitting
        for fit in fitting:
            for file in _contents(fit):
                found.setdefault(os.path.abspath(file), file)
    return list(found.values())


def _contents(path: Path) -> list[Path]:
    if not os.path.isdir(path):
        return [path]
    try:
        return list_folder(path, PICTURE_SUFFIXES | VIDEO_SUFFIXES) or [path]
    except SourceError:
        return [path]
