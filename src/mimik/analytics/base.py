"""What every result is made of: plain JSON, cautions, estimates."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Caution", "Estimate", "Result", "plain", "say"]


def plain(value: Any) -> Any:
    """The value as JSON knows it: dictionaries, lists, strings, numbers and None; NaN and infinities become None."""
    if isinstance(value, Caution):
        return {"text": value.text, "values": plain(value.values)}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


class Result:
    """A result that can become JSON."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields by their names, ready for `json.dumps`."""
        return dict(plain(self))


class Caution(NamedTuple):
    """Something to know before the figures are believed: an English template (its own key of translation), values."""

    text: str
    values: dict[str, object]


def say(text: str, /, **values: object) -> Caution:
    """A caution; the name lets the test of the words find the template."""
    return Caution(text, values)


@dataclass(frozen=True, slots=True)
class Estimate(Result):
    """A mean with its 95 % interval; all None where nothing was read, the interval None where it cannot be told."""

    value: float | None
    low: float | None = None
    high: float | None = None
