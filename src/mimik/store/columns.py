"""The tables that a session is exported as, column by column."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from mimik.store.values import EMOTIONS, REASONS, STATES

__all__ = ["EXPORT_VERSION", "TABLES", "Column"]

EXPORT_VERSION = 1
"""Raised when a column is added, removed or changes its meaning."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds.

    Attributes:
        name: its heading.
        type: ``integer`` (64 bit), ``number`` (double), ``text`` (UTF-8), ``texts`` (a list of text) or ``boolean``.
        unit: what a value counts, or the values it may take; empty for free text.
        meaning: in a sentence.
        decimals: places that a number is rounded to; None for other types.
        optional: whether it may be empty.
        free: whether people wrote it, so that CSV must guard it against spreadsheets.
    """

    name: str
    type: Literal["integer", "number", "text", "texts", "boolean"]
    unit: str
    meaning: str
    decimals: int | None = None
    optional: bool = False
    free: bool = False


_VERSION = Column("schema_version", "integer", "1", "Version of these tables.")
_SESSION = Column("session", "text", "", "The session's id.")
_PURPOSES = "lesson · work · product · advertisement · shop · interview · clinic · research · other"

TABLES: MappingProxyType[str, tuple[Column, ...]] = MappingProxyType(
    {
        "session": (
            _VERSION,
            Column("id", "text", "", "The session's id."),
            Column("title", "text", "", "Its title.", free=True),
            Column("purpose", "text", _PURPOSES, "What it is for."),
            Column("tags", "texts", "", "Words to find it by; in CSV joined with `; `.", free=True),
            Column("consent", "text", "", "How the people were told and agreed; may be the empty text.", free=True),
            Column("ground", "text", "", "The legal ground; may be the empty text.", free=True),
            Column("aggregate_only", "boolean", "", "Whether no row about one person was ever written."),
            Column("source", "text", "", "What was watched.", free=True),
            Column("live", "boolean", "", "Whether it was watched as it happened."),
            Column("model", "text", "", "Name and hash of the model that read it.", free=True),
            Column("started_at", "text", "ISO 8601", "When it began, with the offset of the machine's time zone."),
            Column("duration_s", "number", "s", "Up to the last saved step; pauses count.", 6),
            Column("state", "text", "recording · paused · done · interrupted", "Where it stands."),
            Column("people", "integer", "from 0", "How many people have rows of their own."),
            Column("clip", "text", "", "The blurred video's file name, where one was kept.", optional=True),
            Column("version", "text", "", "The version of Mimik that recorded it."),
            Column("raw_until", "text", "ISO 8601", "When its samples are purged; empty: never.", optional=True),
            Column("keep_until", "text", "ISO 8601", "When it is purged; empty: never.", optional=True),
        ),
        "people": (
            _VERSION,
            _SESSION,
            Column("person", "integer", "from 1", "The person's anonymous number within the session."),
            Column("age_low", "integer", "years", "Youngest of the estimated range, where switched on.", optional=True),
            Column("age_high", "integer", "years", "Oldest of the estimated range, where switched on.", optional=True),
        ),
        "markers": (
            _VERSION,
            _SESSION,
            Column("marker", "integer", "from 1", "The marker's number."),
            Column("time_s", "number", "s", "When, or when it began, since the session's start.", 6),
            Column("end_s", "number", "s", "When it ended; empty for a point in time.", 6, optional=True),
            Column("kind", "text", "point · baseline · pause · lost", "What it tells."),
            Column("label", "text", "", "Its words; may be the empty text.", free=True),
        ),
        "seconds": (
            _VERSION,
            _SESSION,
            Column("start_s", "number", "s", "When this second begins, since the session's start.", 6),
            Column("person", "integer", "from 0", "The person's number; 0: everybody in the picture together."),
            Column("frames", "integer", "frames", "Pictures read; of a person, those in which they were seen."),
            Column("faces", "integer", "faces", "Faces seen, readable or not."),
            Column("sure", "integer", "faces", "Faces with a sure reading."),
            Column("uncertain", "integer", "faces", "Faces with an uncertain reading."),
            *(Column(f"withheld_{r}", "integer", "faces", f"Readings withheld: {r}.") for r in REASONS),
            *(Column(e, "number", "0–1", f"Mean probability of {e} over the readings.", 6, True) for e in EMOTIONS),
            *(Column(f"label_{e}", "integer", "faces", f"Readings shown as {e}.") for e in EMOTIONS),
            Column("quality", "number", "0–1", "Mean quality over the faces.", 6, True),
            Column("valence", "number", "-1–1", "Mean over the readings: unpleasant to pleasant, derived.", 6, True),
            Column("arousal", "number", "-1–1", "Mean over the readings: calm to excited, derived.", 6, True),
        ),
        "samples": (
            _VERSION,
            _SESSION,
            Column("time_s", "number", "s", "Since the session's start.", 6),
            Column("person", "integer", "from 1", "The person's anonymous number within the session."),
            Column("x1", "number", "px", "Left edge of the face.", 2),
            Column("y1", "number", "px", "Upper edge of the face.", 2),
            Column("x2", "number", "px", "Right edge of the face.", 2),
            Column("y2", "number", "px", "Lower edge of the face.", 2),
            Column("state", "text", " · ".join(STATES), "How far the row may be believed."),
            Column("reason", "text", " · ".join(REASONS), "Why the state is not sure.", optional=True),
            Column("label", "text", " · ".join(EMOTIONS), "The shown expression; empty where withheld.", optional=True),
            *(Column(e, "number", "0–1", f"Probability of {e}, smoothed over time.", 6, True) for e in EMOTIONS),
            Column("quality", "number", "0–1", "How well the face can be read; 1 is as good as it gets.", 6),
            Column("valence", "number", "-1–1", "Unpleasant to pleasant, derived.", 6, True),
            Column("arousal", "number", "-1–1", "Calm to excited, derived.", 6, True),
        ),
    }
)
"""Every table's columns, in order."""
