"""Statistics of recorded sessions."""
