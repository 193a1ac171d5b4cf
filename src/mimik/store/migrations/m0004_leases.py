"""Jobs of several machines: where a video lies, who works on it and until when; frames read."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From 0003 to 0004."""
    op.add_column("jobs", sa.Column("place", sa.String(32)))
    op.add_column("jobs", sa.Column("worker", sa.String(96)))
    op.add_column("jobs", sa.Column("leased_until", sa.DateTime(timezone=True)))
    op.add_column("jobs", sa.Column("frames", sa.Integer, nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("frame_count", sa.Integer))
