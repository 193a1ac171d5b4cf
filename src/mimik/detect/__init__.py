"""Finding faces: detectors by name, or by the path of a user's own ONNX file.

detector = make_detector("centerface", side=480)
faces = detector.detect(image)
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from mimik.detect.centerface import CenterFace
from mimik.detect.following import FaceFinder
from mimik.detect.nearby import Nearby, Weighed
from mimik.detect.yunet import YuNet
from mimik.errors import ConfigError, DetectorError

__all__ = ["DETECTORS", "CenterFace", "DetectorMaker", "FaceFinder", "Nearby", "YuNet", "make_detector"]


class DetectorMaker(Protocol):
    """Makes a detector: see `make_detector` for the arguments."""

    def __call__(self, *, threshold: float | None, side: int | None, threads: int) -> Weighed: ...


DETECTORS: Mapping[str, DetectorMaker] = MappingProxyType(
    {"centerface": CenterFace, "centerface-fp16": partial(CenterFace, form="fp16")}
)
"""The detectors that need no file of the user's, by name."""


def make_detector(
    name_or_path: str, *, threshold: float | None = None, side: int | None = None, threads: int = 0
) -> Nearby:
    """Make a detector.

    Args:
        name_or_path: a name in `DETECTORS`, or the path of an ONNX file of YuNet.
        threshold: least score of a face, 0–1; None: the detector's own.
        side: shrink pictures to this long side, in pixels, before looking; None: look at them as they are.
        threads: threads the network may use; 0: one a processor core.

    Raises:
        ConfigError: there is neither a detector nor a file of this name.
        DetectorError: the file is not one that can be run.
        WeightsError: the weights of a named detector are missing or changed.
    """
    if name_or_path in DETECTORS:
        return Nearby(DETECTORS[name_or_path](threshold=threshold, side=side, threads=threads))
    path = Path(name_or_path).expanduser()
    if not path.is_file():
        raise ConfigError(
            "{name}: no detector and no file of this name. Detectors: {known}; or give an ONNX file of YuNet.",
            name=name_or_path,
            known=", ".join(DETECTORS),
        )
    try:
        model = path.read_bytes()
    except OSError as error:
        raise DetectorError(
            "{path}: the detector file cannot be read ({detail}).", path=path, detail=error.strerror
        ) from error
    return Nearby(YuNet(model, str(path), threshold=threshold, side=side, threads=threads))
