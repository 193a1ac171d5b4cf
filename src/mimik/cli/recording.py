"""Recording a live run: every captured frame, with what was known of it when it was shown."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from mimik.cli.terminal import Terminal
from mimik.errors import ConfigError, MimikError
from mimik.types import Frame, FrameResult, Sink, Source, SourceKind

__all__ = ["Recorder", "checked_path"]

_WAITING = 30


def checked_path(path: Path) -> Path:
    """The path of a recording, if one can be made there; said before a camera is opened.

    Raises:
        ConfigError: it is no MP4 file's name, or its folder cannot be written to.
    """
    if path.suffix.lower() != ".mp4":
        raise ConfigError("{path}: recordings are MP4 files. Give a name that ends in .mp4.", path=path)
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK) or path.is_dir():
        raise ConfigError("{path}: cannot be written. Choose a folder that exists and is yours.", path=path)
    return path


class Recorder:
    """A source that passes another's frames on and hands each to a sink, in a thread of its own.

    Of a live source each captured frame is written, at the camera's rate, with the newest reading known at its capture;
    where the encoder cannot follow, frames are left out. Of any other each read frame is written with its own reading.
    A sink that fails ends the recording and not the run. A context manager around the run.

    Args:
        source: what is recorded.
        sink: what takes the frames, such as `mimik.sinks.AnnotatedVideo`.
        terminal: told when the recording ends too early.

    Attributes:
        failed: whether the recording ended too early.
        written: frames written.
    """

    def __init__(self, source: Source, sink: Sink, terminal: Terminal) -> None:
        self.kind: SourceKind = source.kind
        self.name: str = source.name
        self.failed = False
        self.written = 0
        self._source = source
        self._sink = sink
        self._terminal = terminal
        self._newest: FrameResult | None = None
        self._left_out = 0
        self._queue: queue.Queue[FrameResult | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._write_all, name="mimik-record", daemon=True)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            if self.kind is SourceKind.LIVE:
                self._offer(frame)
            yield frame

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def read(self, result: FrameResult) -> None:
        """Take a frame's reading."""
        self._newest = result
        if self.kind is not SourceKind.LIVE and not self.failed:
            self._queue.put(result)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if self._left_out:
            self._terminal.warn(
                "The recording lacks {count} frames: this machine encodes too slowly.", count=self._left_out
            )

    def _offer(self, frame: Frame) -> None:
        if self.failed:
            return
        newest = self._newest
        try:
            self._queue.put_nowait(FrameResult(frame, () if newest is None else newest.faces, 0.0))
        except queue.Full:
            self._left_out += 1

    def _write_all(self) -> None:
        """Write until the run is over; after a failure only empty the queue, so that nobody waits for it."""
        coming = iter(self._queue.get, None)
        over = False
        try:
            with self._sink:
                for result in coming:
                    self._sink.write(result)
                    self.written += 1
                over = True
        except MimikError as error:
            self.failed = True
            self._terminal.warn(error.text, **error.values)
            if not over:
                self._terminal.warn("The recording ended here; the run goes on without it.")
        except BaseException:  # a defect, which Python reports as this thread ends
            self.failed = True
            raise
        finally:
            for _ in coming:  # nothing is left where the run was over
                pass
