"""Migrations of the journal, oldest first; `Journal.open` runs what is missing."""
