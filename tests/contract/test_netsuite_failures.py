"""What the NetSuite connector says when things go wrong: lost answers, doubled requests, storms, bad logins."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from router.canonical.documents import Document
from router.clock import WallClock
from router.connectors.netsuite import connect
from router.connectors.port import (
    Answer,
    Delivery,
    Missing,
    NoAnswer,
    NotThere,
    Posted,
    TryLater,
)
from router.errors import VendorRefused, VendorUnknown
from router.landscape import System, read_landscape
from router.model import JobId, SystemId
from simulators.erp import netsuite as sim
from tests.contract.erp_contract import (
    Bench,
    billing_event,
    chain,
    expense_item,
    invoice,
    milestone,
    promises_exactly_once_after_a_lost_answer,
    time_entry,
)
from tests.contract.netsuite_bench import RECORD, SlowAnswers, run, with_oauth2

LANDSCAPE = read_landscape()


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


def test_a_throttled_look_at_the_new_invoice_is_repeated() -> None:
    """The invoice is made; reading it may take a few tries, and for good it leaves the answer in doubt."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        await bench.post(time_entry(1), time_entry(2, work_date="2026-11-30"))
        storm = {"name": "storm", "kind": "throttle", "method": "GET", "path": RECORD + "invoice"}
        bench.app.faults = [storm | {"first": 3}]
        posted = await bench.posted(billing_event(1))
        assert len(posted.created) == 1
        bench.app.faults = [storm]
        (found,) = await bench.look_up(billing_event(1))
        assert isinstance(found, NoAnswer)

    run(test)


@pytest.mark.parametrize("listening", [False, True], ids=["refused", "cut"])
def test_a_refused_connection_is_not_a_cut_one(listening: bool) -> None:
    """Nobody listens: not acted upon. The connection is cut after the request: nobody knows."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def main() -> list[Answer]:
        server = await asyncio.start_server(cut, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if not listening:
            server.close()
            await server.wait_closed()
        data = LANDSCAPE.systems[SystemId("netsuite")].model_dump(mode="json")
        options = data["options"] | {"subsidiary.UK01": "2"}
        config = System.model_validate(data | {"base_url": f"http://127.0.0.1:{port}", "options": options})
        known = dict.fromkeys(config.credentials.values(), "x")
        async with httpx.AsyncClient(trust_env=False) as client:
            connector = connect(
                SystemId("netsuite"), config, landscape=LANDSCAPE, client=client, clock=WallClock(),
                rng=random.Random(1), secrets=known.__getitem__,
            )  # fmt: skip
            document = chain()[0]
            delivery = Delivery(job_id=JobId(1), external_id="C", operation="cancel", document=document)
            result = await connector.post([delivery])
        server.close()
        return list(result.answers)

    (answer,) = asyncio.run(main())
    assert isinstance(answer, NoAnswer if listening else TryLater)


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


def test_a_reference_netsuite_lost_is_missing_too() -> None:
    """The crosswalk has an id the account does not know (restored, or deleted by hand)."""

    async def test(bench: Bench) -> None:
        await bench.chain()
        bench.refs["contract", "K-UK01"], order = "987654", bench.refs["contract", "K-UK01"]
        assert await bench.post(billing_event()) == [Missing(kind="contract", document_id="K-UK01")]
        bench.refs["contract", "K-UK01"] = order
        bench.refs["project", "P-UK01"] = "987654"
        assert await bench.post(billing_event()) == [Missing(kind="project", document_id="P-UK01")]
        assert await bench.post(time_entry(1)) == [Missing(kind="project", document_id="P-UK01")]
        assert await bench.post(expense_item(1)) == [Missing(kind="project", document_id="P-UK01")]
        assert (
            await bench.post(time_entry(1), time_entry(2))
            == [Missing(kind="project", document_id="P-UK01")] * 2
        )

    run(test)


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
