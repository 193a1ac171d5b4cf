"""Sessions, kept in SQLite or PostgreSQL."""
