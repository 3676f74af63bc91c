"""The simulated account with every kind of record in it: snapshots, records sent back, odd values."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from router.connectors.port import NoAnswer, NotThere, Posted
from simulators.erp.netsuite.account import ROW_TYPES
from simulators.erp.netsuite.api import NetSuite
from simulators.erp.netsuite.errors import SuiteTalkError
from tests.contract.erp_contract import (
    Bench,
    charge,
    credit_memo,
    expense_item,
    invoice,
    milestone,
    time_entry,
    wider_documents,
)
from tests.contract.netsuite_bench import run

RECKONED = frozenset(
    {"id", "tranId", "links", "total", "subtotal", "taxTotal", "status", "amountRemaining", "applied"}
)
"""What the account reckons itself."""


def account(bench: Bench) -> NetSuite:
    """The simulated account itself."""
    assert isinstance(bench.app.sim, NetSuite)
    return bench.app.sim


def test_everything_survives_a_snapshot() -> None:
    """Books and the SuiteQL mirror are the same after a restore."""

    async def test(bench: Bench) -> None:
        documents = await wider_documents(bench)
        sim = account(bench)
        before = repr(sim.state())
        data = sim.snapshot()
        sim.reset()
        sim.restore(data)
        assert repr(sim.state()) == before
        for document in documents:
            (found,) = await bench.look_up(document)
            assert found == Posted(vendor_id=bench.refs[document.kind, document.document_id])

    run(test)


def test_a_record_sent_back_as_it_is_shown_changes_nothing() -> None:
    """What the account shows, it reads: masters keep every field, posted records accept themselves."""

    async def test(bench: Bench) -> None:
        await wider_documents(bench)
        await bench.posted(time_entry(1))
        await bench.posted(milestone(1))
        await bench.posted(expense_item(1))
        records = account(bench).records
        count = 0
        for record_type in ROW_TYPES:
            for row in list(records.all(record_type)):
                before = records.show(row)
                if not row.external_id:
                    continue
                data = {name: value for name, value in before.items() if name not in RECKONED}
                records.upsert(record_type, data, f"eid:{row.external_id}")
                assert records.show(records.find(record_type, f"eid:{row.external_id}")) == before, (
                    record_type
                )
                count += 1
        assert count == 17
        journal = records.find("journalEntry", "eid:JE-1")
        data = {name: value for name, value in records.show(journal).items() if name not in RECKONED}
        data["line"]["items"][0]["account"] = {"refName": "400000"}
        with pytest.raises(SuiteTalkError, match="can't be changed"):
            records.upsert("journalEntry", data, "eid:JE-1")

    run(test)


def test_one_id_of_two_kinds_of_one_record_type_is_told_apart() -> None:
    """A write-off called as a credit memo is, a charge as a milestone: not taken for each other."""

    async def test(bench: Bench) -> None:
        await wider_documents(bench)
        await bench.posted(milestone(1))
        same_milestone = charge(1).model_copy(update={"document_id": "M-1"})
        same_memo = credit_memo(1, invoice(1)).model_copy(update={"document_id": "WO-1"})
        for document in (same_milestone, same_memo):
            (answer,) = await bench.post(document)
            assert isinstance(answer, NoAnswer), answer
            assert await bench.look_up(document) == [NotThere()]

    run(test)


ODD: tuple[Any, ...] = (
    None, True, -1, 10**40, Decimal("1E+300"), Decimal("0.001"), "", "x" * 5000, "2026-02-30", [], [1], {},
    {"items": None}, {"items": [1]}, {"items": [{}]}, {"id": "99"}, {"id": "-1"}, {"externalId": ["x"]},
    {"refName": "None of ours"},
)  # fmt: skip


def odd_forms(data: Any) -> Iterator[Any]:
    """A JSON value with one of its inner values replaced by an odd one, for each of both."""
    inner: list[Any] = list(data) if isinstance(data, dict) else list(range(len(data)))
    for key in inner:
        for odd in ODD:
            copy = data.copy()
            copy[key] = odd
            yield copy
        if isinstance(data[key], dict | list):
            for odd in odd_forms(data[key]):
                copy = data.copy()
                copy[key] = odd
                yield copy


def test_whatever_is_sent_is_taken_or_refused_in_words() -> None:
    """Each value of each record type replaced by odd ones: no crash, and a refusal leaves no trace."""

    async def test(bench: Bench) -> None:
        await wider_documents(bench)
        await bench.posted(milestone(1))
        sim = account(bench)
        count = 0
        for record_type in ROW_TYPES:
            row = next(iter(sim.records.all(record_type)), None)
            if row is None:
                continue
            shown = sim.records.show(row)
            data = {name: value for name, value in shown.items() if name not in RECKONED | {"externalId"}}
            held = repr(sim.books.trial_balance())
            for body in odd_forms(data):
                count += 1
                refusal = None
                try:
                    sim.records.create(record_type, body)
                except SuiteTalkError as error:
                    refusal = error.status
                if refusal is not None:
                    assert 400 <= refusal < 500
                    assert repr(sim.books.trial_balance()) == held, body
                held = repr(sim.books.trial_balance())
        assert sim.records.select("SELECT COUNT(*) AS n FROM transaction", [])
        sim.restore(sim.snapshot())
        assert count > 2000

    run(test)
