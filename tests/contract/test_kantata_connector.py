"""The Kantata connector before the simulated account: racing feeds, projects, status, lost answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.connectors.port import Missing, NoAnswer, NotThere, Observed, Posted, SaidNo, TryLater
from router.errors import BadInput, VendorRefused, VendorUnknown
from simulators.psa.kantata.schema import COLLECTIONS
from simulators.psa.kantata.state import text_of
from tests.contract.source_bench import Bench, at_the_bench, connect, delivery, payment, project

API = "/api/v1"
TIME = "time_entries"
Row = dict[str, Any]


def reference(number: int, subject: str, subject_id: str, ref: str) -> Row:
    """An external reference that carries a canonical id."""
    return {
        "id": str(number),
        "service_name": "coexist",
        "service_model": subject,
        "service_model_ref": ref,
        "subject_type": subject,
        "subject_id": subject_id,
    }


def seed(entries: int = 0) -> dict[str, list[Row]]:
    """Two projects (one without our code), two people, and time that nobody approved yet."""
    return {
        "users": [{"id": "1", "full_name": "Ada"}, {"id": "2", "full_name": "Bo"}],
        "workspaces": [
            {"id": "11", "title": "Data platform", "currency": "GBP"},
            {"id": "12", "title": "Internal", "currency": "JPY"},
        ],
        "time_entries": [
            {
                "id": str(1000 + at),
                "workspace_id": "11",
                "user_id": "1",
                "date_performed": "2026-10-30",
                "time_in_minutes": 30 + at,
                "billable": True,
                "active_submission_id": str(500 + at),
            }
            for at in range(entries)
        ],
        "timesheet_submissions": [
            {"id": str(500 + at), "user_id": "1", "status": "pending", "time_entry_ids": [str(1000 + at)]}
            for at in range(entries)
        ],
        "external_references": [
            reference(1, "Workspace", "11", "P-UK01-0001"),
            reference(2, "User", "1", "E-0001"),
        ],
    }


async def call(bench: Bench, method: str, path: str, body: Any = None) -> Row:
    """Something a person does."""
    answer = await bench.person.request(method, API + path, json=body)
    assert answer.status_code == 200, answer.text
    found: Row = answer.json()
    return found


async def approve(bench: Bench, *numbers: int) -> None:
    """A manager approves timesheets by their number."""
    for number in numbers:
        await call(
            bench, "PUT", f"/timesheet_submissions/{number}/approve", {"resolution": {"description": "ok"}}
        )


async def enter(bench: Bench, rows: list[Row]) -> str:
    """Somebody enters time and hands it in; returns the submission."""
    made = await call(bench, "POST", "/time_entries", {"time_entries": rows})
    ids = [row["id"] for row in made["results"]]
    sheet = {"title": "week", "workspace_id": rows[0]["workspace_id"], "line_item_ids": ids}
    handed_in = await call(bench, "POST", "/timesheet_submissions", {"timesheet_submission": sheet})
    return str(handed_in["results"][0]["id"])


def as_document(event: Observed, **more: Any) -> Document:
    """The canonical document of an event, with what enrichment adds."""
    header = {
        "legal_entity": "UK01",
        "region": "EMEA",
        "business_unit": "CONSULTING",
        "accounting_date": "2026-10-30",
    }
    return parse({**event.data, "kind": event.kind, **header, **more})


DIMENSIONS = {"department": "DELIVERY", "practice": "DATA", "service_line": "BUILD", "cost_center": "CC-1"}


def test_approved_time_is_a_canonical_entry() -> None:
    """Only approved time appears, with canonical ids from external references."""

    async def story(bench: Bench) -> None:
        assert (await bench.drain(TIME))[0] == []
        await approve(bench, 501)
        ((event,), _) = await bench.drain(TIME)
        assert (event.kind, event.verb, event.vendor_id) == ("time_entry", "approved", "1001")
        entry = as_document(event, role="CONSULTANT", currency="GBP", bill_rate="100.00", **DIMENSIONS)
        assert event.data == {
            "document_id": "TE-1001", "project_id": "P-UK01-0001", "resource_id": "E-0001", "work_date": "2026-10-30",
            "minutes": 31, "billable": True, "notes": "",
        }  # fmt: skip
        assert entry.document_id == "TE-1001"

    at_the_bench("kantata", story, seed=seed(3))


def test_a_row_without_a_code_is_still_given() -> None:
    """A project or person without reference leaves the id out, so that ingest can park the row; later it is known."""

    async def story(bench: Bench) -> None:
        row = {"workspace_id": "12", "user_id": "2", "date_performed": "2026-10-30", "time_in_minutes": 5}
        await approve(bench, int(await enter(bench, [row])))
        ((event,), _) = await bench.drain(TIME)
        assert "project_id" not in event.data
        assert "resource_id" not in event.data
        for subject, number, ref in (("Workspace", "12", "P-NEW"), ("User", "2", "E-0002")):
            named = {"external_reference": reference(0, subject, number, ref)}
            await call(bench, "POST", "/external_references/create_or_update", named)
        ((again,), _) = await bench.drain(TIME)
        assert (again.event_id, again.data["project_id"], again.data["resource_id"]) == (
            event.event_id, "P-NEW", "E-0002",
        )  # fmt: skip

    at_the_bench("kantata", story, seed=seed())


def test_expenses_keep_their_currency_s_minor_units() -> None:
    """Cents become decimals by `currency_base_unit`: two places for GBP, none for JPY, three for BHD."""

    async def story(bench: Bench) -> None:
        amounts = {}
        for workspace, currency, cents in (("11", "GBP", 1999), ("12", "JPY", 1999), ("11", "BHD", -5)):
            body = {
                "workspace_id": workspace, "user_id": "1", "date": "2026-10-29", "category": "Meals & Ent.",
                "amount_in_cents": cents, "currency": currency,
            }  # fmt: skip
            made = await call(bench, "POST", "/expenses", {"expense": body})
            expense_id = made["results"][0]["id"]
            report = {"title": "trip", "workspace_id": workspace, "line_item_ids": [expense_id]}
            sent = await call(
                bench, "POST", "/expense_report_submissions", {"expense_report_submission": report}
            )
            await call(bench, "PUT", f"/expense_report_submissions/{sent['results'][0]['id']}/approve")
            amounts[currency] = expense_id
        events, _ = await bench.drain("expenses")
        found = {event.data["currency"]: event.data["amount"] for event in events}
        assert found == {"GBP": "19.99", "JPY": "1999", "BHD": "-0.005"}
        assert {event.kind for event in events} == {"expense_item"}
        assert events[0].data["category"] == "Meals_Ent"
        item = as_document(next(event for event in events if event.data["currency"] == "GBP"), **DIMENSIONS)
        assert str(item.money) == "19.99"

    at_the_bench("kantata", story, seed=seed())


@pytest.mark.parametrize("priced", ["story", "billing"])
def test_a_completed_milestone_carries_its_amount(priced: str) -> None:
    """Milestones come when completed, priced by the story or by its billing milestone."""

    async def story(bench: Bench) -> None:
        body: Row = {"workspace_id": "11", "title": "Go-live", "story_type": "milestone"}
        body |= {"budget_estimate_in_cents": 250_050} if priced == "story" else {}
        number = (await call(bench, "POST", "/stories", {"story": body}))["results"][0]["id"]
        if priced == "billing":
            bill = {"workspace_id": "11", "title": "Go-live", "story_id": number, "amount_in_cents": 250_050}
            await call(bench, "POST", "/billing_milestones", {"billing_milestone": bill})
        await call(
            bench,
            "POST",
            "/stories",
            {"story": {"workspace_id": "11", "title": "Task", "state": "completed"}},
        )
        assert (await bench.drain("milestones"))[0] == []
        await call(bench, "PUT", f"/stories/{number}", {"story": {"state": "completed"}})
        ((event,), cursor) = await bench.drain("milestones")
        assert event.data == {
            "document_id": f"MS-{number}", "project_id": "P-UK01-0001", "name": "Go-live", "amount": "2500.50",
            "currency": "GBP", "completed_on": "2026-10-30",
        }  # fmt: skip
        as_document(event, contract_id="K-1", contract_line=1)
        await asyncio.sleep(100)
        await call(bench, "PUT", f"/stories/{number}", {"story": {"due_date": "2026-12-01"}})
        again, _ = await bench.drain("milestones", cursor)
        assert {row.event_id for row in again} <= {event.event_id}

    at_the_bench("kantata", story, seed=seed())


# --- racing feeds -------------------------------------------------------------------------------


def touch(bench: Bench, number: int) -> None:
    """Something unrelated changes an approved entry, as invoicing or an integration does."""
    account = bench.app.sim._account  # type: ignore[attr-defined]
    account.change(COLLECTIONS[TIME], str(number), {"is_invoiced": False})


def test_rows_that_move_while_paging_are_not_lost() -> None:
    """400 rows approved in one second, some changed between pages: every one is given, none twice."""

    async def story(bench: Bench) -> None:
        rows = [
            {"workspace_id": "11", "user_id": "1", "date_performed": "2026-10-30", "time_in_minutes": 1 + at}
            for at in range(400)
        ]
        for first in range(0, 400, 100):
            await approve(bench, int(await enter(bench, rows[first : first + 100])))
        await asyncio.sleep(1)
        page = await bench.connector.changes(TIME, None, limit=100)
        given = [event.vendor_id for event in page.events]
        for number in range(1, 60):  # already given: the rest of the second moves up by 59 places
            touch(bench, number)
        rest, cursor = await bench.drain(TIME, page.cursor, limit=100)
        given += [event.vendor_id for event in rest]
        assert sorted(map(int, given)) == list(range(1, 401))
        await asyncio.sleep(100)
        before = len(bench.app.requests.last(10_000))
        assert (await bench.drain(TIME, cursor))[0] == []
        asked = bench.app.requests.last(10_000)[before:]
        assert len(asked) <= 3  # an idle feed costs a request or two, not the whole last second

    at_the_bench("kantata", story, seed=seed())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["approve", "late", "cancel", "edit", "touch", "delete", "wait", "poll", "crash"]),
        st.integers(0, 9),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@example(old=False, steps=[("approve", 1), ("poll", 0), ("late", 2)])
@example(old=True, steps=[("poll", 0), ("touch", 0), ("poll", 0)])
@given(old=st.booleans(), steps=STEPS)
def test_no_approved_entry_is_missed_or_renamed(old: bool, steps: list[tuple[str, int]]) -> None:
    """Approvals, changes, take-backs and restarts between pages: what stays approved was given, under one id."""

    async def story(bench: Bench) -> None:
        cursor: str | None = None
        ids: dict[tuple[str, str, int], set[str]] = {}

        async def poll(stored: str | None) -> str:
            page = await bench.connector.changes(TIME, stored, limit=3)
            for event in page.events:
                key = (event.vendor_id, str(event.raw["active_submission_id"]), event.data["minutes"])
                ids.setdefault(key, set()).add(event.event_id)
            return page.cursor

        if old:  # a full second of the past, that only the anchor guards
            await approve(bench, *range(500, 510))
            await asyncio.sleep(100)
        for word, at in steps:
            if word == "wait":
                await asyncio.sleep(at * at * 0.3)
            elif word == "poll":
                cursor = await poll(cursor)
            elif word == "crash":
                await poll(cursor)
                bench.reconnect()
            else:
                await _act(bench, word, at)
        for _ in range(25):
            cursor = await poll(cursor)
        now = bench.app.sim.state()["records"][TIME]
        standing = {
            (row["id"], row["active_submission_id"], row["time_in_minutes"]) for row in now if row["approved"]
        }
        assert standing <= set(ids)
        assert all(len(found) == 1 for found in ids.values())
        together = [event_id for found in ids.values() for event_id in found]
        assert len(together) == len(set(together))

    at_the_bench("kantata", story, seed=seed(10))


def _seen_late(bench: Bench, number: int) -> None:
    """A transaction that took five seconds: its rows appear with an older stamp."""
    account = bench.app.sim._account  # type: ignore[attr-defined]
    table = account.tables[TIME]
    created, updated = table.at[number]
    row = {**table.rows[number], "updated_at": text_of(updated - 5)}
    table.put(number, row, created, updated - 5)


async def _act(bench: Bench, word: str, at: int) -> None:
    """One thing a person can do to entry number `at`, if it can be done now."""
    entry = bench.app.sim._account.find(TIME, 1000 + at)  # type: ignore[attr-defined]
    if entry is None:
        return
    sheet = entry["active_submission_id"]
    if word == "approve" and not entry["approved"]:
        if sheet is None:
            body: Row = {"title": "again", "workspace_id": "11", "line_item_ids": [entry["id"]]}
            made = await call(bench, "POST", "/timesheet_submissions", {"timesheet_submission": body})
            sheet = made["results"][0]["id"]
        await approve(bench, int(sheet))
    elif word == "late" and not entry["approved"] and sheet is not None:
        await approve(bench, int(sheet))
        _seen_late(bench, 1000 + at)
    elif word == "cancel" and sheet is not None:
        await call(bench, "PUT", f"/timesheet_submissions/{sheet}/cancel")
    elif word == "edit" and not entry["approved"]:
        body = {"time_entry": {"time_in_minutes": entry["time_in_minutes"] + 100}}
        await call(bench, "PUT", f"/time_entries/{entry['id']}", body)
    elif word == "touch" and entry["approved"]:
        touch(bench, 1000 + at)
    elif word == "delete" and not entry["approved"] and at > 7:
        await bench.person.delete(f"{API}/time_entries/{entry['id']}")


def test_reading_beside_a_busy_month_end() -> None:
    """Managers approve while the feed is polled at random moments: nothing is missed, nothing has two ids."""

    async def story(bench: Bench) -> None:
        rng = random.Random(7)
        given: dict[str, set[str]] = {}

        async def managers() -> None:
            for number in rng.sample(range(120), 120):
                await approve(bench, 500 + number)
                await asyncio.sleep(rng.random() / 3)
                if rng.random() < 0.3:
                    touch(bench, 1000 + number)

        work = asyncio.create_task(managers())
        cursor: str | None = None
        while not work.done():
            page = await bench.connector.changes(TIME, cursor, limit=10)
            for event in page.events:
                given.setdefault(event.vendor_id, set()).add(event.event_id)
            cursor = page.cursor
            await asyncio.sleep(rng.random())
        rest, _ = await bench.drain(TIME, cursor, limit=10)
        for event in rest:
            given.setdefault(event.vendor_id, set()).add(event.event_id)
        assert len(given) == 120
        assert all(len(ids) == 1 for ids in given.values())

    at_the_bench("kantata", story, seed=seed(120))


# --- writes -------------------------------------------------------------------------------------


def workspaces(bench: Bench) -> list[Row]:
    """All projects of the account."""
    found: list[Row] = bench.app.sim.state()["records"]["workspaces"]
    return found


def test_a_project_is_made_from_its_template_once() -> None:
    """A project becomes a workspace with the template's tasks and our reference; time on it finds its code."""

    async def story(bench: Bench) -> None:
        wanted = delivery(project("P-UK01-0009"))
        assert await bench.look_up(wanted) == NotThere()
        answer = await bench.post(wanted)
        assert isinstance(answer, Posted)
        assert await bench.look_up(wanted) == answer
        made = workspaces(bench)[-1]
        assert (made["id"], made["title"], made["currency"]) == (
            answer.vendor_id,
            "P-UK01-0009 Data platform",
            "GBP",
        )
        stories = bench.app.sim.state()["records"]["stories"]
        assert [row["title"] for row in stories if row["workspace_id"] == made["id"]] == [
            "Delivery",
            "Project management",
        ]
        row = {
            "workspace_id": made["id"],
            "user_id": "1",
            "date_performed": "2026-10-30",
            "time_in_minutes": 9,
        }
        await approve(bench, int(await enter(bench, [row])))
        ((event,), _) = await bench.drain(TIME)
        assert event.data["project_id"] == "P-UK01-0009"
        odd = await bench.post(delivery(project("P-X", template="MOON")))
        assert isinstance(odd, SaidNo)
        assert odd.code == "UNKNOWN_TEMPLATE"

    at_the_bench("kantata", story, seed=seed())


