"""The NetSuite connector against the simulated account, over ASGI in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from router.canonical.billing import Invoice
from router.canonical.documents import Document
from router.connectors.netsuite import connect
from router.connectors.netsuite.records import KINDS
from router.connectors.port import (
    Delivery,
    Exchange,
    Missing,
    NoAnswer,
    NotThere,
    Posted,
    SaidNo,
    TryLater,
)
from router.errors import BadConfig, VendorRefused, VendorUnknown
from router.model import JobId
from simulators.erp import netsuite as sim
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
    promises_exactly_once_after_a_lost_answer,
    time_entry,
)

run = partial(bench, system="netsuite", connect=connect, secrets=sim.credentials())
OAUTH2 = {name: f"env:NS_{name}" for name in ("client_id", "certificate_id", "private_key")}


def with_oauth2(config: dict[str, Any]) -> None:
    """Configure OAuth2 instead of token credentials."""
    config["credentials"] = OAUTH2


def test_every_kind_is_taken_and_found_again() -> None:
    """Customer to payment: posted, looked up under the same id, billing events with their invoice."""
    promises_every_kind(run, sorted(KINDS))


def test_every_kind_is_taken_with_oauth2() -> None:
    """The same with client credentials and a signed assertion."""
    promises_every_kind(partial(run, change=with_oauth2), sorted(KINDS))


RECORD = "/services/rest/record/v1/"


@pytest.mark.parametrize(
    ("document", "row_type", "path"),
    [
        (time_entry(1), "time", RECORD + "timeBill"),
        (expense_item(1), "expense", RECORD + "expenseReport"),
        (milestone(1), "milestone", RECORD + "charge"),
        (invoice(1), "invoice", RECORD + "invoice"),
        (billing_event(1), "invoice", RECORD + "salesOrder/1001/!transform/invoice"),
        (chain("US01")[0], "customer", RECORD + "customer"),
    ],
    ids=lambda value: value.kind if isinstance(value, Document) else "",
)
def test_exactly_once_after_a_lost_answer(document: Document, row_type: str, path: str) -> None:
    """NetSuite acted, the answer was lost: no answer, found by look-up, one record."""
    promises_exactly_once_after_a_lost_answer(run, document, row_type, path)


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
            await read("assignment")

    run(test)


def test_read_back_keeps_to_its_dates_and_pages() -> None:
    """[since, until) of the accounting date, over more rows than one page has."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        for start in range(0, 1200, 100):
            await bench.post(*(time_entry(n) for n in range(start, start + 100)))
        await bench.post(time_entry(5000, accounting_date="2026-11-01", work_date="2026-10-31"))
        october = await bench.connector.read_back(
            "time_entry", legal_entities=["UK01"], since="2026-10-30", until="2026-11-01"
        )
        assert sorted(record.external_id for record in october) == sorted(f"T-{n}" for n in range(1200))
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
        assert bench.connector.capabilities.bulk == {"time_entry": 100, "expense_item": 100}

    run(test)


@pytest.mark.parametrize("answer", ["first", "second"])
@pytest.mark.parametrize("document", [time_entry(1), billing_event(1)], ids=["time", "billing"])
def test_a_doubled_request_makes_one_record(answer: str, document: Document) -> None:
    """Whichever of two answers arrives, the document is posted, and there is one."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(time_entry(900))
        bench.app.faults = [
            {"name": "twice", "kind": "answer_twice", "method": "POST", "path": RECORD, "first": 1, "params": {"answer": answer}}
        ]  # fmt: skip
        await bench.posted(document)
        assert len(bench.documents("time")) == (2 if document.kind == "time_entry" else 1)
        assert len(bench.documents("invoice")) == (document.kind == "billing_event")

    run(test)


def test_a_doubled_batch_is_followed_to_its_first_job() -> None:
    """The idempotency key makes the second submission a conflict that names the first job."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.app.faults = [
            {
                "name": "twice",
                "kind": "answer_twice",
                "path": RECORD + "timeBill",
                "params": {"answer": "second"},
            }
        ]
        answers = await bench.post(time_entry(1), time_entry(2))
        assert all(isinstance(answer, Posted) for answer in answers), answers
        assert len(bench.documents("time")) == 2

    run(test, change=with_oauth2)


def test_a_slow_job_is_no_answer_and_then_found() -> None:
    """A batch that outlasts our patience is in doubt; the look-up finds what came of it."""

    def slow(config: dict[str, Any]) -> None:
        config["options"]["job_start_s"] = "90"

    async def test(bench: Bench) -> None:
        await bench.chain()
        entries = (time_entry(1), time_entry(2, accounting_date="2026-08-01"))
        answers = await bench.post(*entries)
        assert all(isinstance(answer, NoAnswer) for answer in answers)
        assert await bench.look_up(*entries) == [NotThere(), NotThere()]
        await asyncio.sleep(60)
        assert await bench.look_up(*entries) == [Posted(vendor_id="1001"), NotThere()]

    run(test, change=slow)


