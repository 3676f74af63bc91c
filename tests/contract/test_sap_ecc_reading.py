"""The SAP ECC connector: reading back, text and codes, limits, credentials, state of the simulator."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from router.connectors.port import Missing, NoAnswer, NotThere, Posted, SaidNo, TryLater
from router.connectors.sap_ecc import tables
from router.errors import BadConfig, VendorRefused, VendorUnknown
from simulators.core.rows import TimeRow
from tests.contract.erp_contract import (
    Bench,
    billing_event,
    chain,
    expense_item,
    invoice,
    make,
    payment,
    time_entry,
)
from tests.contract.sap_ecc_bench import SOAP, files, run, sap


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
    """Nothing to bill, nothing paid, a code ECC has no two letters for."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        (nothing,) = await bench.post(billing_event())
        assert isinstance(nothing, SaidNo)
        assert nothing.code == "VF016"
        await bench.posted(invoice(1))
        (unpaid,) = await bench.post(payment(1, invoice(1), "0"))
        assert isinstance(unpaid, SaidNo)
        assert (unpaid.code, unpaid.field) == ("RW033", "AMT_DOCCUR")
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
