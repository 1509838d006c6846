"""What is kept on disk and how: SQLite, the only SQL. A call worker imports no SQLAlchemy from here."""
