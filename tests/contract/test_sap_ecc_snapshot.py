"""The wider state of the simulated ECC survives a snapshot."""

from __future__ import annotations

from tests.contract.erp_contract import (
    Bench,
    change_order,
    charge,
    journal_entry,
)
from tests.contract.sap_ecc_bench import run
from tests.contract.test_sap_ecc_finance import INTERCOMPANY, LINES, agreed


def test_a_snapshot_carries_the_wider_books() -> None:
    """Restored, ECC holds the same documents and balances, and goes on numbering where it was."""

    async def test(bench: Bench) -> None:
        await agreed(bench)
        await bench.posted(change_order(1, 2, LINES))
        await bench.posted(charge(1))
        await bench.posted(journal_entry(1, **INTERCOMPANY))
        saved, state = bench.app.sim.snapshot(), repr(bench.app.sim.state())
        bench.app.sim.reset()
        bench.app.sim.restore(saved)
        assert repr(bench.app.sim.state()) == state
        assert (await bench.posted(journal_entry(2))).vendor_id == "0100000002UK012026"

    run(test)
