"""Runs the scripts on the connection `router.journal.migrate` gives."""

from __future__ import annotations

from alembic import context

from router.journal.schema import metadata

connection = context.config.attributes["connection"]
# The caller began the transaction and commits it, so that a migration is whole or not there.
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
