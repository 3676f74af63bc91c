"""A generic HCM that publishes workers as JSON over HTTP: people, their cost rates, their last day.

On the path it is a beginning only: its feed `workers` gives `resource` documents, and nothing is written
to it. It must not complete what HR left out: ingest parks such a row and says what to mend.

Settings (`options`): `since` (an ISO 8601 instant or a cursor: what changed before it was loaded by other
means), `path` (`/api/workers`), `token_path` (`/oauth/token`). Credentials: `client_id` and
`client_secret`, or `api_key`. What attributes are called stands in `fixtures/mappings/worker_feed.yaml`,
or in the system's own `mapping`; a rename at the HCM changes that file and no code.

Decision: the cursor is the HCM's own and opaque, and a page that is not whole is no page: it raises,
and the stored cursor stays. Price: one odd worker without id or version stops the feed until HR mends it;
one with odd values only parks itself. Guarded by `tests/contract/test_worker_feed_connector.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import httpx

from router.clock import Clock
from router.connectors.bearer import BearerClient
from router.connectors.mapping import read_mappings
from router.connectors.worker_feed.connector import WorkerFeedConnector
from router.connectors.worker_feed.keyed import KeyedClient
from router.landscape import Landscape, System
from router.model import SystemId

__all__ = ["WorkerFeedConnector", "connect"]


def connect(
    system: SystemId,
    config: System,
    *,
    landscape: Landscape,
    client: httpx.AsyncClient,
    clock: Clock,
    rng: random.Random,
    secrets: Callable[[str], str],
) -> WorkerFeedConnector:
    """A connector of one HCM; `secrets` resolves the references in `config.credentials` when needed."""
    del landscape, clock, rng
    http: BearerClient | KeyedClient
    if "api_key" in config.credentials:
        http = KeyedClient(
            system=str(system),
            base_url=config.base_url,
            client=client,
            key=lambda: secrets(config.credentials["api_key"]),
            timeout_s=config.timeout_s,
        )
    else:
        http = BearerClient(
            system=str(system),
            base_url=config.base_url,
            token_path=config.options.get("token_path", "/oauth/token"),
            client=client,
            credentials=lambda: (
                secrets(config.credentials["client_id"]),
                secrets(config.credentials["client_secret"]),
            ),
            timeout_s=config.timeout_s,
        )
    return WorkerFeedConnector(
        system=system,
        http=http,
        mappings=read_mappings(config.vendor, config.mapping),
        path=config.options.get("path", "/api/workers"),
        since=config.options.get("since", ""),
    )
