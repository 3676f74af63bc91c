"""The SAP ECC connector against its simulator, over ASGI in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import fsspec
import pytest

from router.canonical.billing import Invoice
from router.connectors.http import Trace
from router.connectors.port import Missing, NoAnswer, NotThere, Posted, SaidNo, TryLater
from router.connectors.sap_ecc import SapEcc
from router.connectors.sap_ecc.answers import Reply
from tests.contract.erp_contract import (
    Bench,
    billing_event,
    credit_memo,
    expense_item,
    invoice,
    milestone,
    payment,
    promises_every_kind,
    promises_wider_kinds,
    time_entry,
)
from tests.contract.sap_ecc_bench import KINDS, files, idoc, run, sap


def test_every_kind_is_taken_and_found_again() -> None:
    """Post, look-up with the same vendor id, invoice included."""
    promises_every_kind(run, KINDS)


def test_the_wider_books_are_taken_found_and_read_back() -> None:
    """Contacts to ledger entries: posted, looked up, read back alike."""
    promises_wider_kinds(run)


@pytest.mark.parametrize("skip", [0, 1, 2])
@pytest.mark.parametrize(
    ("document", "row_type"),
    [(billing_event(), "invoice"), (invoice(1), "invoice"), (milestone(1), "milestone")],
    ids=["billing", "invoice", "milestone"],
)
def test_a_lost_answer_to_a_bapi_never_doubles(document: Any, row_type: str, skip: int) -> None:
    """Lost at the BAPI nothing persisted; lost at the commit or after it, it did. The look-up knows which."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(time_entry(900))
        bench.app.faults = [{"name": "lost", "kind": "drop_answer", "skip": skip, "first": 1}]
        (answer,) = await bench.post(document)
        bench.app.faults = []
        # An invoice posted straight to FI needs nothing more than its commit.
        assert isinstance(answer, Posted if (document.kind, skip) == ("invoice", 2) else NoAnswer), answer
        (found,) = await bench.look_up(document)
        if skip == 0:
            assert found == NotThere()
            await bench.posted(document)
        else:
            assert isinstance(found, Posted)
            assert [made.kind for made in found.created] == ["invoice"] * (document.kind == "billing_event")
        assert len(bench.documents(row_type)) == 1

    run(test)


def test_a_lost_trigger_is_mended_by_the_status_file_or_the_look_up() -> None:
    """ECC took the file, its answer never came: the statuses tell, and nothing is sent again."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.app.faults = [{"name": "lost", "kind": "drop_answer", "first": 1}]
        answers = await bench.post(*(time_entry(n) for n in range(3)))
        assert [type(answer) for answer in answers] == [Posted] * 3
        assert len(bench.documents("time")) == 3

    run(test)


def test_a_slow_file_is_no_answer_and_its_idocs_are_not_absent() -> None:
    """An IDoc that waits in ECC may still post: the look-up must not say `not there`."""

    def slow(config: dict[str, Any]) -> None:
        config["options"]["idoc_ms"] = "100000"

    async def test(bench: Bench) -> None:
        await bench.chain()
        entries = (time_entry(1), time_entry(2, accounting_date="2026-08-01"))
        answers = await bench.post(*entries)
        assert all(isinstance(answer, NoAnswer) for answer in answers)
        assert all(isinstance(answer, NoAnswer) for answer in await bench.look_up(*entries))
        await asyncio.sleep(300)
        assert await bench.look_up(*entries) == [Posted(vendor_id="000000000001"), NotThere()]
        assert len(bench.documents("time")) == 1

    run(test, change=slow)


def test_a_file_sent_twice_doubles_in_ecc_and_the_look_up_prevents_it() -> None:
    """Real ECC makes new IDocs of the same file: the guard is ours."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        entry = time_entry(1)
        await bench.posted(entry)
        assert isinstance((await bench.look_up(entry))[0], Posted)
        drop_again(bench, "again.idoc", idoc(bench, entry))
        await trigger(bench, "again.idoc")
        assert [row["external_id"] for row in bench.documents("time")] == ["T-1", "T-1"]
        assert {row["vendor_id"] for row in bench.documents("time")} == {"000000000001", "000000000002"}

    run(test)


