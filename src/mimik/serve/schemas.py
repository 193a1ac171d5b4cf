"""What the API takes and gives: bounded models for requests, plain JSON for answers."""

from __future__ import annotations

import dataclasses
import json
import math
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from mimik.serve.problems import ProblemError, invalid
from mimik.store.values import Draft, Job, Marker, MarkerKind, Purpose, Session

__all__ = [
    "BaselineIn",
    "DraftIn",
    "JobDraftIn",
    "MarkerIn",
    "MarkerPatch",
    "PauseIn",
    "PointIn",
    "RecordingIn",
    "SessionPatch",
    "draft_of",
    "job_json",
    "json_answer",
    "plain",
    "refuse_ages",
    "session_json",
    "to_text",
]

_YEARS_100 = 36_525
_WEEK_S = 7 * 86_400.0


def _readable(text: str) -> str:
    """Text that can be kept and shown: no control characters but line ends and tabs, no half characters."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\r\t" for letter in text):
        raise PydanticCustomError("unreadable", "control characters")
    return text.strip()


def _line(text: str) -> str:
    return " ".join(_readable(text).split())


def _some(text: str) -> str:
    if not text:
        raise PydanticCustomError("string_too_short", "empty")
    return text


_Line = Annotated[str, Field(max_length=200), AfterValidator(_line)]
_Text = Annotated[str, Field(max_length=4000), AfterValidator(_readable)]
_Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line), AfterValidator(_some)]
_Tag = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_line), AfterValidator(_some)]
_Tags = Annotated[tuple[_Tag, ...], Field(max_length=20)]
_RawDays = Annotated[int, Field(ge=0, le=_YEARS_100)]
_KeepDays = Annotated[int, Field(ge=1, le=_YEARS_100)]
_Seconds = Annotated[float, Field(ge=0, le=_WEEK_S * 53, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DraftIn(_Model):
    """What the user says of a session to come; see `mimik.store.Draft`."""

    title: _Title
    purpose: Purpose = Purpose.OTHER
    tags: _Tags = ()
    consent: _Text = ""
    ground: _Text = ""
    aggregate_only: bool = False
    raw_days: _RawDays | None = 30
    keep_days: _KeepDays | None = None


class RecordingIn(DraftIn):
    """A session to be recorded now.

    Attributes:
        clip: also keep a video in which every face that is found is made unrecognisable.
    """

    clip: bool = False


class JobDraftIn(DraftIn):
    """A session to be made of a video; without a title it is called as the video."""

    title: _Line = ""


class SessionPatch(_Model):
    """What of a session is to change: the fields that are given."""

    title: _Title = ""
    purpose: Purpose = Purpose.OTHER
    tags: _Tags = ()
    consent: _Text = ""
    ground: _Text = ""
    keep_days: _KeepDays | None = None
    raw_days: _RawDays | None = None

    @property
    def given(self) -> dict[str, Any]:
        """Those fields."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class PauseIn(_Model):
    """Whether the recording goes on."""

    state: Annotated[str, Field(pattern="^(paused|recording)$")]


class PointIn(_Model):
    """A marker set while it runs; without a label it gets a number."""

    label: _Line = ""


class BaselineIn(_Model):
    """Rest, from now on."""

    seconds: Annotated[float, Field(ge=1, le=600, allow_inf_nan=False)] = 10.0


class MarkerIn(_Model):
    """A marker set afterwards; see `mimik.store.Marker`."""

    time_s: _Seconds
    label: _Line = ""
    kind: MarkerKind = MarkerKind.POINT
    end_s: _Seconds | None = None

    def marker(self, id: int = 0) -> Marker:  # noqa: A002 (as in Marker)
        """As a value.

        Raises:
            ProblemError: it cannot be as it is.
        """
        return checked_marker(Marker(self.time_s, self.label, self.kind, self.end_s, id))


class MarkerPatch(_Model):
    """What of a marker is to change: the fields that are given."""

    time_s: _Seconds = 0.0
    label: _Line = ""
    kind: MarkerKind = MarkerKind.POINT
    end_s: _Seconds | None = None

    def of(self, marker: Marker) -> Marker:
        """The marker with the changes.

        Raises:
            ProblemError: it cannot be as it would be.
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return checked_marker(dataclasses.replace(marker, **given))


def checked_marker(marker: Marker) -> Marker:
    """The marker, if a user may set such a one.

    Raises:
        ProblemError: it cannot be as it is.
    """
    if marker.kind is MarkerKind.POINT and not marker.label:
        raise invalid("{field} must not be empty.", "label")
    if marker.end_s is not None and marker.end_s <= marker.time_s:
        raise invalid("{field} must lie after the beginning.", "end_s")
    if marker.kind is MarkerKind.BASELINE and marker.end_s is None:
        raise invalid("{field} is missing.", "end_s")
    return marker


def draft_of(model: DraftIn, *, source: str = "", live: bool = True, read_by: str = "") -> Draft:
    """The draft that a request asks for.

    Args:
        model: the request.
        source: what is watched.
        live: as it happens.
        read_by: the model and detector that read it (`mimik.pipeline.Pipeline.model`).

    Raises:
        ProblemError: the purpose asks for a legal ground or people's consent, and neither is given.
    """
    check_ground(model.purpose, model.consent, model.ground)
    fields = model.model_dump(include=set(DraftIn.model_fields))
    fields["tags"] = tuple(dict.fromkeys(model.tags))
    return Draft(**fields, source=source, live=live, model=read_by)


def refuse_ages(purpose: Purpose, *, attributes: bool) -> None:
    """Keep age and gender out of lessons and work.

    Raises:
        ProblemError: they are estimated here, and that is what the session is for.
    """
    if attributes and not purpose.allows_ages:
        raise ProblemError(
            409,
            "Age and gender are not estimated in lessons or at work. Start Mimik without --attributes to record this.",
        )


def check_ground(purpose: Purpose, consent: str, ground: str) -> None:
    """Hold a session's purpose against what the law asks for.

    Raises:
        ProblemError: the purpose asks for a legal ground or people's consent, and neither is given.
    """
    if purpose.needs_ground and not (consent or ground):
        raise invalid(
            "A session of this purpose needs its legal ground, or how the people were told and agreed. Write it down"
            " before recording.",
            "ground",
        )


def session_json(session: Session) -> dict[str, Any]:
    """A session as the API gives it."""
    return _object(session)


def job_json(job: Job) -> dict[str, Any]:
    """A job as the API gives it: without the path of its copy."""
    given = _object(job)
    del given["path"], given["place"]
    error = job.error
    given["error"] = error and {"text": error[0], "values": error[1]}
    return given


def _object(value: Any) -> dict[str, Any]:
    given = plain(value)
    assert isinstance(given, dict)
    return given


def json_answer(value: object, status: int = 200) -> Response:
    """An answer of values, dataclasses among them. Takes its time with large ones: call it in a thread."""
    return Response(to_text(plain(value)), status, media_type="application/json")


def to_text(value: object) -> str:
    """Plain JSON as it travels."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def plain(value: object) -> Any:
    """A value as JSON has it: dataclasses as objects, what is not finite as null."""
    if value is None or (isinstance(value, bool | int) and not isinstance(value, Enum)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(name)): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(entry) for entry in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON")
