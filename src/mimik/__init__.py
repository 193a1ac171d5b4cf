"""Mimik reads facial expressions in real time: camera, video or picture → faces → seven expressions.

    from mimik import Camera, Pipeline

    pipeline = Pipeline.load()
    for result in pipeline.run(Camera(0)):
        for face in result.faces:
            print(face.track_id, face.emotions.top)

Names are loaded when first used, so that ``import mimik`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mimik.client import AsyncClient, Client
    from mimik.config import Settings
    from mimik.errors import (
        ConfigError,
        DataError,
        DetectorError,
        MimikError,
        ServerError,
        SinkError,
        SourceError,
        StoreError,
        WeightsError,
    )
    from mimik.pipeline import Pipeline, Stream
    from mimik.sources import Camera, NetworkStream, Pictures, VideoFile, open_source
    from mimik.types import (
        Box,
        Detection,
        Emotion,
        EmotionScores,
        Face,
        Frame,
        FrameResult,
        Quality,
        Reason,
        Source,
        SourceKind,
        State,
    )

_ROOMS = {
    "mimik.client": ("AsyncClient", "Client"),
    "mimik.config": ("Settings",),
    "mimik.errors": (
        "ConfigError",
        "DataError",
        "DetectorError",
        "MimikError",
        "ServerError",
        "SinkError",
        "SourceError",
        "StoreError",
        "WeightsError",
    ),
    "mimik.pipeline": ("Pipeline", "Stream"),
    "mimik.sources": ("Camera", "NetworkStream", "Pictures", "VideoFile", "open_source"),
    "mimik.types": (
        "Box",
        "Detection",
        "Emotion",
        "EmotionScores",
        "Face",
        "Frame",
        "FrameResult",
        "Quality",
        "Reason",
        "Source",
        "SourceKind",
        "State",
    ),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__version__ = "0.1.0"
__all__ = [
    "AsyncClient",
    "Box",
    "Camera",
    "Client",
    "ConfigError",
    "DataError",
    "Detection",
    "DetectorError",
    "Emotion",
    "EmotionScores",
    "Face",
    "Frame",
    "FrameResult",
    "MimikError",
    "NetworkStream",
    "Pictures",
    "Pipeline",
    "Quality",
    "Reason",
    "ServerError",
    "Settings",
    "SinkError",
    "Source",
    "SourceError",
    "SourceKind",
    "State",
    "StoreError",
    "Stream",
    "VideoFile",
    "WeightsError",
    "__version__",
    "open_source",
]


def __getattr__(name: str) -> object:
    if name not in _ROOM_OF:
        raise AttributeError(f"module 'mimik' has no attribute {name!r}")
    return getattr(import_module(_ROOM_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
