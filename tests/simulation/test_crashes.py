"""The router may die at any commit: what the ERPs, CRM and PSA hold in the end is the same.

CI tries a commit of each kind, before and after it, and some in between; `make soak` tries every one.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.simulation.crashes import Point, differs, undisturbed
from tests.simulation.tiny import rehearse_tiny

SAMPLED = 6
KINDS = ("accept", "cursor", "claim", "settle", "entering", "publish", "switch", "stage", "release", "record_step", "breaks")
"""What a commit may be about."""
WRITES = {
    "accept": "INSERT INTO transactions",
    "cursor": "INSERT INTO cursors",
    "claim": "INSERT INTO attempts",
    "settle": "UPDATE attempts SET settled_at",
    "publish": "INSERT INTO route_tables",
    "switch": "INSERT INTO epochs",
    "release": "UPDATE transactions SET state",
    "record_step": "INSERT INTO steps",
    "breaks": "INSERT INTO breaks",
}
