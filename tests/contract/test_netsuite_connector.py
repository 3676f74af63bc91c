"""The NetSuite connector against the simulated account, over ASGI in virtual time."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import pytest

from router.canonical.billing import Invoice
from router.connectors.netsuite.records import KINDS
from router.connectors.port import (
    Delivery,
    Exchange,
    Missing,
    NotThere,
    Posted,
    SaidNo,
)
from router.errors import BadConfig, VendorRefused
from router.model import JobId
from simulators.erp import netsuite as sim
from tests.contract.erp_contract import (
    Bench,
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
from tests.contract.netsuite_bench import RECORD, SlowAnswers, run, with_oauth2


def test_every_kind_is_taken_and_found_again() -> None:
    """Customer to payment: posted, looked up under the same id, billing events with their invoice."""
    promises_every_kind(run, sorted(KINDS))


def test_every_kind_is_taken_with_oauth2() -> None:
    """The same with client credentials and a signed assertion."""
    promises_every_kind(partial(run, change=with_oauth2), sorted(KINDS))


def test_the_invoice_is_read_to_the_cent() -> None:
    """Rounded per row and per line; canonical, with number, dates, dimensions and lineage."""

    async def test(bench: Bench) -> Invoice:
        await bench.chain()
        await bench.post(*(time_entry(n, minutes=20, rate="100.01") for n in range(3)))
        await bench.post(expense_item(1, amount="0.03"), expense_item(2, amount="0.05", category="HOTEL"))
        await bench.posted(milestone(1, amount="1234.56"))
        await bench.post(time_entry(9, work_date="2026-11-01", accounting_date="2026-11-01"))
        posted = await bench.posted(billing_event(7))
        (made,) = posted.created
        assert isinstance(made, Invoice)
        return made

    made = run(test)
    # 20 min at 100.01/h is 33.336…, rounded to 33.34 a row; 20% VAT a line.
    assert [(line.description, str(line.net), str(line.tax), line.minutes) for line in made.lines] == [
        ("SENIOR CONSULTING", "100.02", "20.00", 60),
        ("Expenses HOTEL", "0.05", "0.01", None),
        ("Expenses TRAVEL", "0.03", "0.01", None),
        ("Design accepted", "1234.56", "246.91", None),
    ]
    assert (str(made.net), str(made.tax), str(made.total)) == ("1334.66", "266.93", "1601.59")
    assert (made.document_id, made.number, made.billing_event_id) == ("INV-BE-7", "INV1001", "BE-7")
    assert (made.accounting_date.isoformat(), made.due_date.isoformat()) == ("2026-10-30", "2026-11-13")
    assert (made.lines[0].cost_center, made.lines[0].practice) == ("UK01200", "ADVISORY")
    assert (made.customer_id, made.project_id, made.contract_id, made.region) == (
        "C-UK01", "P-UK01", "K-UK01", "EMEA",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("entity", "rate", "net", "tax"), [("JP01", "15001", 110007, 11001), ("BH01", "15.005", 110037, 11004)]
)
def test_currencies_without_cents_and_with_fils(entity: str, rate: str, net: int, tax: int) -> None:
    """Yen and dinar arrive, are billed and read back in their own minor units."""

    async def test(bench: Bench) -> None:
        await bench.chain(entity)
        entry = time_entry(1, entity, rate=rate)
        await bench.posted(entry)
        posted = await bench.posted(billing_event(1, entity))
        (record,) = await bench.connector.read_back(
            "time_entry", legal_entities=[entity], since="2026-10-01", until="2026-11-01"
        )
        assert (record.minutes, record.net_minor) == (440, net)
        assert entry.money is not None
        assert entry.money.minor == net
        (made,) = posted.created
        assert isinstance(made, Invoice)
        assert (made.net.minor, made.tax.minor) == (net, tax)

    run(test)


def test_read_back_gives_every_kind_in_minor_units() -> None:
    """Records with our ids, amounts as documents carry them, signs of credit memos turned."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.post(time_entry(1), time_entry(2, minutes=-30, adjusts="T-1"))
        await bench.posted(expense_item(1))
        await bench.posted(milestone(1))
        await bench.posted(billing_event())
        direct = invoice(1)
        await bench.posted(direct)
        await bench.posted(payment(1, direct, "20.50"))
        await bench.posted(credit_memo(1, direct.model_copy(update={"document_id": "IN-1"})))

        async def read(kind: str, entities: tuple[str, ...] = ("UK01", "US01")) -> list[tuple[Any, ...]]:
            records = await bench.connector.read_back(
                kind, legal_entities=entities, since="2026-10-01", until="2026-10-31"
            )
            for record in records:
                assert record.legal_entity == "UK01"
                assert record.project_id in ("P-UK01", "")
            return [
                (record.external_id, record.status, record.net_minor, record.tax_minor, record.total_minor, record.minutes)
                for record in records
            ]  # fmt: skip

        assert await read("customer") == [("C-UK01", "active", None, None, None, None)]
        assert await read("project") == [("P-UK01", "active", None, None, None, None)]
        assert await read("time_entry") == [
            ("T-1", "posted", 110000, None, 110000, 440),
            ("T-2", "posted", -7500, None, -7500, -30),
        ]
        assert await read("expense_item") == [("X-1", "posted", 1999, None, 1999, None)]
        assert await read("milestone") == [("M-1", "posted", 2500000, None, 2500000, None)]
        assert await read("invoice") == [
            ("BE-1", "posted", 2604499, 520900, 3125399, 410),
            ("IN-1", "paid", 10000, 2000, 12000, 40),
        ]
        assert await read("credit_memo") == [("CM-1", "posted", 10000, 2000, 12000, 40)]
        assert await read("payment") == [("PY-1", "posted", 2050, None, 2050, None)]
        assert await read("invoice", ("DE01",)) == []
        with pytest.raises(VendorRefused):
            await read("opportunity")

    run(test)