def test_half_a_file_posts_what_is_whole() -> None:
    """A file cut in the middle: complete IDocs post, the cut one is a syntax error, `.tmp` is never read."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        texts = [idoc(bench, time_entry(n), n) for n in range(3)]
        whole = "".join(texts)
        drop_again(bench, "half.idoc", whole[: -len(texts[2]) // 2])
        drop_again(bench, "unfinished.tmp", whole)
        await trigger(bench, "half.idoc")
        with pytest.raises(AssertionError, match="FILE_OPEN_ERROR"):
            await trigger(bench, "unfinished.tmp")
        assert [row["external_id"] for row in bench.documents("time")] == ["T-0", "T-1"]
        assert bench.app.sim.state()["idocs"] == {"53": 2, "60": 1}
        assert await bench.look_up(time_entry(2)) == [NotThere()]

    run(test)


def drop_again(bench: Bench, name: str, text: str) -> None:
    """Put a file into the drop, as somebody else would."""
    system, root = fsspec.core.url_to_fs(sap(bench).ecc.config.idoc_drop)
    system.pipe_file(f"{root}/in/{name}", text.encode())


async def trigger(bench: Bench, name: str) -> None:
    """EDI_DATA_INCOMING by hand, and time for it to work."""
    assert isinstance(bench.connector, SapEcc)
    wire = bench.connector._wire
    outcome = await wire.call("EDI_DATA_INCOMING", {"PATHNAME": f"/x/{name}", "PORT": "X"}, Trace())
    assert isinstance(outcome, Reply), outcome
    await asyncio.sleep(60)


def test_one_bad_idoc_concerns_no_other() -> None:
    """Status 51 with the message of the cause; the rest of the file posts."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        closed = time_entry(2, accounting_date="2026-08-01", work_date="2026-08-01")
        homeless = time_entry(4, project_id="P-UNKNOWN")
        bench.refs["project", "P-GONE"] = "P-GONE"
        gone = time_entry(5, project_id="P-GONE")
        answers = await bench.post(time_entry(1), closed, time_entry(3), homeless, gone)
        assert [type(answer) for answer in answers] == [Posted, SaidNo, Posted, Missing, SaidNo]
        assert isinstance(answers[1], SaidNo)
        assert (answers[1].code, answers[1].message) == ("F5201", "Posting period 008/2026 UK01 is not open")
        assert isinstance(answers[4], SaidNo)
        assert answers[4].code == "CJ021"
        assert len(bench.documents("time")) == 2
        assert files(bench, "in") == files(bench, "status") == []

    run(test)


