"""Both ERPs say which work an invoice billed, on which line, at which hours, rate and amount."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.connectors.port import BilledWork, Record
from router.landscape import default_file
from tests.contract import netsuite_bench, sap_ecc_bench
from tests.contract.erp_contract import (
    Bench,
    billing_event,
    chain,
    charge,
    contract_line,
    expense_item,
    invoice,
    milestone,
    time_entry,
)

Run = Callable[..., Any]
LINES = [
    contract_line(1, "time", cap="2000"),
    contract_line(2, "expenses", markup_basis_points=1250),
    contract_line(3, "milestones", fee="25000", revenue="milestone"),
    contract_line(4, "retainer", fee="900"),
]
BOTH = pytest.mark.parametrize("run", [sap_ecc_bench.run, netsuite_bench.run], ids=["sap_ecc", "netsuite"])


def documents() -> list[Document]:
    """Twelve hours and twenty minutes of time under a cap of 2,000.00, and one of everything else."""
    customer, card, terms, project = chain()
    contract = parse(terms.model_dump(mode="json", exclude_none=True) | {"lines": LINES})
    return [
        customer, card, contract, project, time_entry(1, minutes=440), time_entry(2, minutes=300, rate="220"),
        expense_item(1, amount="100", bill_amount="112.50"), milestone(1), charge(1, line=4),
    ]  # fmt: skip


async def read(bench: Bench, kind: str = "invoice") -> Sequence[Record]:
    """All of a kind."""
    return await bench.connector.read_back(
        kind, legal_entities=["UK01"], since="2026-01-01", until="2027-01-01"
    )


def personality(**habits: str) -> Callable[[dict[str, Any]], None]:
    """Gives the ERP these habits."""

    def change(config: dict[str, Any]) -> None:
        config["personality"] = {**config["personality"], **habits}

    return change


@BOTH
@pytest.mark.parametrize("hours", ["minutes", "hundredths"])
def test_an_invoice_tells_its_work(run: Run, hours: str) -> None:
    """440 min are 7.33 h and worth 1,099.50, or 1,100.00 exact; the cap leaves 900.50 or 900.00 of 1,100.00."""

    async def test(bench: Bench) -> Record:
        for document in documents():
            await bench.posted(document)
        await bench.posted(billing_event())
        await bench.posted(invoice(1))
        by_id = {record.external_id: record for record in await read(bench)}
        assert by_id["IN-1"].billed == ()
        return by_id["BE-1"]

    record = run(test, change=personality(hours=hours, rounding="document"))
    work = {one.external_id: replace(one, line=0) for one in record.billed}
    exact = hours == "minutes"
    kept = work["T-1"].hundredths
    assert kept == (None if exact else 733)
    assert work == {
        "T-1": BilledWork(kind="time_entry", external_id="T-1", line=0, amount_minor=110_000 if exact else 109_950,
                          minutes=440, hundredths=kept, rate_minor=15_000),
        "T-2": BilledWork(kind="time_entry", external_id="T-2", line=0, amount_minor=90_000 if exact else 90_050,
                          minutes=300, hundredths=work["T-2"].hundredths, rate_minor=22_000),
        "X-1": BilledWork(kind="expense_item", external_id="X-1", line=0, amount_minor=11_250),
        "M-1": BilledWork(kind="milestone", external_id="M-1", line=0, amount_minor=2_500_000),
        "CH-1": BilledWork(kind="charge", external_id="CH-1", line=0, amount_minor=90_000),
    }  # fmt: skip
    # Line by line the work makes the net.
    by_line: dict[int, int] = {}
    for one in record.billed:
        by_line[one.line] = by_line.get(one.line, 0) + one.amount_minor
    assert by_line == {line["line"]: line["net_minor"] for line in record.lines}


@BOTH
@pytest.mark.parametrize("hours", ["minutes", "hundredths"])
def test_time_is_read_in_the_unit_it_is_kept_in(run: Run, hours: str) -> None:
    """Both units give 440 minutes back; the worth is that of the hours as they are kept."""

    async def test(bench: Bench) -> Record:
        await bench.chain()
        await bench.posted(time_entry(1, minutes=440))
        (found,) = await read(bench, "time_entry")
        return found

    found = run(test, change=personality(hours=hours))
    exact = hours == "minutes"
    assert (found.minutes, found.rate_minor) == (440, 15_000)
    assert (found.hundredths, found.net_minor) == ((None, 110_000) if exact else (733, 109_950))


def test_work_given_back_is_on_no_invoice() -> None:
    """A NetSuite invoice that was deleted frees its work, and its generated charges are gone with it."""

    async def test(bench: Bench) -> None:
        for document in documents():
            await bench.posted(document)
        made = await bench.posted(billing_event())
        assert len((await read(bench))[0].billed) == 5
        records = bench.app.sim.records  # type: ignore[attr-defined]
        generated = "SELECT id FROM charge WHERE timerecord IS NOT NULL OR transaction IS NOT NULL"
        assert len(records.select(generated, [])) == 3
        records.delete("invoice", made.vendor_id)
        assert records.select(generated, []) == []
        await bench.posted(billing_event(2))
        (again,) = await read(bench)
        assert again.external_id == "BE-2"
        assert len(again.billed) == 5

    netsuite_bench.run(test)


@BOTH
def test_a_mapping_that_does_not_name_it_asks_for_nothing(run: Run, tmp_path: Path) -> None:
    """An ERP without these tables is read as before: invoices without their work, hours as CATSHOURS."""
    system = "sap_ecc" if run is sap_ecc_bench.run else "netsuite"
    text = default_file(f"mappings/{system}.yaml").text
    section = "ZDLIBILL" if system == "sap_ecc" else "billed_work.columns"
    cut = re.sub(rf"( +){re.escape(section)}:\n(?:\1 +.*\n)+", "", text)
    cut = cut.replace("        quantity: CATSQUANTITY\n        unit: UNIT\n", "")
    assert section not in cut.replace("# ", "")
    path = tmp_path / "mapping.yaml"
    path.write_text(cut, encoding="utf-8")

    async def test(bench: Bench) -> tuple[Record, Record]:
        for document in documents():
            await bench.posted(document)
        await bench.posted(billing_event())
        (entry, *_), (bill,) = await read(bench, "time_entry"), await read(bench)
        return entry, bill

    def change(config: dict[str, Any]) -> None:
        config["mapping"] = str(path)

    entry, bill = run(test, change=change)
    assert bill.billed == ()
    assert (entry.minutes, entry.hundredths) == (440, 733 if system == "sap_ecc" else None)
