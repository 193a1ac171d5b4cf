"""The inputs: videos of one and of five faces, made from free pictures that come with the dependencies."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from mimik.sources import read_picture
from mimik.sources.portraits import EILEEN_COLLINS, GRACE_HOPPER
from mimik.types import Image

__all__ = ["FIVE", "FPS", "ONE", "Scene", "lengthened", "make_clip"]

FPS = 30
LOOP = 60
"""Frames after which the movement begins anew, so that clips of different lengths hold the same."""

_PAINT = (172, 166, 154)


@dataclass(frozen=True, slots=True)
class Scene:
    """Who is in a video, and where.

    Attributes:
        name: what files of it are called.
        size: width and height, pixels.
        portraits: file, left upper corner, scale, mirrored.
        faces: how many of them.
        composed: places (x, y, side) at which FER-2013 faces take a portrait's place where they are there.
    """

    name: str
    size: tuple[int, int]
    portraits: tuple[tuple[Path, tuple[int, int], float, bool], ...]
    composed: tuple[tuple[int, int, int], ...] = ()

    @property
    def faces(self) -> int:
        """People in every frame."""
        return len(self.portraits)


ONE = Scene("one", (640, 352), ((EILEEN_COLLINS, (70, 10), 1.0, False),))
"""Eileen Collins, her face about 130 pixels high."""

FIVE = Scene(
    "five",
    (1280, 720),
    (
        (EILEEN_COLLINS, (0, 30), 0.75, False),
        (GRACE_HOPPER, (420, 20), 0.5, False),
        (EILEEN_COLLINS, (760, 60), 0.7, True),
        (GRACE_HOPPER, (130, 410), 0.5, True),
        (EILEEN_COLLINS, (760, 400), 0.6, False),
    ),
    ((420, 20, 200), (150, 430, 190)),
)
"""Five faces 80 to 130 pixels high, two of them from FER-2013 where that is at hand."""


def make_clip(scene: Scene, frames: int, folder: Path) -> Path:
    """The video of a scene, ``NAME-WxH-FRAMES.mp4`` (H.264, 30 frames a second); made once."""
    folder.mkdir(parents=True, exist_ok=True)
    (width, height), faces = scene.size, _fer2013(len(scene.composed))
    name = f"{scene.name}{'-fer2013' if faces else ''}-{width}x{height}-{frames}.mp4"
    path = folder / name
    if path.exists():
        return path
    draft = path.with_suffix(".part.mp4")
    with av.open(str(draft), "w") as container:
        options = {"preset": "veryfast", "crf": "23", "g": str(LOOP)}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image in _pictures(scene, frames, faces):
            container.mux(stream.encode(VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    draft.replace(path)
    return path


def lengthened(clip: Path, frames: int) -> Path:
    """The clip again and again to at least so many frames, its pictures copied as they are; made once."""
    path = clip.with_name(f"{clip.stem.rsplit('-', 1)[0]}-{frames}-copied.mp4")
    if path.exists():
        return path
    draft = path.with_suffix(".part.mp4")
    with av.open(str(draft), "w") as container:
        stream, done = None, 0
        while done < frames:
            with av.open(str(clip)) as source:
                given = source.streams.video[0]
                if stream is None:
                    stream = container.add_stream_from_template(given)
                assert given.time_base
                for packet in source.demux(given):
                    if packet.pts is None or packet.dts is None:  # the end
                        continue
                    shift = round(done / FPS / given.time_base)
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    container.mux(packet)
                done += given.frames
    draft.replace(path)
    return path


def _pictures(scene: Scene, frames: int, faces: list[Image]) -> Iterator[Image]:
    """A hand-held camera before the wall: a loop of two seconds, with noise."""
    width, height = scene.size
    wall = _wall(scene, faces)
    noise = np.random.default_rng(0).normal(128, 2.0, (height + 64, width + 64, 3)).round().astype(np.uint8)
    for index in range(frames):
        phase = 2 * math.pi * (index % LOOP) / LOOP
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5 * math.sin(phase), 1 + 0.03 * math.sin(phase + 1))
        turn[:, 2] += np.array((0.02 * width * math.sin(phase), 0.02 * height * math.sin(2 * phase)))
        picture = cv2.warpAffine(wall, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
        left, upper = index * 37 % 64, index * 23 % 61
        grain = noise[upper : upper + height, left : left + width]
        yield np.asarray(cv2.addWeighted(picture, 1 + 0.05 * math.sin(phase), grain, 1.0, -128.0), np.uint8)


def _wall(scene: Scene, faces: list[Image]) -> Image:
    width, height = scene.size
    wall = np.full((height, width, 3), _PAINT, np.float32)
    places = scene.portraits
    if faces:  # they take the place of the portraits that lie there
        places = tuple(p for p in places if p[0] is not GRACE_HOPPER)
    for file, (x, y), scale, mirrored in places:
        portrait = cv2.resize(read_picture(file), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _hang(wall, np.asarray(portrait[:, ::-1] if mirrored else portrait, np.uint8), x, y)
    for face, (x, y, side) in zip(faces, scene.composed, strict=bool(faces)):
        _hang(wall, np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8), x, y)
    return wall.clip(0, 255).astype(np.uint8)


def _hang(wall: np.ndarray[tuple[int, ...], np.dtype[np.float32]], picture: Image, x: int, y: int) -> None:
    """Put a picture up, cut where the wall ends, its edges blurred into it."""
    h, w = min(picture.shape[0], wall.shape[0] - y), min(picture.shape[1], wall.shape[1] - x)
    mask = np.zeros((h, w), np.float32)
    mask[8 : h - 8, 8 : w - 8] = 1
    soft = cv2.GaussianBlur(mask, (0, 0), 4)[..., None]
    spot = wall[y : y + h, x : x + w]
    spot += soft * (picture[:h, :w].astype(np.float32) - spot)


def _fer2013(count: int) -> list[Image]:
    """The first happy faces of FER-2013's PublicTest, where ``MIMIK_FER2013`` names its file."""
    given = os.environ.get("MIMIK_FER2013")
    if not given or not count:
        return []
    from mimik.lab.data import read_parquet

    faces = read_parquet(Path(given))
    chosen = faces.images[(faces.usages == "PublicTest") & (faces.labels == 3)][:count]
    return [np.asarray(cv2.cvtColor(face, cv2.COLOR_GRAY2BGR), np.uint8) for face in chosen]
