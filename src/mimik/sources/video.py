"""Video files, through PyAV."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mimik.errors import SourceError
from mimik.sources.decoding import Colours, DecodedPicture, Timeline, picture_stream
from mimik.sources.notices import tell
from mimik.sources.pictures import MEGAPIXELS
from mimik.types import Frame, Notice, SourceKind

__all__ = ["VideoFile"]

_RECORDED = ("com.apple.quicktime.creationdate", "creation_time", "date")
"""Where files say when they were made, the most exact first."""
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # clocks that were never set begin in 1904 or 1970

# The containers that are read, by FFmpeg's names. It knows more and asks each whether a file is its own, before
# anything says that this is no video: lists of other files and addresses (hls, dash, concat, sdp, imf), which it would
# open, pictures, text as a terminal's screen. Those never get to see a file.
_CONTAINERS = ",".join(
    (
        *(
            "mov",
            "matroska",
            "avi",
            "mpegts",
            "mpeg",
            "asf",
            "flv",
            "ogg",
            "mxf",
            "gxf",
            "nut",
            "rm",
            "dv",
            "wtv",
            "nsv",
        ),
        *("dhav", "ivf", "mjpeg", "mpjpeg", "mpegvideo", "m4v", "h263", "h264", "hevc", "vvc", "vc1", "av1", "obu"),
        *("yuv4mpegpipe", "gif", "apng"),
    )
)


class VideoFile:
    """A video file: every frame, in order, at its own time, upright. Memory does not grow with its length.

    Args:
        path: the file, in any format that FFmpeg reads.
        start: index of the first frame to give; indices and times are those of a run from the beginning.
        megapixels: the most that a frame may have; a larger one is not decoded.
        notice: told when the file turns out to be damaged.

    Attributes:
        path: as given.
        name: the same as text.
        damaged: what is wrong with the file, None as far as it is known to be whole; final after the iteration.

    Raises:
        SourceError: the file does not exist, cannot be read, is no video or has no frames.
    """

    kind = SourceKind.VIDEO

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        start: int = 0,
        notice: Notice | None = None,
        megapixels: float = MEGAPIXELS,
    ) -> None:
        self.path = Path(path)
        self.name = str(self.path)
        self.damaged: str | None = None
        self._start = start
        # A frame may be larger than the file says; FFmpeg looks at this before it makes room for one.
        self._bounds = {"max_pixels": str(int(megapixels * 1_000_000))}
        self._notice = notice
        self._closed = False
        self._iterated = False
        with self._open() as container:
            stream = picture_stream(container)
            if stream is None:
                raise self._no_video("no video stream")
            if stream.width * stream.height > megapixels * 1_000_000:
                raise SourceError(
                    "{path}: more than {megapixels} megapixels, which is too many. Shrink it.",
                    path=self.path,
                    megapixels=f"{megapixels:g}",
                )
            rate = stream.average_rate or stream.guessed_rate
            self._fps = float(rate) if rate else None
            self._duration_s = _duration(stream) or (container.duration or 0) / av.time_base or None
            self._frames = stream.frames or None
            told = _recorded_at({**stream.metadata, **container.metadata})
            self._recorded_at = told or self._changed_at() - timedelta(seconds=self._duration_s or 0.0)
            if next(self._decode(container, Timeline(stream)), None) is None:
                raise self._no_frame()
        self.damaged = None

    @property
    def fps(self) -> float | None:
        """Average frames a second, as far as the file says."""
        return self._fps

    @property
    def duration_s(self) -> float | None:
        """Length in seconds, as far as the file says."""
        return self._duration_s

    @property
    def recorded_at(self) -> datetime:
        """When it begins, with a time zone: as cameras and phones write it into the file.

        Else by when the file was last changed, which a camera does as it ends; a copy's may be later.
        """
        return self._recorded_at

    @property
    def frame_count(self) -> int | None:
        """How many frames there are, by what the file says: exact in some formats, an estimate in others."""
        if self._frames is None and self._fps and self._duration_s:
            return max(1, round(self._fps * self._duration_s))
        return self._frames

    def __iter__(self) -> Iterator[Frame]:
        """The frames from `start` on.

        Raises:
            SourceError: the file vanished, or was iterated before.
        """
        if self._iterated:
            raise SourceError("{source}: was read already. Open it again.", source=self.name)
        self._iterated = True
        with self._open() as container:
            stream = picture_stream(container)
            if stream is None:
                raise self._no_video("no video stream")
            stream.thread_type = "AUTO"
            colours, end = Colours(), 0.0
            for index, (time_s, frame) in enumerate(self._decode(container, Timeline(stream))):
                if self._closed:
                    return
                end = time_s + (float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0)
                if index >= self._start:
                    yield Frame(DecodedPicture(frame, colours), index, time_s, time.perf_counter(), self.name)
            if (shortfall := self._shortfall(stream, end)) is not None:
                self._note(shortfall)
        if self.damaged is not None:
            tell(
                self._notice,
                "{source}: damaged ({detail}). What could be read of it was read.",
                source=self.name,
                detail=self.damaged,
            )

    def close(self) -> None:
        """End the iteration before its next frame."""
        self._closed = True

    def _decode(self, container: InputContainer, timeline: Timeline) -> Iterator[tuple[float, VideoFrame]]:
        """Frames and their times, up to the end or to where nothing can be read any more; notes damage."""
        packets = container.demux(timeline.stream)
        while True:
            try:
                packet = next(packets, None)
            except (OSError, ValueError, av.FFmpegError) as error:
                self._note(_text(error))
                packet = None
            try:
                # None hands out what the decoder still holds back, which it has done already at an orderly end.
                frames = timeline.stream.decode(packet)
            except av.EOFError:
                frames = []
            except (ValueError, av.FFmpegError) as error:
                self._note(_text(error))  # a later key frame may mend it
                frames = []
            for frame in frames:
                yield timeline.time(frame), frame
            if packet is None:
                return
            if packet.is_corrupt:
                self._note("cut short")

    @staticmethod
    def _shortfall(stream: VideoStream, end_s: float) -> str | None:
        """What to say of a file that ends before its time; None where it does not.

        Some formats end without an error where they are cut short: their own length gives it away.
        """
        promised = _duration(stream)
        if promised is None or end_s >= promised - max(1.0, 0.02 * promised):
            return None
        return f"ends after {end_s:.1f} s of {promised:.1f} s"

    def _note(self, damage: str) -> None:
        self.damaged = self.damaged or damage

    def _open(self) -> InputContainer:
        try:
            with self.path.open("rb") as file:
                empty = not file.read(1)
        except FileNotFoundError:
            raise SourceError("{path}: there is no such file.", path=self.path) from None
        except OSError as error:
            raise SourceError("{path}: cannot be opened ({detail}).", path=self.path, detail=error.strerror) from error
        if empty:
            raise SourceError("{path}: the file is empty.", path=self.path)
        try:
            # An absolute path is never taken for an address, and the file may not lead to other files or addresses.
            container = av.open(
                str(self.path.absolute()),
                options=self._bounds,
                container_options={"protocol_whitelist": "file", "format_whitelist": _CONTAINERS},
            )
        except av.EOFError:
            raise self._no_frame() from None
        except av.ArgumentError as error:  # what it says of a format that is not on the list
            raise self._no_video("no video format") from error
        except (OSError, ValueError, av.FFmpegError) as error:
            raise self._no_video(_text(error)) from error
        for stream in container.streams.video:
            if stream.codec_context is not None:
                stream.codec_context.options = dict(self._bounds)
        return container

    def _changed_at(self) -> datetime:
        try:
            return datetime.fromtimestamp(self.path.stat().st_mtime, UTC).astimezone()
        except (OSError, OverflowError, ValueError):  # gone, or an impossible date
            return datetime.now(UTC).astimezone()

    def _no_video(self, detail: str) -> SourceError:
        return SourceError(
            "{path}: not a video that can be read, or cut short ({detail}). Give a video file such as MP4.",
            path=self.path,
            detail=detail,
        )

    def _no_frame(self) -> SourceError:
        return SourceError("{path}: a video without a single frame that can be read.", path=self.path)


def _recorded_at(tags: dict[str, str]) -> datetime | None:
    for name in _RECORDED:
        text = tags.get(name, "")
        try:
            made = datetime.fromisoformat(text)
            local = made.astimezone()
        except (ValueError, OverflowError, OSError):
            continue
        if "T" in text and _EARLIEST < local < datetime.now(UTC) + timedelta(days=1):
            # Apple's tells the zone of the place, the others are in UTC.
            return made if name == _RECORDED[0] and made.tzinfo is not None else local
    return None


def _text(error: Exception) -> str:
    """FFmpeg's words without its numbers."""
    return getattr(error, "strerror", None) or str(error)


def _duration(stream: VideoStream) -> float | None:
    """The pictures' own length in seconds, which is not the sound's; None where the file does not say."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))  # Matroska's way
    if not tag:
        return None
    # It tells when the pictures end, which may begin late.
    begin_s = float((stream.start_time or 0) * stream.time_base) if stream.time_base else 0.0
    return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3]) - begin_s
