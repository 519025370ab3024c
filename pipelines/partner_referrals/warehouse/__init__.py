"""Everything after the load: the DuckDB file, its tables and its views."""
