"""A study's SQLite file: the only home of its SQL."""
