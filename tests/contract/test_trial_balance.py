"""Trial balances of both ERPs over their own protocols, against what their ledgers hold."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from router.connectors.port import Balance, LedgerSource
from tests.contract import netsuite_bench, sap_ecc_bench
from tests.contract.erp_contract import Bench, invoice, journal_entry, payment

RUNS: dict[str, Callable[..., Any]] = {"sap_ecc": sap_ecc_bench.run, "netsuite": netsuite_bench.run}


async def asked(bench: Bench, as_of: date, *entities: str) -> list[Balance]:
    """What the connector says."""
    connector: Any = bench.connector
    assert isinstance(connector, LedgerSource)
    return list(await connector.trial_balance(legal_entities=entities, as_of=as_of))


@pytest.mark.parametrize("vendor", list(RUNS))
def test_a_trial_balance_is_what_the_ledger_holds(vendor: str) -> None:
    """By our account names, debit positive, to the minor unit; another entity's books are not in it."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(invoice(1))
        await bench.posted(payment(1, invoice(1), "70"))
        await bench.posted(journal_entry(1))
        held = bench.app.sim.state()["trial_balance"]["UK01"]
        found = await asked(bench, date(2026, 12, 31), "UK01")
        numbers = {"CASH": "100000", "RECEIVABLES": "120000", "TAX_PAYABLE": "230000", "REVENUE": "400000"}
        named = {row.account: row.minor for row in found}
        for account, number in numbers.items():
            assert named.get(account, 0) == held.get(number, 0), account
        assert held["100000"] > 0
        assert {row.legal_entity for row in found} == {"UK01"}
        assert sum(row.minor for row in found) == 0
        assert await asked(bench, date(2026, 12, 31), "US01") == []

    RUNS[vendor](test)


@pytest.mark.parametrize("vendor", list(RUNS))
def test_a_trial_balance_ends_with_its_day(vendor: str) -> None:
    """What is posted on the day is in it, what is posted the day after is not."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(journal_entry(1, accounting_date="2026-10-31"))
        assert await asked(bench, date(2026, 10, 30), "UK01") == []
        on_day = await asked(bench, date(2026, 10, 31), "UK01")
        assert sum(row.minor > 0 for row in on_day) > 0

    RUNS[vendor](test)