def test_polling_survives_bad_weather() -> None:
    """Throttled, failed and garbled looks at a job are repeated; the batch is posted once."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        path = "/services/rest/async/"
        bench.app.faults = [
            {"name": "storm", "kind": "throttle", "path": path, "first": 2},
            {"name": "down", "kind": "refuse", "path": path, "first": 1, "params": {"status": 503}},
            {"name": "html", "kind": "malformed", "path": path, "first": 2},
            {"name": "cut", "kind": "truncated", "path": path, "skip": 1, "first": 1},
        ]
        answers = await bench.post(time_entry(1), time_entry(2))
        assert answers == [Posted(vendor_id="1001"), Posted(vendor_id="1002")]
        assert dict(bench.app.faults.fired) == {"storm": 2, "down": 1, "html": 2, "cut": 1}

    run(test)


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        (
            {"kind": "throttle", "params": {"retry_after_s": 7}},
            TryLater(reason="", after_s=7, throttled=True),
        ),
        ({"kind": "refuse", "params": {"status": 503}}, TryLater(reason="", throttled=True)),
        ({"kind": "refuse", "params": {"status": 500}}, NoAnswer(reason="")),
        ({"kind": "hang"}, NoAnswer(reason="")),
        ({"kind": "malformed"}, NoAnswer(reason="")),
    ],
    ids=["throttle", "unavailable", "error", "hang", "malformed"],
)
def test_what_went_wrong_is_told_apart(fault: dict[str, Any], wanted: TryLater | NoAnswer) -> None:
    """Certainly not acted upon, or possibly: for single records and for whole batches."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        for documents in ([time_entry(1)], [time_entry(2), time_entry(3)]):
            bench.app.faults = [{"name": "once", "method": "POST", "path": RECORD, "first": 1, **fault}]
            started = bench.clock.now()
            for answer in await bench.post(*documents):
                assert type(answer) is type(wanted), answer
                if isinstance(answer, TryLater) and isinstance(wanted, TryLater):
                    assert (answer.after_s, answer.throttled) == (wanted.after_s, wanted.throttled)
            assert bench.clock.now() - started <= timedelta(seconds=61)

    run(test)


def test_too_many_at_once_are_throttled() -> None:
    """Above the account's concurrency NetSuite blocks; nothing was acted upon."""

    def narrow(config: dict[str, Any]) -> None:
        config["budget"]["concurrency"] = 3
        config["options"]["latency"] = "fixed 1"

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.app.latency = SlowAnswers()
        deliveries = [bench.delivery(time_entry(n)) for n in range(8)]
        results = await asyncio.gather(*(bench.connector.post([delivery]) for delivery in deliveries))
        answers = [result.answers[0] for result in results]
        assert sum(isinstance(answer, Posted) for answer in answers) == 3
        assert sum(isinstance(answer, TryLater) and answer.throttled for answer in answers) == 5
        assert len(bench.documents("time")) == 3

    run(test, change=narrow)


class SlowAnswers:
    """A second an answer."""

    def seconds(self, rng: object, in_flight: int) -> float:
        """Always one."""
        return 1.0


def test_business_refusals_name_the_field() -> None:
    """A closed or locked period, an over-payment, nothing to bill, an unknown dimension of the contract."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        (nothing,) = await bench.post(billing_event())
        assert isinstance(nothing, SaidNo)
        assert nothing.code == "USER_ERROR"
        await bench.posted(invoice(1))
        (over,) = await bench.post(payment(1, invoice(1), "120.01"))
        assert isinstance(over, SaidNo)
        assert over.field == "payment"
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


def test_a_reference_netsuite_lost_is_missing_too() -> None:
    """The crosswalk has an id the account does not know (restored, or deleted by hand)."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.refs["project", "P-UK01"] = "987654"
        assert await bench.post(time_entry(1)) == [Missing(kind="project", document_id="P-UK01")]
        assert await bench.post(expense_item(1)) == [Missing(kind="project", document_id="P-UK01")]
        assert (
            await bench.post(time_entry(1), time_entry(2))
            == [Missing(kind="project", document_id="P-UK01")] * 2
        )

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


@pytest.mark.parametrize("change", [with_oauth2, lambda _: None], ids=["oauth2", "tba"])
def test_wrong_credentials_are_raised(change: Callable[[dict[str, Any]], None]) -> None:
    """They concern no single document."""
    wrong = sim.credentials() | {"token_secret": "wrong", "client_id": "nobody"}

    async def test(bench: Bench) -> None:
        with pytest.raises(VendorRefused):
            await bench.connector.ping()
        with pytest.raises(VendorRefused):
            await bench.post(chain()[0])

    run(test, change=change, secrets=wrong)


def test_a_token_endpoint_that_is_down_is_try_later() -> None:
    """Nothing was sent, so nothing is in doubt."""

    async def test(bench: Bench) -> None:
        bench.app.faults = [
            {"name": "down", "kind": "refuse", "path": "/services/rest/auth", "params": {"status": 503}}
        ]
        (answer,) = await bench.post(chain()[0])
        assert isinstance(answer, TryLater)
        with pytest.raises(VendorUnknown):
            await bench.connector.ping()

    run(test, change=with_oauth2)


def test_incomplete_credentials_are_bad_configuration() -> None:
    """Named at start, not at the first call."""

    def lacking(config: dict[str, Any]) -> None:
        del config["credentials"]["token_secret"]

    with pytest.raises(BadConfig, match="token_secret"):
        run(nothing, change=lacking)


async def nothing(_: Bench) -> None:
    """No test at all."""


@pytest.mark.parametrize("reader", ["read_back", "look_up"])
@pytest.mark.parametrize("kind", ["malformed", "truncated", "hang", "refuse"])
def test_reading_that_fails_is_unknown(reader: str, kind: str) -> None:
    """A read raises VendorUnknown; a look-up answers that it does not know, never `not there`."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.posted(time_entry(1))
        bench.app.faults = [{"name": "bad", "kind": kind, "path": "/services/rest/query"}]
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
            document=make("contact", "C-9", customer_id="C-1", name="Kim"),
        )  # fmt: skip
        (answer,) = (await bench.connector.post([unknown])).answers
        assert isinstance(answer, SaidNo)
        with pytest.raises(VendorRefused):
            await bench.connector.changes("invoices", None)

    run(test)