@pytest.mark.parametrize("kind", ["drop_answer", "malformed", "truncated", "hang"])
def test_a_lost_creation_is_found_not_repeated(kind: str) -> None:
    """There is no idempotency key: after a lost answer only the look-up says whether to send again."""

    async def story(bench: Bench) -> None:
        bench.app.faults = [
            {"name": "f", "kind": kind, "method": "POST", "path": f"{API}/workspaces", "first": 1}
        ]
        wanted = delivery(project())
        assert isinstance(await bench.post(wanted), NoAnswer)
        found = await bench.look_up(wanted)
        if kind == "hang":
            assert found == NotThere()
            assert isinstance(await bench.post(wanted), Posted)
        else:
            assert isinstance(found, Posted)
        assert len([row for row in workspaces(bench) if row["title"].startswith("P-UK01-0001 ")]) == 1

    at_the_bench("kantata", story, seed={"users": seed()["users"]})


def test_a_lost_reference_is_mended() -> None:
    """A workspace with our code in its title but without reference is found by title and given its reference."""

    async def story(bench: Bench) -> None:
        for title in ("P-UK01-00011 Other", "P-UK01-0001 Data platform"):
            body = {"title": title, "creator_role": "maven"}
            made = await call(bench, "POST", "/workspaces", {"workspace": body})
        wanted = delivery(project())
        assert await bench.look_up(wanted) == Posted(vendor_id=made["results"][0]["id"])
        (kept,) = bench.app.sim.state()["records"]["external_references"]
        assert (kept["service_model_ref"], kept["subject_id"]) == ("P-UK01-0001", made["results"][0]["id"])

    at_the_bench("kantata", story)


