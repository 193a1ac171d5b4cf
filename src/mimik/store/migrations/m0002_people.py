"""People: their numbers counted once, and their age ranges."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From 0001 to 0002."""
    create_people()
    count_people_of_earlier_sessions()


def create_people() -> None:
    op.create_table(
        "people",
        sa.Column(
            "session",
            sa.Integer,
            sa.ForeignKey("sessions.key", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("age_low", sa.SmallInteger),
        sa.Column("age_high", sa.SmallInteger),
        sqlite_with_rowid=False,
    )


def count_people_of_earlier_sessions() -> None:
    op.execute("INSERT INTO people (session, number) SELECT DISTINCT session, person FROM minutes WHERE person > 0")
