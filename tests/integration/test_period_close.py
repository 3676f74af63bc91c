"""Closing the books: soft and hard close, late entries by policy, accruals; on the real simulators."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.canonical import events
from router.errors import PeriodClosed
from router.ingest.gateway import answer_of
from router.journal.periods import PeriodMark
from router.journal.port import Accepted, Stale, Switch
from router.workflows.period_book import FRESH_S
from tests.integration.router_stand import Stand, event, on_stand

PERIODS = "/v1/periods"


def with_policy(policy: str) -> Callable[[dict[str, Any]], None]:
    """The default landscape with another late policy."""

    def change(data: dict[str, Any]) -> None:
        data["calendars"]["monthly"]["late"] = policy

    return change


async def close(stand: Stand, entity: str, period: str, verb: str = "close", **body: Any) -> Any:
    """Have a period closed (by force, unless said otherwise) or re-opened; the answer's JSON."""
    if verb == "close":
        body = {"force": True, **body}
    answer = await stand.post({"why": "month end", **body}, f"{PERIODS}/{entity}/{period}:{verb}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def send(stand: Stand, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """Send the example of a kind under an id; what the gateway said."""
    answer = await stand.post(event(kind, name, document_id=name, **fields))
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def kept(stand: Stand, told: dict[str, Any]) -> dict[str, Any]:
    """A transaction as the journal has it."""
    found: dict[str, Any] = await stand.get(told["status_url"])
    return found


def test_a_late_entry_moves_to_the_next_open_period(tmp_path: Path) -> None:
    """`next_period`: the accounting date moves, the work date stays, the history and the period say so."""

    async def test(stand: Stand) -> None:
        await close(stand, "UK01", "2026-10")
        told = await send(stand, "time_entry", "TE-1", work_date="2026-10-28", accounting_date="2026-10-28")
        found = await kept(stand, told)
        assert found["document"]["accounting_date"] == "2026-11-01"
        assert found["document"]["work_date"] == "2026-10-28"
        (late,) = [row["detail"] for row in found["history"] if row["what"] == "late"]
        assert (late["period"], late["from"], late["to"]) == ("2026-10", "2026-10-28", "2026-11-01")
        shown = await stand.get(f"{PERIODS}/UK01/2026-10")
        assert [row["document_id"] for row in shown["late"]] == ["TE-1"]
        again = await stand.post(
            event(
                "time_entry", "TE-1", document_id="TE-1", work_date="2026-10-28", accounting_date="2026-10-28"
            )
        )
        assert (again.status_code, again.json()["transaction_id"]) == (200, told["transaction_id"])
        other = await send(stand, "time_entry", "TE-2", legal_entity="DE01", currency="EUR")
        assert (await kept(stand, other))["document"]["accounting_date"] == "2026-10-30", "another entity"
        before = await send(stand, "time_entry", "TE-3", accounting_date="2026-08-31")
        assert (await kept(stand, before))["document"]["accounting_date"] == "2026-09-01"

    on_stand(tmp_path, test, work=False)


def test_a_soft_closed_period_takes_corrections_only(tmp_path: Path) -> None:
    """Reversals and entries that say why are accepted as they are; everything else is late."""

    async def test(stand: Stand) -> None:
        await send(stand, "time_entry", "TE-1")
        await close(stand, "UK01", "2026-10", "soft-close")
        fix = await send(stand, "time_entry", "TE-1R", adjusts="TE-1", minutes=-440)
        entry = await send(stand, "journal_entry", "JE-1")
        plain = await send(stand, "time_entry", "TE-2")
        dates = [(await kept(stand, one))["document"]["accounting_date"] for one in (fix, entry, plain)]
        assert dates == ["2026-10-30", "2026-10-30", "2026-11-01"]
        await close(stand, "UK01", "2026-10")
        answer = await stand.post({"why": "softer"}, f"{PERIODS}/UK01/2026-10:soft-close")
        assert (answer.status_code, answer.json()["detail"]) == (
            422,
            "period: 2026-10 of UK01 is closed for good",
        )
        last = await send(stand, "time_entry", "TE-2R", adjusts="TE-2", minutes=-440)
        assert (await kept(stand, last))["document"]["accounting_date"] == "2026-11-01"

    on_stand(tmp_path, test, work=False)


def test_refuse_is_a_422_and_reopening_lets_it_in(tmp_path: Path) -> None:
    """`refuse`: the sender is told the period; re-opened with a second person's approval, it is taken."""

    async def test(stand: Stand) -> None:
        await close(stand, "UK01", "2026-10")
        answer = await stand.post(event("time_entry"))
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:coexist:problem:period-closed"
        assert "lies in 2026-10, a closed period of UK01" in answer.json()["detail"]
        path = f"{PERIODS}/UK01/2026-10:reopen"
        alone = await stand.post({"why": "late work", "by": "ann"}, path)
        same = await stand.post({"why": "late work", "by": "ann", "approved_by": "ann"}, path)
        assert [alone.status_code, same.status_code] == [422, 422]
        assert "approved_by" in same.json()["detail"]
        opened = await close(stand, "UK01", "2026-10", "reopen", by="ann", approved_by="bob")
        assert (opened["state"], opened["by"]) == ("open", "ann")
        assert (await stand.post(event("time_entry"))).status_code == 202
        assert await stand.count() == 1

    on_stand(tmp_path, test, work=False, landscape=with_policy("refuse"))


def test_reopen_parks_until_somebody_reopens(tmp_path: Path) -> None:
    """`reopen`: parked with guidance and counted by its entity; after the re-opening it is replayed as sent."""

    async def test(stand: Stand) -> None:
        await close(stand, "UK01", "2026-10")
        told = await send(stand, "time_entry", "TE-1")
        found = await kept(stand, told)
        assert (told["state"], found["document"], found["legal_entity"]) == ("parked", None, "UK01")
        assert ":reopen), then replay" in found["problem"]
        assert [row["document_id"] for row in (await stand.get(f"{PERIODS}/UK01/2026-10"))["late"]] == [
            "TE-1"
        ]

    on_stand(tmp_path, test, work=False, landscape=with_policy("reopen"))


def test_what_was_judged_before_the_close_does_not_get_in(tmp_path: Path) -> None:
    """The journal checks again under the fence: a sender is told to send again, our own work is parked."""

    async def test(stand: Stand) -> None:
        intake, journal = stand.router.intake, stand.router.journal
        body = event("time_entry")
        judged = await intake.vetted(
            intake.submission(events.read(body), client="psa", received=orjson.dumps(body))
        )
        await close(stand, "UK01", "2026-10")
        (answer,) = await journal.accept([judged])
        assert isinstance(answer, Stale)
        with pytest.raises(PeriodClosed, match="was closed just now"):
            answer_of(answer)
        assert await stand.count() == 0
        (answer,) = await journal.accept([replace(judged, keep_conflict=True)])
        assert isinstance(answer, Accepted)
        found = await stand.get(f"/v1/transactions/{answer.transaction_id}")
        assert (found["state"], found["legal_entity"]) == ("parked", "UK01")
        assert "is closed" in found["problem"]

    on_stand(tmp_path, test, work=False)


def test_a_close_through_another_gateway_binds_this_one(tmp_path: Path) -> None:
    """Two routers on one journal: the one that has not heard of the close can't let a document in either."""

    async def test(stand: Stand) -> None:
        mark = PeriodMark(
            legal_entity="UK01", period="2026-10", state="closed", by="other", why="month end", detail={}
        )
        await send(stand, "time_entry", "TE-1")
        await stand.router.journal.mark_period(mark)
        answer = await stand.post(event("time_entry", "TE-2", document_id="TE-2"))
        assert (answer.status_code, answer.json()["mend"]) == (422, "send it again")
        await asyncio.sleep(FRESH_S)
        told = await send(stand, "time_entry", "TE-2")
        assert (await kept(stand, told))["document"]["accounting_date"] == "2026-11-01"

    on_stand(tmp_path, test, work=False)


def test_a_hard_close_names_what_is_in_the_way(tmp_path: Path) -> None:
    """Work that is not in its ERP blocks; delivered, the period closes; what was forced is recorded."""

    async def test(stand: Stand) -> None:
        told = await send(stand, "time_entry", "TE-1")
        await close(stand, "UK01", "2026-10", "soft-close")
        answer = await stand.post({"why": "month end"}, f"{PERIODS}/UK01/2026-10:close")
        assert (answer.status_code, answer.json()["type"]) == (409, "urn:coexist:problem:open-items")
        assert "time_entry TE-1 is queued" in answer.json()["detail"]
        shown = await stand.get(f"{PERIODS}/UK01/2026-10")
        assert (shown["state"], [row["code"] for row in shown["blockers"]]) == (
            "soft_closed",
            ["not-accrued"],
        )
        done = await close(stand, "UK01", "2026-10", force=True, by="ann")
        assert (done["state"], done["by"], done["overridden"]) == ("closed", "ann", 1)
        (line,) = [row async for row in stand.router.journal.history(what="period closed")]
        assert line["detail"]["named"][0]["what"] == "time_entry TE-1 is queued"
        going = [
            {
                "code": "on-its-way",
                "what": "time_entry TE-1 is queued",
                "transaction_id": told["transaction_id"],
            }
        ]
        assert (done["deliveries"], line["detail"]["deliveries"]) == (going, going)
        assert line["detail"]["on_their_way"] == 1
        states = (await stand.get(f"{PERIODS}?entity=UK01"))["periods"]
        assert [(row["period"], row["state"]) for row in states] == [
            ("2026-07", "closed"), ("2026-08", "closed"), ("2026-09", "open"), ("2026-10", "closed"),
            ("2026-11", "open"), ("2026-12", "open"),
        ]  # fmt: skip

    on_stand(tmp_path, test, work=False)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("UK01/2026-13:close", {"why": "x"}, "period: '2026-13' is no fiscal period"),
        ("ZZ/2026-10:close", {"why": "x"}, "legal_entity: there is no 'ZZ'"),
        ("UK01/2026-10:close", {}, "why: should be a text"),
        ("UK01/2026-10:close", {"why": "x", "force": "yes"}, "force: should be true or false"),
        ("UK01/2026-10:soft-close", {"why": "x", "by": 5}, "by: should be a text"),
        ("UK01/2026-10:reopen", {"why": "x", "approved_by": 5}, "approved_by: should be the name"),
    ],
)
def test_bad_orders_are_refused_in_words(tmp_path: Path, path: str, body: dict[str, Any], said: str) -> None:
    """Every field that is wrong is named; nothing is marked."""

    async def test(stand: Stand) -> None:
        answer = await stand.post(body, f"{PERIODS}/{path}")
        assert answer.status_code == 422
        assert said in answer.json()["detail"]
        assert await stand.router.journal.periods() == []

    on_stand(tmp_path, test, work=False)


