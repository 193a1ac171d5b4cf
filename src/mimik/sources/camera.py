"""Cameras at this computer, through OpenCV."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import cv2

from mimik.errors import SourceError
from mimik.sources.reconnect import Reconnecting, Shot
from mimik.types import Notice

__all__ = ["Camera", "Capture"]

_log_level = threading.Lock()


class Capture(Protocol):
    """What is used of ``cv2.VideoCapture``."""

    def isOpened(self) -> bool: ...  # noqa: N802 (OpenCV's name)

    def set(self, property_id: int, value: float, /) -> bool: ...

    def read(self) -> tuple[bool, Any]: ...

    def release(self) -> None: ...


class Camera(Reconnecting):
    """A camera at this computer. One that vanishes while it runs is reopened as soon as it is back.

    Args:
        index: which camera, from 0.
        width: width to ask the camera for, in pixels; it may give another. None: the camera's own.
        height: the same for the height.
        notice: told when the camera is lost, and when it is back.
        capture: what opens a camera by its index; None: OpenCV.

    Raises:
        SourceError: there is no such camera, or another program has it.
    """

    def __init__(
        self,
        index: int = 0,
        *,
        width: int | None = None,
        height: int | None = None,
        notice: Notice | None = None,
        capture: Callable[[int], Capture] | None = None,
    ) -> None:
        self.index = index

        def connect() -> _Open:
            return _Open(index, width, height, capture or cv2.VideoCapture)

        super().__init__(f"camera {index}", connect(), connect, notice)


class _Open:
    """A camera that is open: a `mimik.sources.reconnect.Connection`."""

    def __init__(self, index: int, width: int | None, height: int | None, capture: Callable[[int], Capture]) -> None:
        self._index = index
        with _quiet():
            self._capture = capture(index)
            if not self._capture.isOpened():
                self._capture.release()
                raise SourceError(
                    "Camera {index} cannot be opened: there is none, or another program uses it. "
                    "`mimik doctor` lists the cameras; `mimik demo` needs none.",
                    index=index,
                )
            for property_id, value in ((cv2.CAP_PROP_FRAME_WIDTH, width), (cv2.CAP_PROP_FRAME_HEIGHT, height)):
                if value is not None:
                    self._capture.set(property_id, value)

    def read(self) -> Shot:
        good, image = self._capture.read()
        if not good or image is None:
            raise SourceError("Camera {index} gives no picture any more.", index=self._index)
        return Shot(image)

    def close(self) -> None:
        self._capture.release()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep OpenCV from writing to stderr how each of its back ends failed; the error that is raised says enough."""
    with _log_level:
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(level)
