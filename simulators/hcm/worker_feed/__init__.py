"""A generic HCM that publishes its workers as JSON: the seam until the firm chooses an HCM vendor.

On the path it stands at the beginning: people, their cost rates and their last day are read from its
feed. Nothing is written to it by the router; `POST` and `PATCH /api/workers` are HR's own screen. It must
not know projects or customers. Credentials of its client: `CLIENT_ID`, `CLIENT_SECRET`, or `API_KEY` in
the header `x-api-key`.

Options in the landscape (all text): `rate_per_minute` (429 with Retry-After), `any_credentials`.

Decision: every change of a worker has a number of its own, and the feed's cursor is the last number
given. A worker changed between two pages moves to the end instead of slipping through, which a feed by
time stamps can't promise. Price: the cursor means nothing to people, so a time stamp is taken too.
Guarded by `tests/contract/test_worker_feed_connector.py`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from simulators.core.clock import Clock
from simulators.core.firm_data import FirmData
from simulators.hcm.worker_feed.api import WorkerFeed
from simulators.hcm.worker_feed.auth import API_KEY, CLIENT_ID, CLIENT_SECRET

__all__ = ["API_KEY", "CLIENT_ID", "CLIENT_SECRET", "WorkerFeed", "build"]


def build(
    name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, rng: random.Random
) -> WorkerFeed:
    """The HCM of `systems.<name>`; it keeps codes of entities as HR enters them."""
    del firm
    return WorkerFeed(name, dict(config.get("options") or {}), clock=clock, rng=rng)
