"""Kantata OX: approved time and expenses and completed milestones in; projects and status back.

On the path it stands at both ends: its feeds are where most transactions begin, and projects and
invoice status are written to it. It must not decide what a change means: a row approved anew is a
new event, and ingest judges it.

Settings (`options`): `overlap_s` (30). Credentials: `client_id`, `client_secret`. Canonical ids of
projects and people are the external references of service `coexist`. What attributes are called in the
account stands in `fixtures/mappings/kantata.yaml`, or in the system's own `mapping`.

Decision: `updated_at` has whole seconds and month-end approves thousands of rows in one, so a page
inside a second is found by offset and proven by an anchor row; a moved anchor means reading that
second again. Price: one row read twice a page. Guarded by `tests/contract/test_kantata_connector.py`,
which approves, changes and takes back rows between pages.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import httpx

from router.clock import Clock
from router.connectors.bearer import BearerClient
from router.connectors.kantata.connector import KantataConnector
from router.connectors.kantata.feeds import FeedReader
from router.connectors.kantata.writes import Writer
from router.connectors.mapping import read_mappings
from router.landscape import Landscape, System
from router.model import SystemId

__all__ = ["KantataConnector", "connect"]


def connect(
    system: SystemId,
    config: System,
    *,
    landscape: Landscape,
    client: httpx.AsyncClient,
    clock: Clock,
    rng: random.Random,
    secrets: Callable[[str], str],
) -> KantataConnector:
    """A connector of one account; `secrets` resolves the references in `config.credentials` when needed."""
    del landscape, rng
    http = BearerClient(
        system=str(system),
        base_url=config.base_url,
        token_path="/oauth/token",  # noqa: S106  a path, no password
        client=client,
        credentials=lambda: (
            secrets(config.credentials["client_id"]),
            secrets(config.credentials["client_secret"]),
        ),
        timeout_s=config.timeout_s,
    )
    mappings = read_mappings(config.vendor, config.mapping)
    feeds = FeedReader(
        http=http,
        clock=clock,
        overlap_s=int(config.options.get("overlap_s", "30")),
        mapping=mappings.newest,
    )
    return KantataConnector(system=system, http=http, feeds=feeds, writer=Writer(http, mappings))
