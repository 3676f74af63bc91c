"""The SAP ECC connector against its simulator, over ASGI in virtual time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import fsspec
import pytest

from router.canonical.billing import Invoice
from router.canonical.documents import Document
from router.canonical.work import TimeEntry
from router.connectors.port import Missing, NoAnswer, NotThere, Posted, SaidNo, TryLater
from router.connectors.sap_ecc import SapEcc, connect, tables
from router.connectors.sap_ecc.answers import Reply
from router.connectors.sap_ecc.idoc import Sender
from router.connectors.sap_ecc.wire import Trace
from router.errors import BadConfig, VendorRefused, VendorUnknown
from simulators.core.rows import TimeRow
from simulators.erp.sap_ecc import SapEcc as SimulatedEcc
from tests.contract.erp_contract import (
    Bench,
    bench,
    billing_event,
    chain,
    credit_memo,
    expense_item,
    invoice,
    make,
    milestone,
    payment,
    promises_every_kind,
    time_entry,
)

KINDS = (
    "customer", "rate_card", "contract", "project", "resource", "time_entry", "expense_item", "milestone",
    "billing_event", "invoice", "credit_memo", "payment",
)  # fmt: skip
SOAP = "/sap/bc/"
_drops = itertools.count(1)


def run(
    test: Callable[[Bench], Awaitable[Any]],
    *,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
    secrets: dict[str, str] | None = None,
    **more: Any,
) -> Any:
    """A bench with a drop folder of its own."""

    def own_drop(config: dict[str, Any]) -> None:
        config["options"]["idoc_drop"] = f"memory://test-sap/{next(_drops)}"
        change(config)

    given = secrets or {"user": "ROUTER", "password": "a secret"}
    return bench(test, system="sap_ecc", connect=connect, secrets=given, change=own_drop, **more)


def sap(bench: Bench) -> SimulatedEcc:
    """The simulator behind the bench."""
    assert isinstance(bench.app.sim, SimulatedEcc)
    return bench.app.sim


def idoc(bench: Bench, document: Document, serial: int = 1) -> str:
    """A time entry as the text of an IDoc, as the connector writes it."""
    assert isinstance(document, TimeEntry)
    sender = Sender(client="100", logical_system="P01CLNT100", sender="COEXIST", at=bench.clock.now())
    return sender.time_entry(document, document.document_id, wbs="P-UK01", serial=serial)


def files(bench: Bench, folder: str) -> list[str]:
    """Names in a folder of the drop."""
    system, root = fsspec.core.url_to_fs(sap(bench).ecc.config.idoc_drop)
    found = system.ls(f"{root}/{folder}", detail=False) if system.exists(f"{root}/{folder}") else []
    return sorted(path.rpartition("/")[2] for path in found)


def test_every_kind_is_taken_and_found_again() -> None:
    """Post, look-up with the same vendor id, invoice included."""
    promises_every_kind(run, KINDS)


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


def test_tables_are_read_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full page is followed by another; nothing is left out or read twice."""
    monkeypatch.setattr(tables, "PAGE", 2)

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.post(*(time_entry(n) for n in range(5)))
        before = bench.app.requests.total
        found = await bench.connector.read_back(
            "time_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert [record.external_id for record in found] == [f"T-{n}" for n in range(5)]
        assert bench.app.requests.total - before == 3 + 2  # and the names of its project and customer

    run(test)


def test_uncommitted_work_dies_with_its_session() -> None:
    """A unit of work nobody committed leaves nothing, and the documents number is lost, as in ECC."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.app.faults = [{"name": "lost", "kind": "drop_answer", "first": 1}]
        await bench.post(invoice(1))
        await asyncio.sleep(1)
        assert bench.app.sim.state()["uncommitted"] == 1
        await asyncio.sleep(301)
        assert bench.app.sim.state()["uncommitted"] == 0
        assert (await bench.posted(invoice(1))).vendor_id == "1800000002UK012026"

    run(test)


def test_business_refusals_name_the_field() -> None:
    """Nothing to bill, an over-payment, a code ECC has no two letters for."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        (nothing,) = await bench.post(billing_event())
        assert isinstance(nothing, SaidNo)
        assert nothing.code == "VF016"
        await bench.posted(invoice(1))
        (over,) = await bench.post(payment(1, invoice(1), "120.01"))
        assert isinstance(over, SaidNo)
        assert (over.code, over.field) == ("RW033", "AMT_DOCCUR")
        long = make("customer", "C-9", name="X", currency="GBP", country="GB", tax_registration="1" * 21)
        (cut,) = await bench.post(long)
        assert isinstance(cut, SaidNo)
        assert cut.field == "tax_registration"

    run(test)


def test_what_is_missing_is_named_before_anything_is_written() -> None:
    """A reference without a vendor id is a prerequisite to wait for."""

    async def test(bench: Bench) -> None:
        customer, _, contract, project = chain()
        assert await bench.post(project) == [Missing(kind="customer", document_id="C-UK01")]
        await bench.posted(customer)
        assert await bench.post(project) == [Missing(kind="contract", document_id="K-UK01")]
        assert await bench.post(contract) == [Missing(kind="rate_card", document_id="R-UK01")]
        assert await bench.post(payment(1, invoice(1), "1")) == [Missing(kind="invoice", document_id="IN-1")]
        assert await bench.post(time_entry(1)) == [Missing(kind="project", document_id="P-UK01")]
        assert files(bench, "in") == []

    run(test)


def test_masters_may_be_sent_again_and_cancelled() -> None:
    """A second time they are changed, not doubled; a cancelled project takes no time until it is sent again."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        for document in chain():
            # Delivery does not hand over a document's own id when it is sent again.
            vendor_id = bench.refs.pop((document.kind, document.document_id))
            assert await bench.post(document) == [Posted(vendor_id=vendor_id)]
        customer, _, contract, project = chain()
        for kind in ("customer", "rate_card", "contract", "project"):
            assert len(bench.documents(kind)) == 1
        for document in (project, contract, customer):
            assert await bench.look_up(document, operation="cancel") == [NotThere()]
            assert await bench.post(document, operation="cancel") == [
                Posted(vendor_id=bench.refs[document.kind, document.document_id])
            ]
            assert isinstance((await bench.look_up(document, operation="cancel"))[0], Posted)
        (refused,) = await bench.post(time_entry(1))
        assert isinstance(refused, SaidNo)
        (record,) = await bench.connector.read_back(
            "project", legal_entities=["UK01"], since="2026-01-01", until="2027-01-01"
        )
        assert record.status == "cancelled"
        await bench.posted(project)
        await bench.posted(time_entry(1))
        (unsupported,) = await bench.post(time_entry(1), operation="cancel")
        assert isinstance(unsupported, SaidNo)

    run(test)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_text_survives_files_of_either_encoding(encoding: str) -> None:
    """Umlauts, line breaks, pipes and long notes keep records at their width."""

    def encoded(config: dict[str, Any]) -> None:
        config["options"]["encoding"] = encoding

    async def test(bench: Bench) -> None:
        await bench.chain()
        notes = "Jürgen | Größe\nzweite Zeile\u2028x" + "ß" * 200
        answers = await bench.post(time_entry(1, notes=notes), time_entry(2))
        assert [type(answer) for answer in answers] == [Posted, Posted]
        kept = sap(bench).books.rows("time")[0]
        assert isinstance(kept, TimeRow)
        assert kept.notes == "Jürgen | Größe zweite Zeile x" + "ß" * 200

    run(test, change=encoded)


def test_long_and_odd_external_ids_survive() -> None:
    """64 characters with slashes, colons and dots: in files, WHERE lines, project keys and answers."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        long = "A/b:c.d-e_f" + "x" * 53
        for document in (
            make("customer", long, name="Odd", currency="GBP", country="GB"),
            time_entry(1).model_copy(update={"document_id": long}),
            invoice(1).model_copy(update={"document_id": long}),
            chain()[3].model_copy(update={"document_id": long}),
        ):
            posted = await bench.posted(document)
            assert await bench.look_up(document) == [posted]
            assert len(posted.vendor_id) <= 24

    run(test)


def test_codes_are_mapped_by_the_landscape() -> None:
    """Company and tax codes as ECC has them, back again in records."""

    def mapped(config: dict[str, Any]) -> None:
        config["options"] |= {"company_codes": "UK01=2010", "tax_codes": "GB-STD=V9"}

    async def test(bench: Bench) -> None:
        await bench.chain()
        assert (await bench.posted(invoice(1))).vendor_id == "180000000120102026"
        (record,) = await bench.connector.read_back(
            "invoice", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
        )
        assert (record.legal_entity, record.lines[0]["tax_code"]) == ("UK01", "GB-STD")

    run(test, change=mapped)


def test_the_exchange_shows_no_secret_and_is_bounded() -> None:
    """A file of 300 IDocs is kept only in part; credentials and session cookies not at all."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        for result in (
            await bench.result(*(time_entry(n, notes="n" * 250) for n in range(300))),
            await bench.result(invoice(1)),
        ):
            for text in (result.exchange.request, result.exchange.response):
                assert 500 < len(text) <= 64 * 1024
                assert not [
                    word for word in ("Uk9VVEVS", "a secret", "ROUTER", "sap-contextid") if word in text
                ]

    run(test)


def test_too_many_at_once_get_503_and_try_later() -> None:
    """Above the dialog work processes nothing is acted upon."""

    class SlowAnswers:
        def seconds(self, rng: object, in_flight: int) -> float:
            return 1.0

    def narrow(config: dict[str, Any]) -> None:
        config["options"]["dialog_processes"] = "3"

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.app.latency = SlowAnswers()
        deliveries = [bench.delivery(invoice(n)) for n in range(8)]
        results = await asyncio.gather(*(bench.connector.post([delivery]) for delivery in deliveries))
        answers = [result.answers[0] for result in results]
        assert sum(isinstance(answer, Posted) for answer in answers) == 3
        assert sum(isinstance(answer, TryLater) and answer.throttled for answer in answers) == 5
        assert len(bench.documents("invoice")) == 3

    run(test, change=narrow)


def test_wrong_credentials_are_raised_and_leave_no_file() -> None:
    """They concern no single document."""

    async def test(bench: Bench) -> None:
        with pytest.raises(VendorRefused):
            await bench.connector.ping()
        with pytest.raises(VendorRefused):
            await bench.post(chain()[0])
        bench.refs["project", "P-UK01"] = "P-UK01"
        with pytest.raises(VendorRefused):
            await bench.post(time_entry(1))
        assert files(bench, "in") == []

    run(test, secrets={"user": "ROUTER", "password": ""})


def test_incomplete_configuration_is_named_at_start() -> None:
    """Credentials and the drop folder."""

    async def nothing(_: Bench) -> None:
        """No test at all."""

    def without_password(config: dict[str, Any]) -> None:
        del config["credentials"]["password"]

    with pytest.raises(BadConfig, match="password"):
        run(nothing, change=without_password)


@pytest.mark.parametrize("reader", ["read_back", "look_up"])
@pytest.mark.parametrize("kind", ["malformed", "truncated", "hang", "refuse"])
def test_reading_that_fails_is_unknown(reader: str, kind: str) -> None:
    """A read raises VendorUnknown; a look-up answers that it does not know, never `not there`."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(time_entry(1))
        bench.app.faults = [{"name": "bad", "kind": kind}]
        if reader == "look_up":
            (answer,) = await bench.look_up(time_entry(1))
            assert isinstance(answer, NoAnswer)
        else:
            with pytest.raises(VendorUnknown):
                await bench.connector.read_back(
                    "time_entry", legal_entities=["UK01"], since="2026-10-01", until="2026-11-01"
                )

    run(test)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Answers, exchanges and ECC's state repeat exactly, and differ for another seed."""

    def same_drop(config: dict[str, Any]) -> None:
        config["options"]["idoc_drop"] = "memory://test-sap/same"

    async def test(bench: Bench) -> tuple[str, str]:
        await bench.chain()
        bench.app.faults = [{"name": "some", "kind": "refuse", "probability": "0.3"}]
        told = [
            repr(await bench.result(*(time_entry(n) for n in range(start, start + 3))))
            for start in range(0, 60, 3)
        ]
        return "\n".join(told), repr(bench.app.sim.state())

    assert run(test, change=same_drop) == run(test, change=same_drop)
    assert run(test, change=same_drop) != run(test, change=same_drop, seed=8)


def test_a_snapshot_carries_files_that_wait() -> None:
    """Restored in the middle of a file, ECC goes on with it."""

    def one_process(config: dict[str, Any]) -> None:
        config["options"] |= {"background_processes": "1", "idoc_ms": "60000"}

    async def test(bench: Bench) -> None:
        await bench.chain()
        deliveries = [bench.delivery(time_entry(n)) for n in range(2)]
        posting = [asyncio.create_task(bench.connector.post([delivery])) for delivery in deliveries]
        await asyncio.sleep(5)
        saved = bench.app.sim.snapshot()
        await asyncio.gather(*posting)
        held = bench.documents("time")
        bench.app.sim.reset()
        assert bench.documents("time") == []
        bench.app.sim.restore(saved)
        assert bench.app.sim.state()["idocs"] == {"64": 2}
        await bench.connector.ping()
        await asyncio.sleep(200)
        assert len(bench.documents("time")) == len(held) == 2

    run(test, change=one_process)


def test_a_reset_ends_what_is_under_way() -> None:
    """Files of a past that was reset post nothing into the new one."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        posting = asyncio.create_task(bench.connector.post([bench.delivery(time_entry(1))]))
        await asyncio.sleep(5)
        bench.app.sim.reset()
        for row_type, seed in SEED.items():
            bench.app.sim.seed({row_type: [seed]})
        (answer,) = (await posting).answers
        assert isinstance(answer, NoAnswer)
        assert bench.documents("time") == []
        await bench.posted(time_entry(1))

    def slow(config: dict[str, Any]) -> None:
        config["options"]["idoc_ms"] = "20000"

    run(test, change=slow)


SEED: dict[str, dict[str, Any]] = {
    "customer": {"external_id": "C-UK01", "name": "X", "currency": "GBP", "country": "GB", "entity": "UK01"},
    "contract": {
        "external_id": "K-UK01", "customer": "C-UK01", "entity": "UK01", "currency": "GBP", "starts": "2026-01-01",
        "billing": "time_and_materials",
        "lines": [{"line": 1, "bills": "time", "description": "", "tax_code": "GB-STD", "service_line": "CONSULTING"}],
    },
    "project": {
        "external_id": "P-UK01", "customer": "C-UK01", "contract": "K-UK01", "entity": "UK01", "name": "X",
        "currency": "GBP",
    },
}  # fmt: skip


def test_every_field_of_a_time_entry_arrives() -> None:
    """Person, task, lineage, price and dimensions, as the books keep them."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(
            time_entry(1, minutes=-30, adjusts="T-0", task_id="TK-1", billable=False, rate="15.05")
        )
        row = sap(bench).books.rows("time")[0]
        assert isinstance(row, TimeRow)
        assert (row.employee, row.role, row.adjusts, row.billable) == ("E-1", "SENIOR", "T-0", False)
        assert (row.minutes, row.hundredths, row.rate_minor, row.currency) == (-30, -50, 1505, "GBP")
        assert row.dims == {
            "department": "DELIVERY",
            "practice": "ADVISORY",
            "service_line": "CONSULTING",
            "cost_center": "UK01200",
        }
        assert (row.work_date.isoformat(), row.posting_date.isoformat()) == ("2026-10-28", "2026-10-30")

    run(test)


