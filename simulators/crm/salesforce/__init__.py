"""A Salesforce org: accounts, opportunities, SOQL, composite calls, OAuth2 client credentials.

It stands at the beginning of the path: won opportunities are read from it, and project codes and
invoice status are written back. It speaks the REST API (any version from 46) and must know nothing
of who reads it. Credentials of the connected app: `CLIENT_ID`, `CLIENT_SECRET`.

Options in the landscape (all text): `page_size`, `session_s`, `daily_requests`,
`upsert_update_status` (200, or 204 as before v46), `any_credentials`.

Decision: records live in in-memory SQLite and SOQL is compiled to SQL; a hand-written evaluator
would have to rebuild joins, aggregates and roll-back. Price: two small translators. Guarded by
`tests/unit/test_soql.py` and by the vendor's Python client in `tests/conformance`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from simulators.core.clock import Clock
from simulators.core.firm_data import FirmData
from simulators.crm.salesforce.api import Salesforce
from simulators.crm.salesforce.auth import CLIENT_ID, CLIENT_SECRET
from simulators.crm.salesforce.ids import make_id, to_18

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Salesforce", "build", "make_id", "to_18"]


def build(
    name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, rng: random.Random
) -> Salesforce:
    """The org of `systems.<name>`; the firm's entities mean nothing to a CRM."""
    del firm
    return Salesforce(name, dict(config.get("options") or {}), clock=clock, rng=rng)
