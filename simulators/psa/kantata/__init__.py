"""A Kantata OX account: projects, people, tasks, time, expenses, approvals, external references.

It stands at the beginning of the path: approved time, expenses and completed milestones are read
from it; projects are created in it, and invoice status is written back as external references. It
must not bill. Credentials of its application: `CLIENT_ID`, `CLIENT_SECRET`.

Options in the landscape (all text): `rate_per_minute` (429 without Retry-After, as the vendor),
`events: disorderly` (subscribed events out of order and some twice), `any_credentials`, `renamed`
(`old:new,…`: attributes the API calls by another name since a release).

A timesheet or expense report is re-opened by cancelling its approved submission (vendor documentation,
"Cancel a Single Timesheet Submission": for people with time approval permission): its rows are no
longer approved and can be changed, deleted, and handed in again. Invoiced rows can't be re-opened.

Decision: rows are immutable dicts under sorted indexes instead of SQL, because month-end writes
20,000 entries and reads them back in order of change within seconds. Price: filters are our own
code. There is no idempotency key: a repeated POST makes a second record, as at the vendor.
Guarded by `tests/conformance/test_kantata.py`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from simulators.core.clock import Clock
from simulators.core.firm_data import FirmData
from simulators.psa.kantata.api import Kantata
from simulators.psa.kantata.auth import CLIENT_ID, CLIENT_SECRET

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "Kantata", "build"]


def build(
    name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, rng: random.Random
) -> Kantata:
    """The account of `systems.<name>`; the firm's entities mean nothing to a PSA."""
    del firm
    return Kantata(name, dict(config.get("options") or {}), clock=clock, rng=rng)