def test_a_closed_period_is_said_by_every_face() -> None:
    """F5 201 by IDoc and by BAPI; opened again, the same document posts."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        sap(bench).books.close_period("UK01", "2026-10")
        documents = [time_entry(1), expense_item(1), milestone(1), invoice(1)]
        for document in documents:
            (answer,) = await bench.post(document)
            assert isinstance(answer, SaidNo), answer
            assert answer.code == "F5201"
        assert [await bench.look_up(document) for document in documents] == [[NotThere()]] * 4
        sap(bench).books.open_period("UK01", "2026-10")
        for document in documents:
            await bench.posted(document)

    run(test)


@pytest.mark.parametrize(
    ("entity", "rate", "expense", "net", "tax"),
    [
        # 7.33 h x 150.00 twice and 0.17 h x 150.00, rounded once on the document; tax once on the sum.
        ("UK01", "150", "19.99", 219900 + 2550 + 1999, 44890),
        ("JP01", "15001", "1999", 219915 + 2550 + 1999, 22446),
        ("BH01", "15.001", "19.999", 219915 + 2550 + 19999, 24246),
    ],
)
def test_an_invoice_is_right_to_the_minor_unit(
    entity: str, rate: str, expense: str, net: int, tax: int
) -> None:
    """Hundredths of hours, document rounding, currencies with 2, 0 and 3 decimals: invoice, look-up and read-back agree."""

    async def test(bench: Bench) -> None:
        await bench.chain(entity)
        await bench.post(
            time_entry(1, entity, rate=rate),
            time_entry(2, entity, rate=rate),
            time_entry(3, entity, rate=rate, minutes=10),
        )
        await bench.posted(expense_item(1, entity, expense))
        posted = await bench.posted(billing_event(1, entity))
        (made,) = posted.created
        assert isinstance(made, Invoice)
        assert (made.document_id, made.number, made.billing_event_id) == (
            "INV-BE-1",
            posted.vendor_id,
            "BE-1",
        )
        assert (made.net.minor, made.tax.minor, made.total.minor) == (net, tax, net + tax)
        assert [line.minutes for line in made.lines] == [890, None]
        assert made.due_date.isoformat() == "2026-11-13"
        assert made.lines[0].cost_center == "UK01200"
        assert (await bench.look_up(billing_event(1, entity)))[0] == posted
        (record,) = await bench.connector.read_back(
            "invoice", legal_entities=[entity], since="2026-10-01", until="2026-11-01"
        )
        assert (record.external_id, record.vendor_id, record.status) == ("BE-1", posted.vendor_id, "posted")
        assert (record.net_minor, record.tax_minor, record.total_minor) == (net, tax, net + tax)
        assert (record.project_id, record.customer_id) == (f"P-{entity}", f"C-{entity}")
        assert sum(line["net_minor"] for line in record.lines) == net

    run(test)


def test_what_was_posted_reads_back_exactly() -> None:
    """Every readable kind, with our ids, exact money, minutes, dimensions; outside the window nothing."""

    async def test(bench: Bench) -> None:
        await bench.chain(fixed_fee=True)
        minus = time_entry(2, minutes=-35)
        for document in (time_entry(1), minus, expense_item(1), milestone(1), invoice(1), invoice(2)):
            await bench.posted(document)
        await bench.posted(credit_memo(1, invoice(1)))
        await bench.posted(payment(1, invoice(2), "100"))
        assert isinstance((await bench.post(time_entry(3, accounting_date="2026-11-01")))[0], Posted)

        async def read(kind: str) -> list[Any]:
            found = await bench.connector.read_back(
                kind, legal_entities=["UK01", "DE01"], since="2026-10-01", until="2026-11-01"
            )
            for record in found:
                assert record.vendor_id == bench.refs[kind, record.external_id]
                assert record.legal_entity == "UK01"
                assert record.currency == "GBP"
                if kind not in ("customer", "project"):
                    assert record.accounting_date == "2026-10-30"
                    assert (record.project_id, record.customer_id) == ("P-UK01", "C-UK01")
            return list(found)

        (customer,) = await read("customer")
        (project,) = await read("project")
        assert (customer.status, project.status, project.customer_id) == ("active", "active", "C-UK01")
        assert project.dimensions["cost_center"] == "UK01200"
        first, second = await read("time_entry")
        assert (first.minutes, first.net_minor) == (440, 109950)
        assert (second.minutes, second.net_minor) == (-35, -8700)
        assert first.dimensions == project.dimensions
        assert [row.net_minor for row in await read("expense_item")] == [1999]
        assert [row.net_minor for row in await read("milestone")] == [2500000]
        credited, paid = await read("invoice")
        assert (credited.status, paid.status) == ("paid", "posted")
        assert (paid.net_minor, paid.tax_minor, paid.total_minor) == (10000, 2000, 12000)
        assert [dict(line) for line in paid.lines] == [
            {"line": 1, "description": "Advice", "minutes": 40, "net_minor": 10000, "tax_minor": 2000,
             "tax_code": "GB-STD", **project.dimensions}
        ]  # fmt: skip
        (memo,) = await read("credit_memo")
        assert (memo.net_minor, memo.tax_minor, memo.total_minor) == (10000, 2000, 12000)
        (money,) = await read("payment")
        assert (money.total_minor, money.status) == (10000, "posted")

    run(test)


@pytest.mark.parametrize(
    ("fault", "single", "bulk"),
    [
        ({"kind": "throttle", "params": {"retry_after_s": 7}}, TryLater, TryLater),
        ({"kind": "refuse", "params": {"status": 503}}, TryLater, TryLater),
        ({"kind": "refuse", "params": {"status": 500}}, TryLater, TryLater),
        ({"kind": "refuse", "params": {"status": 502}}, NoAnswer, NoAnswer),
        ({"kind": "hang"}, NoAnswer, NoAnswer),
        ({"kind": "malformed"}, NoAnswer, Posted),
        ({"kind": "truncated"}, NoAnswer, Posted),
        ({"kind": "answer_twice"}, Posted, Posted),
        ({"kind": "answer_twice", "params": {"answer": "second"}}, Posted, Posted),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)
def test_what_went_wrong_is_told_apart(fault: dict[str, Any], single: type, bulk: type) -> None:
    """Certainly not acted upon, or possibly; and whatever happened, one document in the end."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        for documents, wanted in (([invoice(1)], single), ([time_entry(2), time_entry(3)], bulk)):
            bench.app.faults = [{"name": documents[0].kind, "first": 1, **fault}]
            answers = await bench.post(*documents)
            assert [type(answer) for answer in answers] == [wanted] * len(documents), answers
            for document, answer in zip(documents, answers, strict=True):
                if isinstance(answer, NoAnswer):
                    (found,) = await bench.look_up(document)
                    if found == NotThere():
                        await bench.posted(document)
                elif isinstance(answer, TryLater):
                    assert answer.after_s == fault.get("params", {}).get("retry_after_s")
                    await bench.posted(document)
        assert len(bench.documents("time")) == 2
        assert len(bench.documents("invoice")) == 1
        assert files(bench, "in") == []

    run(test)


@pytest.mark.parametrize("kind", ["refuse", "malformed", "hang"])
def test_a_commit_without_confirmation_is_no_answer(kind: str) -> None:
    """Even a 503 at the commit is not taken for a no: something in between may have answered for ECC."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.app.faults = [{"name": "commit", "kind": kind, "skip": 1, "first": 1}]
        (answer,) = await bench.post(invoice(1))
        assert isinstance(answer, NoAnswer), answer
        (found,) = await bench.look_up(invoice(1))
        assert isinstance(found, Posted if kind == "malformed" else NotThere)

    run(test)


def test_a_logon_refused_after_the_commit_is_no_answer() -> None:
    """The invoice stands; only its content could not be read."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(time_entry(1))
        refuse = {"name": "logon", "kind": "refuse", "skip": 2, "first": 1, "params": {"status": 401}}
        bench.app.faults = [refuse]
        (answer,) = await bench.post(billing_event())
        assert isinstance(answer, NoAnswer), answer
        (found,) = await bench.look_up(billing_event())
        assert isinstance(found, Posted)
        assert len(bench.documents("invoice")) == 1

    run(test)
