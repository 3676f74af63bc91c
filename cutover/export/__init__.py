"""The journal's facts as Parquet files, for analytics: apart from the operational path.

It reads one snapshot of the journal through a connection of its own that can't write, chunk by chunk,
and hands the rows to DuckDB, which writes the files. Memory stays bounded by a chunk. Money is a BIGINT
of minor units and an exact DECIMAL beside it; `schema.json` says what each column means. Nothing here
is imported by the router.

What a running gateway notices: on SQLite nothing, a copy is read. On PostgreSQL the rows come from a
read-only repeatable-read transaction, which holds up nobody; events and exceptions are read live through
the journal. Events end with the snapshot's last line, and asking for them takes a short share lock on the
history, which waits for the commits under way and holds up new ones for as long. Exceptions are those
of a moment later than the rows.
"""
