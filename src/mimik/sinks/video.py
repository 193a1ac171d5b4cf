"""Pictures and videos with the results drawn in."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from mimik.errors import SinkError
from mimik.sinks.overlay import Anonymiser, Overlay
from mimik.sinks.whole import stopped, unwritable
from mimik.types import FrameResult, Image

__all__ = ["AnnotatedVideo", "annotate_picture"]

_CLOCK = 90_000
_KEY_EVERY_S = 2
_BT709 = 1


class AnnotatedVideo:
    """Writes a video with the results drawn in: H.264, 4:2:0, MP4, as browsers play it.

    Each picture is shown from its own time on, so variable frame rates and dropped frames keep their pace. The first
    frame sets the size (made even); others are fitted into it with black bars. Nothing is written before it. A context
    manager; it may be used once.

    Args:
        path: the file; an existing one is replaced.
        fps: about how many frames a second will come, for the encoder's planning.
        language: of the labels, ``en`` or ``tr``.
        anonymise: make faces unrecognisable under their boxes.
        recoverable: write in fragments, so that a killed process leaves a video that plays up to its last two seconds
            or so; completed, it is an ordinary MP4. Otherwise the index goes to the front, so that it plays
            while it still loads.
    """

    def __init__(
        self, path: Path | str, fps: float, language: str = "en", anonymise: bool = False, recoverable: bool = True
    ) -> None:
        self.path = Path(path)
        self._fps = Fraction(min(max(fps, 1.0), 240.0)).limit_denominator(1001)
        self._overlay = Overlay(language)
        self._anonymiser = Anonymiser() if anonymise else None
        self._recoverable = recoverable
        self._flags = "hybrid_fragmented" if recoverable else "faststart"
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._size = (0, 0)
        self._start_s = 0.0
        self._last_pts = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is None or self._stream is None:
            return
        container, self._container = self._container, None
        try:
            try:
                container.mux(self._stream.encode(None))
            finally:
                container.close()
        except OSError as broken:  # av.FFmpegError where the system refused
            raise stopped(self.path, broken) from broken

    def write(self, result: FrameResult) -> None:
        """Draw and write a frame. A frame no later than the one before is shown a moment after it.

        Raises:
            SinkError: the file cannot be written.
        """
        image = _drawn(result, self._overlay, self._anonymiser)
        if self._container is None:
            self._open(image, result.frame.time_s)
        assert self._container is not None
        assert self._stream is not None
        frame = av.VideoFrame.from_ndarray(fit(image, *self._size), format="bgr24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts = max(round((result.frame.time_s - self._start_s) * _CLOCK), self._last_pts + 1)
        frame.time_base = Fraction(1, _CLOCK)
        self._last_pts = frame.pts
        try:
            self._container.mux(self._stream.encode(frame))
        except OSError as error:
            raise stopped(self.path, error) from error

    def _open(self, image: Image, start_s: float) -> None:
        height, width = image.shape[:2]
        self._size = (max(16, width + width % 2), max(16, height + height % 2))
        self._start_s = start_s
        try:
            self.path.open("wb").close()  # FFmpeg would say only later that it cannot
            container = av.open(
                str(self.path.absolute()),  # a name with a colon is no protocol
                "w",
                format="mp4",
                options={"movflags": self._flags, "flush_packets": "1"},
            )
        except OSError as error:
            raise unwritable(self.path, error) from error
        # Fragments know no shift of time, which frames that refer to later ones would need.
        options = {"preset": "veryfast", "crf": "23"} | ({"bf": "0"} if self._recoverable else {})
        stream = container.add_stream("libx264", rate=self._fps, options=options)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, _CLOCK)
        context = stream.codec_context
        context.time_base = Fraction(1, _CLOCK)
        context.gop_size = max(1, round(self._fps * _KEY_EVERY_S))
        context.color_range, context.colorspace = ColorRange.MPEG, _BT709
        context.color_primaries, context.color_trc = _BT709, _BT709
        try:
            # Now, not with the first packet: FFmpeg crashes on a second attempt, which leaving would be.
            container.start_encoding()
        except OSError as error:
            raise stopped(self.path, error) from error
        self._container, self._stream = container, stream


def annotate_picture(result: FrameResult, path: Path | str, language: str = "en", anonymise: bool = False) -> None:
    """Write a result's picture with the results drawn in.

    Args:
        result: the picture and its faces.
        path: the file; its suffix, such as ``.jpg`` or ``.png``, says the format. An existing one is replaced.
        language: of the labels, ``en`` or ``tr``.
        anonymise: make faces unrecognisable under their boxes.

    Raises:
        SinkError: the file cannot be written.
    """
    path = Path(path)
    image = _drawn(result, Overlay(language), Anonymiser() if anonymise else None)
    options = [cv2.IMWRITE_JPEG_QUALITY, 92] if path.suffix.lower() in {".jpg", ".jpeg"} else []
    try:
        encoded, data = cv2.imencode(path.suffix, image, options)
    except cv2.error:
        encoded = False
    if not encoded:
        raise SinkError("{path}: not a picture format that can be written. Use .jpg or .png.", path=path)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data.tobytes())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise stopped(path, error) from error


def _drawn(result: FrameResult, overlay: Overlay, anonymiser: Anonymiser | None) -> Image:
    image = result.frame.image if anonymiser is None else anonymiser.hide(result)
    return overlay.draw_on(image, result.faces)


def fit(image: Image, width: int, height: int) -> Image:
    """A picture of a given size in pixels: as it is, with one edge line doubled, or scaled between black bars."""
    rows, columns = image.shape[:2]
    if (columns, rows) == (width, height):
        return image
    if 0 <= width - columns <= 1 and 0 <= height - rows <= 1:
        return np.pad(image, ((0, height - rows), (0, width - columns), (0, 0)), mode="edge")
    scale = min(width / columns, height / rows)
    inner = max(1, round(columns * scale)), max(1, round(rows * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.zeros((height, width, 3), np.uint8)
    x, y = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[y : y + inner[1], x : x + inner[0]] = cv2.resize(image, inner, interpolation=method)
    return canvas
