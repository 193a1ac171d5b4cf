"""How a database of each earlier Mimik becomes one of today's: Alembic revisions, run by `mimik.store.migrate`."""