HELD = """
version: 1
default: {authority: netsuite}
rules:
  - {id: freeze, when: 'legal_entity == "UK01" and kind in ["time_entry", "expense_item"]', hold: true}
"""
ACCRUED, REVENUE, WIP, UNBILLED = "145000", "400000", "140000", "410000"
THAWED = "version: 2\ndefault: {authority: netsuite}\nrules: []\n"


async def thawed(stand: Stand) -> None:
    """The freeze ends: the next table is in force and what was held is let go."""
    router = stand.router
    router.tables.publish(THAWED)
    await router.journal.publish_table(THAWED, version=2, by="test")
    await router.journal.switch(Switch(entities=["UK01"], table_version=2, by="test", why="thaw"))
    await router.journal.release(["UK01"], by="test", why="thaw")
    await stand.settled()


def test_held_work_is_accrued_and_reversed(tmp_path: Path) -> None:
    """Frozen time of 1,100.00 and an expense of 84.20: October has accrued revenue of 1,184.20, November takes it back.

    Covered by a posted accrual, the held work no longer blocks the close. Nothing is accrued twice.
    """

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer")
        time = event("contract")["data"]["lines"][0]
        lines = [time, {**time, "line": 2, "bills": "expenses", "description": "Expenses"}]
        await send(stand, "contract", "K-100", lines=lines)
        await send(stand, "project", "P-100")
        await stand.settled()
        await send(stand, "time_entry", "TE-1")
        await send(stand, "expense_item", "EX-1")
        body = {"legal_entity": "UK01", "period": "2026-10"}
        dry = (await stand.post({**body, "dry_run": True}, "/v1/processes/accrue")).json()
        (entry,) = dry["entries"]
        assert (entry["amount"], entry["currency"], entry["project_id"]) == ("1184.20", "GBP", "P-100")
        assert [row["document_id"] for row in entry["covers"]] == ["TE-1", "EX-1"]
        early = await stand.post(body, "/v1/processes/accrue")
        assert (early.status_code, early.json()["type"]) == (409, "urn:coexist:problem:period-open")
        assert early.json()["mend"].startswith("soft-close it first")
        assert await stand.of_kind("journal_entry") == [], "neither a dry run nor a refusal changes anything"
        await close(stand, "UK01", "2026-10", "soft-close")
        assert (await stand.post(body, "/v1/processes/accrue")).json()["entries"] == dry["entries"]
        again = (await stand.post(body, "/v1/processes/accrue")).json()
        assert (again["entries"], again["covered_before"]) == ([], 2)
        await stand.settled()
        entries = stand.simulators["netsuite"].sim.books.ledger.entries  # type: ignore[attr-defined]
        assert [
            (str(one.on), {line.account: line.base_minor for line in one.lines if line.account == ACCRUED})
            for one in entries
        ] == [("2026-10-31", {ACCRUED: 118_420}), ("2026-11-01", {ACCRUED: -118_420})]
        assert sum(line.base_minor for line in entries[0].lines if line.account == REVENUE) == -118_420
        closed = await close(stand, "UK01", "2026-10", force=False)
        assert (closed["state"], closed["blockers"]) == ("closed", [])
        late = await stand.post(body, "/v1/processes/accrue")
        assert late.json()["entries"] == []
        await thawed(stand)
        dates = [
            row["accounting_date"]
            for kind in ("time_entry", "expense_item")
            for row in await stand.of_kind(kind)
        ]
        assert dates == ["2026-11-01", "2026-11-01"], "held over the close, it arrives where the accrual ends"
        ledger = stand.simulators["netsuite"].sim.books.ledger  # type: ignore[attr-defined]
        assert {str(one.on) for one in ledger.entries if any(line.account == WIP for line in one.lines)} == {
            "2026-11-01"
        }
        balance = ledger.base_balance("UK01")
        assert (balance[WIP], balance[UNBILLED], balance[ACCRUED], balance[REVENUE]) == (
            118_420,
            -118_420,
            0,
            0,
        )
        (told,) = [row for row in await stand.of_kind("time_entry") if row["document_id"] == "TE-1"]
        found = await stand.get(f"/v1/transactions/{told['transaction_id']}")
        assert [row["what"] for row in found["history"]].count("late") == 1
        assert (await stand.post(event("time_entry", "TE-1", document_id="TE-1"))).status_code == 200, (
            "a repeat"
        )
        await send(stand, "time_entry", "TE-2")
        assert (await stand.get(f"{PERIODS}/UK01/2026-10"))["late"][0]["to"] == "2026-11-01"

    on_stand(tmp_path, test, routes=HELD)