@pytest.mark.parametrize("stretch", [50_000, 1000], ids=["by offset", "by key"])
def test_read_back_keeps_to_its_dates_and_pages(stretch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """[since, until) of the accounting date, over more rows than one page has, however pages are asked for."""
    monkeypatch.setattr("router.connectors.netsuite.connector.STRETCH", stretch)

    async def test(bench: Bench) -> None:
        await bench.chain()
        for start in range(0, 1200, 100):
            await bench.post(*(time_entry(n) for n in range(start, start + 100)))
        await bench.post(time_entry(5000, accounting_date="2026-11-01", work_date="2026-10-31"))
        october = await bench.connector.read_back(
            "time_entry", legal_entities=["UK01"], since="2026-10-30", until="2026-11-01"
        )
        assert [record.external_id for record in october] == [f"T-{n}" for n in range(1200)]
        asked = [dict(parse_qsl(e.query.decode())) for e in bench.app.requests if e.path.endswith("/suiteql")]
        assert [page["offset"] for page in asked[-2:]] == ["0", "1000" if stretch > 1000 else "0"]
        (november,) = await bench.connector.read_back(
            "time_entry", legal_entities=["UK01"], since="2026-11-01", until="2026-11-02"
        )
        assert november.external_id == "T-5000"

    run(test)


def test_a_batch_may_be_half_taken() -> None:
    """Each record of an asynchronous batch has its own answer, in order; the right ones are in."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(time_entry(2))
        answers = await bench.post(
            time_entry(1),
            time_entry(2),
            time_entry(3, accounting_date="2026-08-31"),
            time_entry(4, project_id="P-GONE"),
            time_entry(5, minutes=1),
        )
        assert isinstance(answers[0], Posted)
        assert answers[1] == Posted(vendor_id="1001"), "a duplicate by external id is the one there is"
        assert isinstance(answers[2], SaidNo)
        assert (answers[2].code, answers[2].field) == ("PERIOD_CLOSED", "tranDate")
        assert answers[3] == Missing(kind="project", document_id="P-GONE")
        assert isinstance(answers[4], Posted)
        assert sorted(row["external_id"] for row in bench.documents("time")) == ["T-1", "T-2", "T-5"]

    run(test)


def test_more_than_a_batch_is_split() -> None:
    """NetSuite takes 100 records at once; more go in several batches with keys of their own."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        answers = await bench.post(*(expense_item(n) for n in range(230)))
        assert all(isinstance(answer, Posted) for answer in answers)
        assert len(bench.documents("expense")) == 230
        sent = [entry for entry in bench.app.requests if entry.path == RECORD + "expenseReport"]
        keys = [dict(entry.headers)[b"x-netsuite-idempotency-key"] for entry in sent]
        assert len(set(keys)) == 3
        assert bench.connector.capabilities.bulk == {
            "time_entry": 100,
            "expense_item": 100,
            "journal_entry": 100,
        }

    run(test)


def test_business_refusals_name_the_field() -> None:
    """Nothing to bill and a locked period are refusals; an over-payment is not: it is kept on account."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        (nothing,) = await bench.post(billing_event())
        assert isinstance(nothing, SaidNo)
        assert nothing.code == "USER_ERROR"
        await bench.posted(invoice(1))
        (over,) = await bench.post(payment(1, invoice(1), "120.01"))
        assert isinstance(over, Posted)
        bench.app.faults = [{"name": "lock", "kind": "period_lock", "first": 1, "params": {"entity": "UK01"}}]
        (locked,) = await bench.post(time_entry(1))
        assert isinstance(locked, SaidNo)
        assert locked.code == "PERIOD_CLOSED"
        await bench.posted(time_entry(1))

    run(test)


def test_what_is_missing_is_named_before_anything_is_sent() -> None:
    """A reference without a vendor id is a prerequisite to wait for."""

    async def test(bench: Bench) -> None:
        customer, _, contract, project = chain()
        assert await bench.post(project) == [Missing(kind="customer", document_id="C-UK01")]
        await bench.posted(customer)
        assert await bench.post(project) == [Missing(kind="contract", document_id="K-UK01")]
        assert await bench.post(contract) == [Missing(kind="rate_card", document_id="R-UK01")]
        assert await bench.post(payment(1, invoice(1), "1")) == [Missing(kind="invoice", document_id="IN-1")]
        assert await bench.post(billing_event()) == [Missing(kind="contract", document_id="K-UK01")]

    run(test)


def test_masters_may_be_sent_again_and_cancelled() -> None:
    """An upsert keeps the id; a cancelled project takes no time; the look-up knows the difference."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        customer, _, contract, project = chain()
        assert await bench.post(customer) == [Posted(vendor_id=bench.refs["customer", "C-UK01"])]
        assert len(bench.documents("customer")) == 1
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


def test_external_ids_with_odd_letters_survive() -> None:
    """Slashes, colons and dots in an id: in paths, signatures, bodies and queries."""

    async def test(bench: Bench) -> None:
        odd = make("customer", "A/b:c.d-e_f", name="Odd", currency="USD", country="US")
        posted = await bench.posted(odd)
        assert await bench.look_up(odd) == [posted]
        assert await bench.post(odd, operation="cancel") == [posted]

    run(test)


def test_the_exchange_shows_no_secret() -> None:
    """Request and response are kept for every attempt, bounded, without credentials or tokens."""
    secrets = (*sim.credentials().values(), "Authorization", "oauth_signature", "access_token", "Bearer")

    async def test(bench: Bench) -> Exchange:
        await bench.chain()
        return (await bench.result(*(time_entry(n, notes="n" * 250) for n in range(100)))).exchange

    for change in (with_oauth2, lambda _: None):
        exchange: Exchange = run(test, change=change)
        for text in (exchange.request, exchange.response):
            assert 1000 < len(text) <= 64 * 1024 + 64
            assert not [secret for secret in secrets if len(secret) > 2 and secret in text]


def test_the_access_token_is_fetched_once_and_renewed_early() -> None:
    """Twenty calls at once make one token request; an hour later another; a dropped token one more."""

    def tokens(bench: Bench) -> int:
        return sum(entry.path.endswith("/oauth2/v1/token") for entry in bench.app.requests)

    async def test(bench: Bench) -> None:
        bench.app.latency = SlowAnswers()
        await asyncio.gather(*(bench.connector.ping() for _ in range(15)))
        assert tokens(bench) == 1
        await asyncio.sleep(3300)
        await bench.connector.ping()
        assert tokens(bench) == 2
        bench.app.sim.reset()
        await bench.connector.ping()
        assert tokens(bench) == 3

    run(test, change=with_oauth2)


def test_incomplete_credentials_are_bad_configuration() -> None:
    """Named at start, not at the first call."""

    def lacking(config: dict[str, Any]) -> None:
        del config["credentials"]["token_secret"]

    with pytest.raises(BadConfig, match="token_secret"):
        run(nothing, change=lacking)


async def nothing(_: Bench) -> None:
    """No test at all."""


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Answers, exchanges and the account's state repeat exactly."""

    async def test(bench: Bench) -> tuple[str, str]:
        await bench.chain()
        bench.app.faults = [{"name": "some", "kind": "throttle", "probability": "0.3"}]
        told = [
            repr(await bench.result(*(time_entry(n) for n in range(start, start + 3))))
            for start in range(0, 24, 3)
        ]
        return "\n".join(told), repr(bench.app.sim.state())

    assert run(test) == run(test)
    assert run(test) != run(test, seed=8)


def test_an_empty_post_sends_nothing() -> None:
    """No deliveries, no answers, no request."""

    async def test(bench: Bench) -> None:
        assert list((await bench.connector.post([])).answers) == []
        assert bench.app.requests.total == 0
        unknown = Delivery(
            job_id=JobId(1), external_id="C-9", operation="create",
            document=make("opportunity", "O-9", customer_id="C-1", customer_name="Kim", country="GB", name="Deal",
                          stage="Won", won=True, amount="1", currency="GBP", close_date="2026-10-30"),
        )  # fmt: skip
        (answer,) = (await bench.connector.post([unknown])).answers
        assert isinstance(answer, SaidNo)
        with pytest.raises(VendorRefused):
            await bench.connector.changes("invoices", None)

    run(test)
