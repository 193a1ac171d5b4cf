"""Settings: defaults, overridden by ``MIMIK_*`` environment variables, overridden by arguments."""

from __future__ import annotations

import os
from typing import Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from mimik.errors import ConfigError

__all__ = ["Environment", "Settings", "usable_cores"]


def usable_cores() -> int:
    """Processor cores that this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Environment(BaseSettings):
    """Values that ``MIMIK_*`` environment variables may change. Each field is such a variable."""

    @classmethod
    def read(cls, **given: object) -> Self:
        """The environment's values, with what is given instead.

        Raises:
            ConfigError: one of them is out of its bounds or of another type.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            raise ConfigError(
                "The setting {name} cannot be {value}: {detail}. "
                "It is set by an option or by {variable} in the environment.",
                name=name,
                value=repr(first.get("input")),
                detail=first["msg"],
                variable=f"{cls.model_config['env_prefix']}{name.upper()}",
            ) from error


class Settings(Environment):
    """What a pipeline is built from. Each field is also an environment variable, such as ``MIMIK_DETECTOR``."""

    model_config = SettingsConfigDict(env_prefix="MIMIK_", extra="forbid", frozen=True)

    detector: str = Field(default="centerface", description="A detector's name, or the path of a detector's ONNX file.")
    detector_threshold: float | None = Field(
        default=None, gt=0, lt=1, description="Least score of a face; the detector's own where absent."
    )
    detector_side: int | None = Field(
        default=None,
        ge=64,
        le=4096,
        description="Shrink pictures to this long side, in pixels, before detection; none: never.",
    )
    search_s: float = Field(
        default=0.5,
        ge=0,
        le=60,
        description="How often whole frames of videos and cameras are searched for faces, seconds; between, known "
        "faces are moved on. 0: every frame.",
    )
    classifier: str = Field(default="default", description="A shipped model's name, or the path of a model record.")
    threads: int = Field(default=0, ge=0, le=256, description="Threads a network may use; 0: one a processor core.")
    smoothing_s: float = Field(
        default=0.4, ge=0, le=60, description="Time constant of smoothing by person, seconds; 0: none."
    )
    switch_margin: float = Field(
        default=0.08, ge=0, le=1, description="How far another expression must lead before the shown label changes."
    )
    smallest_face: int = Field(default=28, ge=8, le=2000, description="Faces lower than this, in pixels, are withheld.")
    attributes: bool = Field(
        default=False, description="Also estimate age range and gender (needs the extra ``attributes``)."
    )
