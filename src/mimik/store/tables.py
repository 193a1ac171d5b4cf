"""The tables, as the newest migration leaves them; a test compares the two.

Everything is an ordinary column, to be read with ``sqlite3`` or ``psql``. Times of day are UTC. In ``samples``, by far
the largest table, numbers are whole to take two fifths of the room: probabilities, quality, valence and arousal in
ten-thousandths, boxes in tenths of a pixel, times in seconds as they are. ``seconds`` and ``minutes`` hold exact sums.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
)

from mimik.store.values import EMOTIONS, REASONS

__all__ = [
    "BOX_SCALE",
    "METADATA",
    "REVISIONS",
    "SCALE",
    "SUMS",
    "VERSION_TABLE",
    "jobs",
    "markers",
    "minutes",
    "people",
    "samples",
    "seconds",
    "sessions",
]

REVISIONS = ("0001", "0002", "0003", "0004")
"""Every schema there has been, oldest first; `mimik.store.migrations` leads from each to the next."""

VERSION_TABLE = "mimik_schema"
"""Where the database says which of `REVISIONS` it has; a name of our own, for Alembic serves other programs too."""

SCALE = 10_000
"""What 1 is in the columns of ``samples`` that hold ten-thousandths."""

BOX_SCALE = 10
"""What a pixel is in the columns of ``samples`` that hold a box."""

METADATA = MetaData()


class _Moment(TypeDecorator[datetime]):
    """A point in time; with its zone in Python, as UTC in both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


sessions = Table(
    "sessions",
    METADATA,
    Column("key", Integer, primary_key=True),
    Column("id", String(16), nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("purpose", String(16), nullable=False),
    Column("tags", Text, nullable=False),  # JSON
    Column("consent", Text, nullable=False),
    Column("ground", Text, nullable=False),
    Column("aggregate_only", Boolean, nullable=False),
    Column("source", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("model", Text, nullable=False),
    Column("version", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("started_at", _Moment, nullable=False),
    Column("utc_offset_s", Integer, nullable=False),  # so that hours and weekdays are the recorder's own
    Column("duration_s", Double, nullable=False),
    Column("clip", Text),
    Column("created_at", _Moment, nullable=False),
    Column("heartbeat_at", _Moment, nullable=False),
    Column("raw_until", _Moment),
    Column("keep_until", _Moment),
)


def _session() -> Column[int]:
    return Column("session", Integer, ForeignKey("sessions.key", ondelete="CASCADE"), nullable=False)


def _session_key() -> Column[int]:
    return Column(
        "session", Integer, ForeignKey("sessions.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )


markers = Table(
    "markers",
    METADATA,
    Column("id", Integer, primary_key=True),
    _session(),
    Column("time_s", Double, nullable=False),
    Column("end_s", Double),
    Column("label", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Index("markers_by_time", "session", "time_s"),
)

people = Table(
    "people",
    METADATA,
    _session_key(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("age_low", SmallInteger),
    Column("age_high", SmallInteger),
    sqlite_with_rowid=False,
)

SUMS = (
    "frames",
    "faces",
    "sure",
    "uncertain",
    *(f"withheld_{reason}" for reason in REASONS),
    *(f"label_{emotion}" for emotion in EMOTIONS),
    *(f"p_{emotion}" for emotion in EMOTIONS),
    "quality",
    "valence",
    "arousal",
)
"""The columns of ``seconds`` and ``minutes`` that add up."""

_COUNTS = SUMS[: 4 + len(REASONS) + len(EMOTIONS)]


def _sums(name: str) -> Table:
    return Table(
        name,
        METADATA,
        _session_key(),
        Column("start_s", Integer, primary_key=True, autoincrement=False),
        Column("person", Integer, primary_key=True, autoincrement=False),  # 0: everybody in the picture
        *(Column(column, Integer if column in _COUNTS else Double, nullable=False) for column in SUMS),
        sqlite_with_rowid=False,  # rows lie in the order in which they are read
    )


seconds = _sums("seconds")
minutes = _sums("minutes")

samples = Table(
    "samples",
    METADATA,
    _session_key(),
    Column("time_s", Double, primary_key=True),
    Column("person", Integer, primary_key=True, autoincrement=False),
    *(Column(edge, Integer, nullable=False) for edge in ("x1", "y1", "x2", "y2")),
    Column("state", SmallInteger, nullable=False),  # 0 sure, 1 uncertain, 2 withheld
    Column("reason", SmallInteger),  # position in Reason, from 0
    Column("label", SmallInteger),  # position in Emotion, from 0
    *(Column(str(emotion), SmallInteger) for emotion in EMOTIONS),
    Column("quality", SmallInteger, nullable=False),
    Column("valence", SmallInteger),
    Column("arousal", SmallInteger),
    sqlite_with_rowid=False,
)

jobs = Table(
    "jobs",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),  # the order of the queue
    Column("id", String(16), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("draft", Text, nullable=False),  # JSON
    Column("state", String(16), nullable=False),
    Column("created_at", _Moment, nullable=False),
    Column("touched_at", _Moment, nullable=False),
    Column("progress", Double, nullable=False),
    Column("error", Text),  # JSON: template and values
    Column("session", String(16)),
    Column("left_s", Double),
    Column("place", String(32)),  # which folder of uploads its file lies in
    Column("worker", String(96)),  # who works on it
    Column("leased_until", _Moment),  # from then on others may
    Column("frames", Integer, nullable=False, server_default="0"),
    Column("frame_count", Integer),
)
