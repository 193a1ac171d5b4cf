"""The errors that Mimik raises.

    MimikError
    ├── ConfigError      a setting or an argument cannot be used
    ├── SourceError      a camera, video, address or picture cannot be read
    ├── WeightsError     a model file is missing, changed or of another shape
    ├── DetectorError    a detector cannot be made or run
    ├── SinkError        a result cannot be written
    ├── DataError        a training or evaluation data set cannot be read
    ├── ServerError      a server of Mimik cannot be reached, or refuses
    └── StoreError       a session cannot be saved, found, read or deleted
        └── MissingError it is not, or no longer, there

Each message names what was wrong and what to do about it.
"""

__all__ = [
    "ConfigError",
    "DataError",
    "DetectorError",
    "MimikError",
    "MissingError",
    "ServerError",
    "SinkError",
    "SourceError",
    "StoreError",
    "WeightsError",
]


class MimikError(Exception):
    """Any error that Mimik raises on purpose.

    Args:
        text: what was wrong and what to do, in English, with named places such as ``{path}``.
        values: what fills the places.

    Attributes:
        text: as given; also the key of its translation (`mimik.words.translate`).
        values: as given.
    """

    def __init__(self, text: str, /, **values: object) -> None:
        super().__init__(text.format(**values) if values else text)
        self.text = text
        self.values = values


class ConfigError(MimikError):
    """A setting or an argument cannot be used."""


class SourceError(MimikError):
    """A camera, video, address or picture cannot be read."""


class WeightsError(MimikError):
    """A model file is missing, changed or of another shape than its record says."""


class DetectorError(MimikError):
    """A detector cannot be made or run."""


class SinkError(MimikError):
    """A result cannot be written."""


class DataError(MimikError):
    """A training or evaluation data set cannot be read."""


class StoreError(MimikError):
    """A session cannot be saved, found, read or deleted."""


class MissingError(StoreError):
    """A session, marker or job is not, or no longer, there."""


class ServerError(MimikError):
    """A server of Mimik cannot be reached, or refuses what `mimik.Client` asked.

    Attributes:
        status: of its answer in HTTP, or None where there was none.
    """

    status: int | None = None