def test_a_month_of_time_is_cheap() -> None:
    """3,000 entries in files of 300: no call an entry."""

    async def test(bench: Bench) -> int:
        await bench.chain()
        before = bench.app.requests.total
        for start in range(0, 3000, 300):
            answers = await bench.post(*(time_entry(n) for n in range(start, start + 300)))
            assert all(isinstance(answer, Posted) for answer in answers)
        assert bench.clock.now().hour >= 18
        return int(bench.app.requests.total - before)

    assert run(test) == 10


def test_virtual_time_passes_while_idocs_are_processed() -> None:
    """300 IDocs at 20 ms take 6 seconds of ECC's time, not ours."""

    async def test(bench: Bench) -> timedelta:
        await bench.chain()
        began = bench.clock.now()
        await bench.post(*(time_entry(n) for n in range(300)))
        took: timedelta = bench.clock.now() - began
        return took

    assert timedelta(seconds=6) <= run(test) <= timedelta(seconds=16)


def test_the_answer_is_lost_after_the_file_was_taken() -> None:
    """The shared promise, for the trigger."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.app.faults = [{"name": "lost", "kind": "drop_answer", "path": SOAP, "first": 1}]
        (answer,) = await bench.post(expense_item(1))
        assert isinstance(answer, Posted)
        assert await bench.look_up(expense_item(1)) == [answer]

    run(test)
