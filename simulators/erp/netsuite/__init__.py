"""A NetSuite account: SuiteTalk REST records, SuiteQL, asynchronous batches, transforms.

It stands at the end of the path, as the cloud ERP: masters, time, expenses and milestones are written
to it, sales orders are transformed into invoices, and SuiteQL reads everything back. It must know
nothing of who calls, and never reckon money itself: the books do.

Credentials known unless a seed brings more: `CONSUMER_KEY`, `CONSUMER_SECRET`, `TOKEN_ID`,
`TOKEN_SECRET` for token-based authentication; `CLIENT_ID`, `CERTIFICATE_ID` and `PRIVATE_KEY` for OAuth2.
`credentials()` gives them by their names in a landscape.

What the account looks like (an integration relies on it, as on any customer's customisations):
- subsidiaries are the landscape's legal entities, external id = code, internal ids from 1 in file order;
- service items `Time`, `Expenses`, `Milestones`, `Retainer`, `Subscription` on sales orders and invoices say what a
  line bills; a credit memo of one line with the item `Write-off` is a bad debt;
- these custom fields have a meaning, other cust… fields are kept as given. Orders: `custbody_billing_type`,
  `_rate_card`, `_contract_version`, `_engagement`, `_invoice_group`, `_rate_type`, `_contract_rate`, and on lines
  `custcol_cap`, `_markup_bp`, `_revenue_method` (anything but `as_billed` is deferred), `_service_from`, `_service_until`.
  Projects: `custentity_sales_order`, `_practice`, `_cost_center`. Work: `custcol_posting_date`, `_practice`,
  `_cost_center`, `_adjusts`, `_part_of`, `_covered_by`, `_bill_amount`. Invoices: `custbody_through_date`,
  `_with_projects`. Journal entries: `custbody_purpose`, `_counterparty`, `_source`, `_reverses`, `_project`;
- the custom records `customrecord_change_order` (`custrecord_co_…`, lines `custrecord_col_…`), whose script puts its
  lines on the sales order when it is saved, and `customrecord_revenue_schedule` (`custrecord_rs_…`, `custrecord_rsl_…`);
- customer→`customer`, contact→`contact`, contract→`salesOrder`, project→`job`, task→`projectTask`, rate
  card→`billingRateCard` (record type unverified), person→`employee`, assignment→`resourceAllocation`,
  time→`timeBill`, expense→`expenseReport` of one line, milestone and charge→`charge` by type, ledger
  entry→`journalEntry`; an employee named only by external id is made on first use (`employees: strict`
  refuses), as an HCM feed would have made it.
Options in the landscape (text): `account`, `token_audience`, `employees`, `job_start_s`, `job_per_record_s`, `latency`;
`field.<name>: <new name>` renames a custom field, whose old name is unknown from then on.

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
