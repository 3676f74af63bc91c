"""The Salesforce connector before the simulated org: feed, write-back, lost answers, hostile answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.canonical.kinds import parse
from router.canonical.masters import Opportunity
from router.connectors.port import Missing, NoAnswer, NotThere, Posted, SaidNo, TryLater
from router.errors import BadInput, VendorRefused, VendorUnknown
from simulators.crm.salesforce import make_id
from tests.contract.source_bench import Bench, at_the_bench, connect, delivery, payment, project

FEED = "opportunities"
API = "/services/data/v59.0"
ACCOUNT = make_id("001", 1)
DEALS = [make_id("006", number) for number in range(1, 30)]


def seed(deals: int = 3, **changed: Any) -> dict[str, Any]:
    """One account and some deals that are not won yet."""
    account = {"Id": ACCOUNT, "Name": "Northwind", "Customer_Code__c": "C-0001", "BillingCountryCode": "GB"}
    row = {
        "AccountId": ACCOUNT,
        "StageName": "Negotiation",
        "Amount": "1234.50",
        "CurrencyIsoCode": "GBP",
        "CloseDate": "2026-10-30",
        "Legal_Entity__c": "UK01",
        "Business_Unit__c": "CONSULTING",
        "Billing_Type__c": "Fixed Fee",
        **changed,
    }
    return {
        "Account": [account],
        "Opportunity": [{**row, "Id": DEALS[at], "Name": f"Deal {at}"} for at in range(deals)],
    }


async def win(bench: Bench, at: int) -> None:
    """A salesperson closes a deal."""
    answer = await bench.person.patch(
        f"{API}/sobjects/Opportunity/{DEALS[at]}", json={"StageName": "Closed Won"}
    )
    assert answer.status_code == 204, answer.text


async def record(bench: Bench, at: int = 0) -> dict[str, Any]:
    """A deal as the org holds it."""
    found: dict[str, Any] = (await bench.person.get(f"{API}/sobjects/Opportunity/{DEALS[at]}")).json()
    return found


def facts(**given: Any) -> dict[str, Any]:
    """What workflows write back of a project."""
    return {"opportunity_id": f"OPP-{DEALS[0]}", "project_code": "P-UK01-0001", "status": "active", **given}


def test_a_won_deal_is_a_canonical_opportunity() -> None:
    """Only won deals appear, in canonical words that make a document with region and date added."""

    async def story(bench: Bench) -> None:
        assert (await bench.drain(FEED))[0] == []
        await win(bench, 1)
        ((event,), _) = await bench.drain(FEED)
        assert (event.kind, event.verb, event.event_id) == ("opportunity", "won", f"{DEALS[1]}@won")
        document = parse(
            {**event.data, "kind": "opportunity", "region": "EMEA", "accounting_date": "2026-10-30"}
        )
        assert isinstance(document, Opportunity)
        assert document.document_id == f"OPP-{DEALS[1]}"
        assert (str(document.amount), document.currency, document.billing) == ("1234.50", "GBP", "fixed_fee")
        assert (document.customer_id, document.customer_name, document.country) == (
            "C-0001",
            "Northwind",
            "GB",
        )
        assert (document.legal_entity, document.template, document.won) == ("UK01", "STANDARD", True)

    at_the_bench("salesforce", story, seed=seed())


def test_an_amount_stays_exact() -> None:
    """A JSON number of 16 digits arrives digit for digit."""

    async def story(bench: Bench) -> None:
        await win(bench, 0)
        ((event,), _) = await bench.drain(FEED)
        assert event.data["amount"] == "90071992547409.93"

    at_the_bench("salesforce", story, seed=seed(1, Amount="90071992547409.93"))


def test_our_own_write_back_is_no_second_win() -> None:
    """Edits of a won deal, ours among them, bring no new event; a deal that has its project never appears."""

    async def story(bench: Bench) -> None:
        await win(bench, 0)
        (first, cursor) = await bench.drain(FEED)
        assert len(first) == 1
        await asyncio.sleep(5)
        await bench.person.patch(f"{API}/sobjects/Opportunity/{DEALS[0]}", json={"NextStep": "call"})
        again, cursor = await bench.drain(FEED, cursor)
        assert {event.event_id for event in again} <= {first[0].event_id}
        told = await bench.post(delivery(project(), "feedback", facts()))
        assert told == Posted(vendor_id=DEALS[0])
        await asyncio.sleep(60)
        assert (await bench.drain(FEED, cursor))[0] == []
        assert (await bench.drain(FEED))[0] == []

    at_the_bench("salesforce", story, seed=seed())


def test_a_row_that_joins_a_read_second_is_given() -> None:
    """Stamps have whole seconds: a deal won in a second that was read already, with a smaller id, comes too."""

    async def story(bench: Bench) -> None:
        await win(bench, 2)
        first, cursor = await bench.drain(FEED)
        await asyncio.sleep(0.2)
        await win(bench, 0)
        second, cursor = await bench.drain(FEED, cursor)
        assert [event.vendor_id for event in [*first, *second]] == [DEALS[2], DEALS[0]]
        assert (await bench.drain(FEED, cursor))[0] == []

    at_the_bench("salesforce", story, seed=seed())


def test_a_page_that_was_not_stored_comes_again() -> None:
    """Whoever comes back with the older cursor is given the same events: memory never hides a row."""

    async def story(bench: Bench) -> None:
        for at in range(5):
            await win(bench, at)
        page = await bench.connector.changes(FEED, None, limit=2)
        assert page.more
        again = await bench.connector.changes(FEED, None, limit=2)
        assert [event.event_id for event in again.events] == [event.event_id for event in page.events]
        rest, _ = await bench.drain(FEED, page.cursor, limit=2)
        assert [event.vendor_id for event in [*page.events, *rest]] == DEALS[:5]

    at_the_bench("salesforce", story, seed=seed(6))


def test_server_pages_are_followed() -> None:
    """A page the server cuts short is completed through nextRecordsUrl."""

    async def story(bench: Bench) -> None:
        for at in range(7):
            await win(bench, at)
        page = await bench.connector.changes(FEED, None, limit=200)
        assert (len(page.events), page.more) == (7, False)

    at_the_bench("salesforce", story, seed=seed(7), options={"page_size": "3"})


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from(["win", "edit", "wait", "poll", "crash", "code"]), st.integers(0, 11)),
        max_size=40,
    )
)
def test_every_win_is_given_under_one_id(steps: list[tuple[str, int]]) -> None:
    """Whatever happens between pages, each won deal without a project is given, always under one id."""

    async def story(bench: Bench) -> None:
        cursor: str | None = None
        given: dict[str, set[str]] = {}
        won: set[int] = set()
        coded: set[int] = set()

        async def poll(stored: str | None) -> str:
            page = await bench.connector.changes(FEED, stored, limit=2)
            for event in page.events:
                given.setdefault(event.vendor_id, set()).add(event.event_id)
            return page.cursor

        for word, at in steps:
            if word == "win" and at not in won:
                await win(bench, at)
                won.add(at)
            elif word == "edit":
                await bench.person.patch(f"{API}/sobjects/Opportunity/{DEALS[at]}", json={"NextStep": "x"})
            elif word == "wait":
                await asyncio.sleep(at * at / 10)
            elif word == "code" and DEALS[at] in given:
                body = {"Project_Code__c": f"P-{at}"}
                await bench.person.patch(f"{API}/sobjects/Opportunity/{DEALS[at]}", json=body)
                coded.add(at)
            elif word == "poll":
                cursor = await poll(cursor)
            elif word == "crash":
                await poll(cursor)
                bench.reconnect()
        for _ in range(9):
            cursor = await poll(cursor)
        assert {DEALS[at] for at in won} == set(given)
        assert all(len(ids) == 1 for ids in given.values())

    at_the_bench("salesforce", story, seed=seed(12))


# --- write-back ---------------------------------------------------------------------------------


def test_status_is_written_and_found_again() -> None:
    """Project, invoice and payment land in their fields; a look-up compares what the record holds."""

    async def story(bench: Bench) -> None:
        told = delivery(project(), "feedback", facts())
        assert await bench.look_up(told) == NotThere()
        assert await bench.post(told) == Posted(vendor_id=DEALS[0])
        assert await bench.look_up(told) == Posted(vendor_id=DEALS[0])
        invoice = {"project_id": "P-UK01-0001", "number": "INV-7", "status": "posted", "total": "120.00"}
        paid = delivery(payment(), "feedback", invoice)
        assert await bench.look_up(paid) == NotThere()
        assert await bench.post(paid) == Posted(vendor_id=DEALS[0])
        assert await bench.look_up(paid) == Posted(vendor_id=DEALS[0])
        row = await record(bench)
        assert (row["Project_Code__c"], row["Project_Status__c"]) == ("P-UK01-0001", "active")
        assert (row["Last_Invoice_Number__c"], row["Last_Invoice_Status__c"]) == ("INV-7", "posted")
        assert row["Invoiced_Total__c"] == 120

    at_the_bench("salesforce", story, seed=seed())


def test_a_failed_project_leaves_its_reason_and_no_code() -> None:
    """The problem is written; the deal keeps no code, so that it can be set up later."""

    async def story(bench: Bench) -> None:
        failed = facts(status="failed", problem="customer refused: " + "x" * 400)
        assert isinstance(await bench.post(delivery(project(), "feedback", failed)), Posted)
        row = await record(bench)
        assert row["Project_Code__c"] is None
        assert row["Project_Problem__c"].startswith("customer refused")
        assert len(row["Project_Problem__c"]) == 255

    at_the_bench("salesforce", story, seed=seed())


def test_refusals_keep_their_words() -> None:
    """A business refusal carries code and field; an unknown project is a missing prerequisite, not created."""

    async def story(bench: Bench) -> None:
        await bench.post(delivery(project(), "feedback", facts()))
        double = await bench.post(delivery(project(), "feedback", facts(opportunity_id=f"OPP-{DEALS[1]}")))
        assert isinstance(double, SaidNo)
        assert (double.code, double.field) == ("DUPLICATE_VALUE", "Project_Code__c")
        gone = await bench.post(delivery(project(), "feedback", facts(opportunity_id=f"OPP-{DEALS[20]}")))
        assert isinstance(gone, SaidNo)
        assert gone.code == "NOT_FOUND"
        orphan = delivery(payment(), "feedback", {"project_id": "P-NOPE", "number": "1", "status": "paid"})
        assert await bench.post(orphan) == Missing(kind="project", document_id="P-NOPE")
        assert await bench.look_up(orphan) == NotThere()
        assert len(bench.app.sim.state()["records"]["Opportunity"]) == 3
        assert isinstance(await bench.post(delivery(project(), "create")), SaidNo)

    at_the_bench("salesforce", story, seed=seed())


@pytest.mark.parametrize("kind", ["drop_answer", "malformed", "truncated", "hang"])
def test_a_lost_answer_is_looked_up(kind: str) -> None:
    """After a lost answer the outcome is open, and the look-up tells what became of it."""

    async def story(bench: Bench) -> None:
        bench.app.faults = [
            {
                "name": "f",
                "kind": kind,
                "method": "PATCH",
                "first": 1,
                "params": {"status": 500} if kind == "malformed" else {},
            }
        ]
        told = delivery(project(), "feedback", facts())
        answer = await bench.post(told)
        if kind == "truncated":  # a 204 has no body to lose
            assert isinstance(answer, Posted)
            return
        assert isinstance(answer, NoAnswer), answer
        found = await bench.look_up(told)
        assert found == (NotThere() if kind == "hang" else Posted(vendor_id=DEALS[0]))

    at_the_bench("salesforce", story, seed=seed())


def test_throttling_is_later_not_lost() -> None:
    """429, 503 and the daily quota were not acted upon; on the feed they are raised as throttling."""

    async def story(bench: Bench) -> None:
        told = delivery(project(), "feedback", facts())
        bench.app.faults = [{"name": "f", "kind": "throttle", "params": {"retry_after_s": 7}}]
        assert await bench.post(told) == TryLater(reason="no token: status 429", after_s=7.0, throttled=True)
        bench.app.faults = []
        await bench.connector.ping()
        bench.app.faults = [{"name": "f", "kind": "throttle", "params": {"retry_after_s": 7}}]
        answer = await bench.post(told)
        assert isinstance(answer, TryLater)
        assert (answer.after_s, answer.throttled) == (7.0, True)
        with pytest.raises(VendorUnknown) as caught:
            await bench.connector.changes(FEED, None)
        assert caught.value.throttled
        bench.app.faults = [{"name": "f", "kind": "refuse"}]
        assert isinstance(await bench.post(told), TryLater)

    at_the_bench("salesforce", story, seed=seed())


def test_the_daily_quota_comes_back() -> None:
    """A spent quota says try later until the day has rolled on."""

    async def story(bench: Bench) -> None:
        for _ in range(3):
            await bench.connector.ping()
        answer = await bench.post(delivery(project(), "feedback", facts()))
        assert isinstance(answer, TryLater)
        assert answer.throttled
        assert "REQUEST_LIMIT_EXCEEDED" in answer.reason
        with pytest.raises(VendorUnknown) as caught:
            await bench.connector.changes(FEED, None)
        assert caught.value.throttled
        await asyncio.sleep(25 * 3600)
        assert isinstance(await bench.post(delivery(project(), "feedback", facts())), Posted)

    at_the_bench("salesforce", story, seed=seed(), options={"daily_requests": "3", "session_s": "1000000"})


def test_an_expired_session_is_renewed_once() -> None:
    """Sessions end in the middle of work: the connector logs in again and nobody notices."""

    async def story(bench: Bench) -> None:
        await bench.connector.ping()
        await asyncio.sleep(11)
        answers = await asyncio.gather(*(bench.connector.changes(FEED, None) for _ in range(5)))
        assert len(answers) == 5
        logins = [entry for entry in bench.app.requests.last(100) if entry.path.endswith("/token")]
        assert len(logins) == 3  # the person, the first call, one renewal for five callers

    at_the_bench("salesforce", story, seed=seed(), options={"session_s": "10"})


def test_wrong_credentials_are_no_document_s_fault() -> None:
    """Bad credentials are raised, and no secret enters the recorded exchange."""

    async def story(bench: Bench) -> None:
        result = await bench.connector.post([delivery(project(), "feedback", facts())])
        assert "Bearer" not in result.exchange.request
        assert "secret" not in result.exchange.request
        assert "PATCH" in result.exchange.request
        bench.reconnect(secret="wrong")
        with pytest.raises(VendorRefused):
            await bench.connector.ping()

    at_the_bench("salesforce", story, seed=seed())


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", '{"id": 7, "success": true}', '{"id": "006", "success": false}']
)
def test_a_yes_that_is_none_is_looked_up(body: str) -> None:
    """A proxy's 200 may stand in place of a refusal: without the org's own words it is unknown what was written."""

    async def story(bench: Bench) -> None:
        await bench.post(delivery(project(), "feedback", facts()))
        bench.app.faults = [
            {"name": "proxy", "kind": "malformed", "method": "PATCH", "first": 1, "params": {"body": body}},
        ]
        invoice = {"project_id": "P-UK01-0001", "number": "INV-7", "status": "posted", "total": "120.00"}
        told = delivery(payment(), "feedback", invoice)
        answer = await bench.post(told)
        assert isinstance(answer, NoAnswer), answer

    at_the_bench("salesforce", story, seed=seed())


# --- hostile answers ----------------------------------------------------------------------------


def hostile(answer: Callable[[httpx.Request], httpx.Response]) -> Callable[[Bench], Any]:
    """A story in which the org logs in well and then answers as told."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json={"access_token": "t", "instance_url": "http://evil.example"})
        assert request.url.host == "vendor.example"
        return answer(request)

    async def story(bench: Bench) -> None:
        http = httpx.AsyncClient(transport=httpx.MockTransport(respond), trust_env=False)
        bench.connector = connect("salesforce", bench.app, bench.clock, http=http)
        with pytest.raises(VendorUnknown):
            await bench.connector.changes(FEED, None)
        told = await bench.post(delivery(project(), "feedback", facts()))
        assert isinstance(told, NoAnswer), told
        await http.aclose()

    return story


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[1]",
        b'{"records": {}}',
        b'{"records": [1], "done": true}',
        b'{"records": [{"Id": "nope", "SystemModstamp": "x"}], "done": true}',
        b'{"records": [{"Id": "006000000000001AAA", "SystemModstamp": "yesterday"}], "done": true}',
        b'{"records": [], "done": false, "nextRecordsUrl": "http://evil.example/services/data/v59.0/query/1"}',
        b'{"records": [], "done": false, "nextRecordsUrl": "/services/data/v59.0/query/1"}',
        b'{"records": [{"Id": NaN}], "done": true}',
        b"[" * 100_000,
        b" " * (17 * 1024 * 1024),
    ],
)
def test_a_hostile_answer_is_unknown(body: bytes) -> None:
    """Wrong shapes, endless pages, foreign addresses, nesting and sheer size end as VendorUnknown, quickly."""
    at_the_bench("salesforce", hostile(lambda _: httpx.Response(200, content=body)))


def test_a_redirect_is_not_followed() -> None:
    """A redirect is an answer that can't be used."""
    at_the_bench(
        "salesforce", hostile(lambda _: httpx.Response(302, headers={"location": "http://evil.example/"}))
    )


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "{}",
        '{"at":"x","id":"","began":"","seen":""}',
        '{"at":"","id":"\' OR","began":"","seen":""}',
        "[]",
    ],
)
def test_a_damaged_cursor_is_refused(cursor: str) -> None:
    """A cursor that is not ours never reaches a query."""

    async def story(bench: Bench) -> None:
        with pytest.raises(BadInput):
            await bench.connector.changes(FEED, cursor)
        with pytest.raises(BadInput):
            await bench.connector.changes("nothing", None)

    at_the_bench("salesforce", story)


def test_a_raw_row_can_be_stored() -> None:
    """What the feed gives can be kept as JSON by who accepts it."""

    async def story(bench: Bench) -> None:
        await win(bench, 0)
        ((event,), _) = await bench.drain(FEED)
        kept = orjson.loads(orjson.dumps({"data": event.data, "raw": event.raw}, default=str))
        assert kept["raw"]["Id"] == DEALS[0]

    at_the_bench("salesforce", story, seed=seed(1))