CLOUD = "version: 1\ndefault: {authority: netsuite}\nrules: []\n"
BODY = {"legal_entity": "UK01", "period": "2026-10"}


def booked(stand: Stand) -> list[tuple[str, dict[str, int]]]:
    """Day and lines of everything in the cloud ERP's ledger."""
    entries = stand.simulators["netsuite"].sim.books.ledger.entries  # type: ignore[attr-defined]
    return [(str(one.on), {line.account: line.base_minor for line in one.lines}) for one in entries]


def test_refused_work_that_was_accrued_arrives_in_the_next_period(tmp_path: Path) -> None:
    """1,100.00 accrued in October and closed upon: replayed, the work is dated 1 November, where the accrual ends."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        books = stand.simulators["netsuite"].sim.books  # type: ignore[attr-defined]
        books.close_period("UK01", "2026-10")
        told = await send(stand, "time_entry", "TE-1")
        await stand.settled()
        books.open_period("UK01", "2026-10")
        await close(stand, "UK01", "2026-10", "soft-close")
        assert (await stand.post(BODY, "/v1/processes/accrue")).status_code == 200
        await stand.settled()
        closed = await close(stand, "UK01", "2026-10", force=False)
        assert (closed["state"], closed["overridden"]) == ("closed", 0)
        ids = [told["transaction_id"]]
        assert await stand.router.replays.replay(ids, route="pinned", by="ann", why="re-opened there") == 1
        await stand.settled()
        assert booked(stand) == [
            ("2026-10-31", {ACCRUED: 110_000, REVENUE: -110_000}),
            ("2026-11-01", {ACCRUED: -110_000, REVENUE: 110_000}),
            ("2026-11-01", {WIP: 110_000, UNBILLED: -110_000}),
        ]
        found = await kept(stand, told)
        assert (found["state"], found["document"]["accounting_date"]) == ("posted", "2026-11-01")
        (late,) = (await stand.get(f"{PERIODS}/UK01/2026-10"))["late"]
        assert (late["document_id"], late["from"], late["to"]) == ("TE-1", "2026-10-30", "2026-11-01")

    on_stand(tmp_path, test, routes=CLOUD)


def test_work_on_its_way_is_not_accrued(tmp_path: Path) -> None:
    """It waits for its ERP and arrives in October all the same: 1,100.00 once, and the close waits for it."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "resource", "customer", "contract", "project")
        faults = stand.simulators["netsuite"].faults
        faults.set([{"name": "down", "kind": "refuse"}])
        await send(stand, "time_entry", "TE-1")
        await asyncio.sleep(5)
        await close(stand, "UK01", "2026-10", "soft-close")
        assert (await stand.post(BODY, "/v1/processes/accrue")).json()["entries"] == []
        answer = await stand.post({"why": "month end"}, f"{PERIODS}/UK01/2026-10:close")
        assert answer.status_code == 409
        faults.set([])
        await stand.settled()
        assert booked(stand) == [("2026-10-30", {WIP: 110_000, UNBILLED: -110_000})]
        assert (await close(stand, "UK01", "2026-10", force=False))["state"] == "closed"

    on_stand(tmp_path, test, routes=CLOUD)