def test_cancelling_archives() -> None:
    """A cancelled project is archived, is found as cancelled, and approved time of it is still given."""

    async def story(bench: Bench) -> None:
        await approve(bench, 500)
        gone = delivery(project(), "cancel")
        assert await bench.look_up(gone) == NotThere()
        assert await bench.post(gone) == Posted(vendor_id="11")
        assert await bench.look_up(gone) == Posted(vendor_id="11")
        assert workspaces(bench)[0]["archived"] is True
        assert len((await bench.drain(TIME))[0]) == 1
        nobody = await bench.post(delivery(project("P-NOPE"), "cancel"))
        assert isinstance(nobody, SaidNo)

    at_the_bench("kantata", story, seed=seed(1))


def test_invoice_status_is_kept_as_reference() -> None:
    """An invoice's status is one reference of its project; payment changes it; two invoices are two."""

    async def story(bench: Bench) -> None:
        told = {
            "project_id": "P-UK01-0001",
            "invoice_id": "INV-1",
            "number": "900",
            "total": "12.00",
            "currency": "GBP",
        }
        for status in ("posted", "paid"):
            step = delivery(payment(), "feedback", {**told, "status": status})
            assert await bench.look_up(step) == NotThere()
            assert isinstance(await bench.post(step), Posted)
            assert isinstance(await bench.look_up(step), Posted)
        other = delivery(
            payment(), "feedback", {**told, "invoice_id": "INV-2", "number": "901", "status": "posted"}
        )
        assert isinstance(await bench.post(other), Posted)
        rows = [
            row
            for row in bench.app.sim.state()["records"]["external_references"]
            if row["service_model"] == "Invoice"
        ]
        assert [
            (row["service_model_ref"], row["external_status"], row["external_message"]) for row in rows
        ] == [
            ("900", "paid", "12.00 GBP"),
            ("901", "posted", "12.00 GBP"),
        ]
        orphan = delivery(payment(), "feedback", {**told, "project_id": "P-NOPE", "status": "paid"})
        assert await bench.post(orphan) == Missing(kind="project", document_id="P-NOPE")

    at_the_bench("kantata", story, seed=seed())


