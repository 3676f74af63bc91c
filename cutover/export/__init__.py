"""The journal's facts as Parquet files, for analytics: apart from the operational path.

It reads one snapshot of the journal through a connection of its own that can't write, chunk by chunk,
and hands the rows to DuckDB, which writes the files. Memory stays bounded by a chunk. Money is a BIGINT
of minor units and an exact DECIMAL beside it; `schema.json` says what each column means. Nothing here
is imported by the router, and a running gateway is not held up: SQLite reads a WAL snapshot, PostgreSQL
a read-only repeatable-read transaction.
"""
