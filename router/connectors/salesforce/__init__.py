"""Salesforce: won opportunities in, project code and invoice status back.

On the path it stands at both ends: its feed is where transactions begin, its write-back where they
are told to the people who sold them. It must not keep state beyond a token and what it gave last.

Settings (`options`): `api_version` (59.0), `overlap_s` (10), `base_url` is the org's My Domain.
Credentials: `client_id`, `client_secret` of a connected app with client credentials.

Decision: the cursor is (SystemModstamp, Id) and never closer to now than `overlap_s`, because stamps
have whole seconds and rows of one second can be committed later than others. Price: the last
seconds are read again; what was given is not given twice by one process, and has one id by all.
Guarded by `tests/contract/test_salesforce_connector.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import httpx

from router.clock import Clock
from router.connectors.bearer import BearerClient
from router.connectors.mapping import read_mappings
from router.connectors.salesforce.connector import SalesforceConnector
from router.landscape import Landscape, System
from router.model import SystemId

__all__ = ["SalesforceConnector", "connect"]


def connect(
    system: SystemId,
    config: System,
    *,
    landscape: Landscape,
    client: httpx.AsyncClient,
    clock: Clock,
    rng: random.Random,
    secrets: Callable[[str], str],
) -> SalesforceConnector:
    """A connector of one org; `secrets` resolves the references in `config.credentials` when needed."""
    del landscape, rng
    http = BearerClient(
        system=str(system),
        base_url=config.base_url,
        token_path="/services/oauth2/token",  # noqa: S106  a path, no password
        client=client,
        credentials=lambda: (
            secrets(config.credentials["client_id"]),
            secrets(config.credentials["client_secret"]),
        ),
        timeout_s=config.timeout_s,
    )
    return SalesforceConnector(
        system=system,
        http=http,
        clock=clock,
        version=config.options.get("api_version", "59.0"),
        overlap_s=int(config.options.get("overlap_s", "10")),
        mappings=read_mappings(config.vendor, config.mapping),
    )