def test_refusals_and_throttling_keep_their_meaning() -> None:
    """422 is a refusal with its field; 429 without Retry-After and 503 are later; a dead token is renewed once."""

    async def story(bench: Bench) -> None:
        bad = await bench.post(
            delivery(payment(), "feedback", {"project_id": "P-UK01-0001", "status": "paid"})
        )
        assert bad == SaidNo(
            code="validation", message="service_model_ref can't be blank", field="service_model_ref"
        )
        wanted = delivery(project("P-2"))
        await bench.connector.ping()
        bench.app.faults = [{"name": "f", "kind": "throttle", "path": API, "params": {"retry_after_s": 7}}]
        answer = await bench.post(wanted)
        assert isinstance(answer, TryLater)
        assert (answer.after_s, answer.throttled) == (None, True)
        with pytest.raises(VendorUnknown) as caught:
            await bench.connector.changes(TIME, None)
        assert caught.value.throttled
        bench.app.faults = [{"name": "f", "kind": "refuse", "path": API}]
        assert isinstance(await bench.post(wanted), TryLater)
        bench.app.faults = []
        bench.app.sim.tokens.revoke_all()  # type: ignore[attr-defined]
        assert isinstance(await bench.post(wanted), Posted)
        bench.reconnect(secret="wrong")
        with pytest.raises(VendorRefused):
            await bench.connector.ping()

    at_the_bench("kantata", story, seed=seed())


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"results": [{"key": "time_entries", "id": "1"}], "time_entries": {}}',
        b'{"results": [{"key": "time_entries", "id": "1"}], "time_entries": {"1": {"id": "1"}}}',
        b'{"results": [{"key": "time_entries", "id": "1"}], "time_entries": {"1": {"id": "x", "updated_at": "2026-10-30T00:00:00Z"}}}',
        b'{"results": [{"key": "time_entries", "id": "1"}], "time_entries": {"1": {"id": "1", "updated_at": "2026-10-30"}}}',
        b"[" * 100_000,
    ],
)
def test_a_hostile_answer_is_unknown(body: bytes) -> None:
    """Wrong shapes end as VendorUnknown on the feed and as NoAnswer on a write."""

    async def story(bench: Bench) -> None:
        await _hostile(bench, lambda _: httpx.Response(200, content=body))

    at_the_bench("kantata", story)


async def _hostile(bench: Bench, answer: Callable[[httpx.Request], httpx.Response]) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t"})
        if "project_templates" in request.url.path:
            return httpx.Response(200, json={"results": [], "project_templates": {}})
        return answer(request)

    http = httpx.AsyncClient(transport=httpx.MockTransport(respond), trust_env=False)
    bench.connector = connect("kantata", bench.app, bench.clock, http=http)
    with pytest.raises(VendorUnknown):
        await bench.connector.changes(TIME, None)
    assert isinstance(await bench.post(delivery(project())), NoAnswer)
    assert isinstance(await bench.look_up(delivery(project())), NoAnswer)
    await http.aclose()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "{}",
        "[]",
        '{"at":"x","n":0,"id":"","began":"","seen":""}',
        '{"at":"","n":"1","id":"","began":"","seen":""}',
    ],
)
def test_a_damaged_cursor_is_refused(cursor: str) -> None:
    """A cursor that is not ours never reaches a query."""

    async def story(bench: Bench) -> None:
        with pytest.raises(BadInput):
            await bench.connector.changes(TIME, cursor)
        with pytest.raises(BadInput):
            await bench.connector.changes("nothing", None)

    at_the_bench("kantata", story)
