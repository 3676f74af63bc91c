"""A NetSuite account: SuiteTalk REST records, SuiteQL, asynchronous batches, transforms.

It stands at the end of the path, as the cloud ERP: masters, time, expenses and milestones are written
to it, sales orders are transformed into invoices, and SuiteQL reads everything back. It must know
nothing of who calls, and never reckon money itself: the books do.

Credentials known unless a seed brings more: `CONSUMER_KEY`, `CONSUMER_SECRET`, `TOKEN_ID`,
`TOKEN_SECRET` for token-based authentication; `CLIENT_ID`, `CERTIFICATE_ID` and `PRIVATE_KEY` for OAuth2.
`credentials()` gives them by their names in a landscape.

What the account looks like (an integration relies on it, as on any customer's customisations):
- subsidiaries are the landscape's legal entities, external id = code, internal ids from 1 in file order;
- service items `Time`, `Expenses`, `Milestones` on sales orders and invoices say what a line bills;
- `custentity_sales_order`, `custbody_billing_type`, `custbody_rate_card`, `custbody_through_date`,
  `custcol_posting_date`, `custcol_practice`, `custcol_cost_center`, `custcol_adjusts`,
  `custentity_practice`, `custentity_cost_center` have a meaning; other cust… fields are kept as given;
- customer→`customer`, contract→`salesOrder`, project→`job`, rate card→`billingRateCard` (record
  type unverified), person→`employee`, time→`timeBill`, expense→`expenseReport` of one line,
  milestone→`charge`; an employee named only by external id is made on first use (`employees: strict`
  refuses), as an HCM feed would have made it.
Options in the landscape (text): `account`, `token_audience`, `employees`, `job_start_s`, `job_per_record_s`, `latency`.

Decision: SuiteQL runs on an in-memory SQLite mirror written lazily, since a hand-written evaluator would
rebuild joins; amounts stay exact through a decimal collation. Price: each record exists twice. Guarded
by `tests/unit/test_suiteql.py` and by two public clients in `tests/conformance/test_netsuite.py`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from simulators.core.books import Books
from simulators.core.clock import Clock
from simulators.core.firm_data import FirmData, personality
from simulators.core.numbering import Numbering
from simulators.erp.netsuite.api import NetSuite
from simulators.erp.netsuite.auth import (
    ACCOUNT,
    CERTIFICATE_ID,
    CLIENT_ID,
    CONSUMER_KEY,
    CONSUMER_SECRET,
    PRIVATE_KEY,
    TOKEN_ID,
    TOKEN_SECRET,
)

__all__ = [
    "ACCOUNT",
    "CERTIFICATE_ID",
    "CLIENT_ID",
    "CONSUMER_KEY",
    "CONSUMER_SECRET",
    "PRIVATE_KEY",
    "TOKEN_ID",
    "TOKEN_SECRET",
    "NetSuite",
    "build",
    "credentials",
]
_SERIES = {"contract": "SO", "invoice": "INV", "credit_memo": "CM", "payment": "PYMT", "expense": "EXP",
           "customer": "CUST", "project": "PRJ", "master": "EMP",
           "write_off": "CM", "journal_entry": "JE"}  # fmt: skip
_ENTITIES = frozenset({"customer", "project", "master"})
_TRANSACTIONS = frozenset(
    {"contract", "expense", "invoice", "credit_memo", "payment", "write_off", "journal_entry"}
)


def build(
    name: str, config: Mapping[str, Any], *, firm: FirmData, clock: Clock, rng: random.Random
) -> NetSuite:
    """The account of `systems.<name>`; raises ValueError for an odd personality or option."""
    numbering = Numbering(
        number_format=lambda row_type, _, n: f"{_SERIES.get(row_type, row_type.upper())}{n}",
        id_range=_id_range,
        number_range=lambda row_type, _: "credit_memo" if row_type == "write_off" else row_type,
        starts=1001,
    )
    books = Books(firm, personality(config), clock, numbering)
    return NetSuite(name, config, books=books, clock=clock, rng=rng)


def _id_range(row_type: str, _: str) -> str:
    """Entities share one range of internal ids and transactions another, as in the vendor's tables."""
    if row_type in _ENTITIES:
        return "entity"
    if row_type in _TRANSACTIONS:
        return "transaction"
    return "milestone" if row_type == "charge" else row_type  # both are charges


def credentials() -> dict[str, str]:
    """The built-in credentials by their names under `systems.<name>.credentials`."""
    return {
        "consumer_key": CONSUMER_KEY,
        "consumer_secret": CONSUMER_SECRET,
        "token_id": TOKEN_ID,
        "token_secret": TOKEN_SECRET,
        "client_id": CLIENT_ID,
        "certificate_id": CERTIFICATE_ID,
        "private_key": PRIVATE_KEY,
    }
