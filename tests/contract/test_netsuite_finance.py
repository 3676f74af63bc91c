"""NetSuite in full: planning, agreements and their changes, charges, write-offs, the general ledger."""

from __future__ import annotations

from tests.contract.erp_contract import promises_wider_kinds
from tests.contract.netsuite_bench import run


def test_the_wider_kinds_are_taken_found_and_read_back() -> None:
    """One of each, as both ERPs promise."""
    promises_wider_kinds(run)
