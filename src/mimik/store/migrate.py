"""Brings a database to the newest schema, once, whoever opens it first."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy import text as sql

from mimik.errors import StoreError
from mimik.store.tables import METADATA, REVISIONS, VERSION_TABLE

__all__ = ["FOLDER", "migrate", "upgrade"]

FOLDER = Path(__file__).parent / "migrations"

_LOCK = 0x6D696D696B  # "mimik": whoever holds it in PostgreSQL migrates
_LOG = logging.getLogger(__name__)


def migrate(engine: Engine, place: str) -> None:
    """Creates what is missing; a look alone where nothing is.

    Raises:
        StoreError: the schema is newer than this program, or another program's.
    """
    with engine.connect() as connection:
        if _revision(connection, place) == REVISIONS[-1]:
            return
    with engine.execution_options(writes=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sql("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        earlier = _revision(connection, place)  # another process may have been here while we waited
        if earlier != REVISIONS[-1]:
            upgrade(connection)
            _LOG.info("%s: schema %s → %s", place, earlier or "none", REVISIONS[-1])


def upgrade(connection: Connection, revision: str = REVISIONS[-1]) -> None:
    """Runs the migrations up to a revision within the connection's transaction."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])
    context = EnvironmentContext(
        Config(), scripts, fn=lambda present, _: scripts._upgrade_revs(revision, present), destination_rev=revision
    )
    with context:
        context.configure(connection=connection, target_metadata=METADATA, version_table=VERSION_TABLE)
        context.run_migrations()


def _revision(connection: Connection, place: str) -> str | None:
    """Which of `REVISIONS` the database has; None where it is empty."""
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE not in tables:
        # A file is ours alone; a PostgreSQL database may hold others' tables, as long as no name is ours.
        foreign = tables if connection.dialect.name == "sqlite" else tables & set(METADATA.tables)
        if foreign:
            raise StoreError(
                "{place}: holds tables of another program ({tables}). Give Mimik a database of its own with --db or "
                "MIMIK_DATABASE_URL.",
                place=place,
                tables=", ".join(sorted(foreign)[:5]),
            )
        return None
    revision = connection.scalar(sql(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608  a constant
    if revision is not None and revision not in REVISIONS:
        raise StoreError(
            "{place}: was written by a newer Mimik (schema {schema}; this one knows up to {known}). It was left as it "
            "is: update Mimik, or choose another database with --db or MIMIK_DATABASE_URL.",
            place=place,
            schema=revision,
            known=REVISIONS[-1],
        )
    return None if revision is None else str(revision)
