"""Sessions, their markers, sums by second and minute, and samples."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None


def upgrade() -> None:
    """From nothing to 0001."""
    create_sessions()
    create_markers()
    create_sums("seconds")
    create_sums("minutes")
    create_samples()


def create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(16), nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("consent", sa.Text, nullable=False),
        sa.Column("ground", sa.Text, nullable=False),
        sa.Column("aggregate_only", sa.Boolean, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("utc_offset_s", sa.Integer, nullable=False),
        sa.Column("duration_s", sa.Double, nullable=False),
        sa.Column("clip", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw_until", sa.DateTime(timezone=True)),
        sa.Column("keep_until", sa.DateTime(timezone=True)),
    )


def create_markers() -> None:
    op.create_table(
        "markers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("session", sa.Integer, sa.ForeignKey("sessions.key", ondelete="CASCADE"), nullable=False),
        sa.Column("time_s", sa.Double, nullable=False),
        sa.Column("end_s", sa.Double),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
    )
    op.create_index("markers_by_time", "markers", ["session", "time_s"])


def create_sums(name: str) -> None:
    emotions = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    reasons = ("low_confidence", "too_small", "blurred", "dark", "overexposed", "turned_away", "cut_off")
    counts = [
        *("frames", "faces", "sure", "uncertain"),
        *(f"withheld_{reason}" for reason in reasons),
        *(f"label_{emotion}" for emotion in emotions),
    ]
    sums = [*(f"p_{emotion}" for emotion in emotions), "quality", "valence", "arousal"]
    op.create_table(
        name,
        _session_key(),
        sa.Column("start_s", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("person", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(column, sa.Integer, nullable=False) for column in counts),
        *(sa.Column(column, sa.Double, nullable=False) for column in sums),
        sqlite_with_rowid=False,
    )


def create_samples() -> None:
    emotions = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    op.create_table(
        "samples",
        _session_key(),
        sa.Column("time_s", sa.Double, primary_key=True),
        sa.Column("person", sa.Integer, primary_key=True, autoincrement=False),
        *(sa.Column(edge, sa.Integer, nullable=False) for edge in ("x1", "y1", "x2", "y2")),
        sa.Column("state", sa.SmallInteger, nullable=False),
        sa.Column("reason", sa.SmallInteger),
        sa.Column("label", sa.SmallInteger),
        *(sa.Column(emotion, sa.SmallInteger) for emotion in emotions),
        sa.Column("quality", sa.SmallInteger, nullable=False),
        sa.Column("valence", sa.SmallInteger),
        sa.Column("arousal", sa.SmallInteger),
        sqlite_with_rowid=False,
    )


def _session_key() -> sa.Column[int]:
    return sa.Column(
        "session", sa.Integer, sa.ForeignKey("sessions.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
