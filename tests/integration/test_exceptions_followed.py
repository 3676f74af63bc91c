"""Exceptions of what came in: each is produced, its page is read, and what the page says is done until nothing is left.

`told` reads the guidance as a person would; `as_told` replays with the options it names. A type whose guidance
ends in a resolution leaves its transaction where it was, with who resolved it; everything else is posted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.canonical import events
from router.canonical.examples import example
from router.exceptions.catalogue import CATALOGUE
from router.exceptions.guidance import QUEUES, REPLAYS
from router.journal.port import Submission
from router.landscape import default_file
from router.model import SystemId
from simulators.hcm.worker_feed import API_KEY
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_exceptions import MASTERS, POLL_S, SAP, corrected, one, replayed, sent, settled
from tests.integration.test_workflows import PSA, approve, at_work, worked

Follow = Callable[[Stand], Awaitable[None]]
Options = Callable[[Path], dict[str, Any]]
SAID = {"by": "ann", "why": "as the guidance says"}
AS_TOLD = {"yes": {}, "newest-mapping": {"mapping": "newest"}, "route-again": {"route": "again"}}
"""What a replay is asked for, by what the guidance says of it."""


async def told(at: Stand, type_: str) -> dict[str, Any]:
    """The only exception of a type; its page names an owner, a system, a field, a mend, and whether a replay will do."""
    row = await one(at, type_)
    entry, guidance = CATALOGUE[type_], row["guidance"]
    assert (row["queue"], row["owner"]) == (entry.queue, QUEUES[entry.queue])
    assert (guidance["replay"], guidance["replay_in_words"]) == (entry.replay, REPLAYS[entry.replay])
    for name in ("title", "what_is_wrong", "system", "field", "mend", "example"):
        assert guidance[name].strip(), name
        assert "…" not in guidance[name], f"{name} names what nobody knows: {guidance[name]}"
    return row


async def as_told(at: Stand, row: dict[str, Any]) -> None:
    """Replay it, with the option its guidance names."""
    await replayed(at, row, **AS_TOLD[row["guidance"]["replay"]])
    await settled(at)


async def resolved(at: Stand, row: dict[str, Any], why: str) -> None:
    """Say that it is done, where the guidance says to resolve it."""
    assert "resolve" in row["guidance"]["mend"]
    answer = await at.post({**SAID, "why": why}, f"/v1/exceptions/{row['id']}:resolve")
    assert (answer.status_code, answer.json()["case"]) == (200, "resolved"), answer.text


async def nothing_left(at: Stand) -> None:
    """No exception is open, and every transaction is posted but those somebody resolved."""
    await settled(at)
    left = (await at.get("/v1/exceptions"))["exceptions"]
    assert [(row["type"], row["problem"] or row["why"]) for row in left if row["role"] != "feedback"] == []
    done = {row["transaction_id"] for row in (await at.get("/v1/exceptions?state=resolved"))["exceptions"]}
    rows = [row async for row in at.router.journal.transactions()]
    assert {row["state"] for row in rows if row["transaction_id"] not in done} == {"posted"}


async def posted(at: Stand, kind: str, *names: str) -> None:
    """These documents of a kind are in their ERP."""
    rows = await at.of_kind(kind)
    assert [row["document_id"] for row in rows if row["state"] == "posted"] == list(names)


async def milestone(at: Stand, cents: int) -> str:
    """Somebody completes a milestone in the PSA, and the feed is read; the story's path."""
    story = {
        "title": "Design",
        "workspace_id": "21",
        "story_type": "milestone",
        "budget_estimate_in_cents": cents,
    }
    made = await at.person("kantata", "POST", f"{PSA}/stories", {"story": story})
    path = f"{PSA}/stories/{next(iter(made['stories']))}"
    await at.person("kantata", "PUT", path, {"story": {"state": "completed"}})
    await seen(at)
    return path


async def seen(at: Stand) -> None:
    """The feeds have been read, and the ERPs have answered."""
    await asyncio.sleep(POLL_S)
    await settled(at)


def fixed(fee: str, line: int = 1) -> dict[str, Any]:
    """A line of a contract that bills milestones up to a fee."""
    plain = event("contract")["data"]["lines"][0]
    return {**plain, "line": line, "bills": "milestones", "description": "Fixed fee", "fee": fee}


async def on_fixed_fee(at: Stand, fee: str) -> None:
    """A project at a fixed fee, with its workspace in the PSA."""
    await sent(at, "rate_card", "resource", "customer")
    await sent(at, "contract", billing="fixed_fee", lines=[fixed(fee)])
    await sent(at, "project")
    await at_work(at)


async def agreed(at: Stand, *lines: dict[str, Any]) -> None:
    """A change order: the contract as it then stands, from its beginning on."""
    await sent(at, "change_order", lines=list(lines), effective="2026-10-01")


# --- one a type: produce it, read its page, do what it says ------------------------------------------


async def contract_unknown(at: Stand) -> None:
    # The ERP waits for the contract with the project; the router is asked meanwhile.
    await sent(at, "rate_card", "resource", "customer")
    await at.post(event("project"))
    await at_work(at)
    await approve(at, await worked(at))
    await asyncio.sleep(POLL_S)
    row = await told(at, "contract-unknown")
    assert "K-100" in row["guidance"]["what_is_wrong"]
    assert (await at.post(event("contract"))).status_code == 202
    await as_told(at, row)
    assert len(await at.of_kind("time_entry")) == 1


async def contract_without_milestones(at: Stand) -> None:
    await sent(at, *MASTERS)
    await at_work(at)
    await milestone(at, 500_000)
    row = await told(at, "contract-without-milestones")
    await agreed(at, event("contract")["data"]["lines"][0], fixed("20000.00", line=2))
    await as_told(at, row)
    (stands,) = await at.of_kind("milestone")
    assert (stands["state"], stands["amount_minor"]) == ("posted", 500_000)


async def stale_version(at: Stand) -> None:
    # Two systems number a change 3 while version 2 is missing: the second of them can never follow.
    await sent(at, *MASTERS)
    for name in ("CO-3", "CO-OTHER"):
        assert (
            await at.post(event("change_order", name, contract_version=3, document_id=name))
        ).status_code == 202
    await at.post(event("change_order", "two", contract_version=2, document_id="CO-2"))
    await asyncio.sleep(900)
    row = await told(at, "stale-version")
    assert "stands at 3" in row["guidance"]["what_is_wrong"]
    again = event("change_order", "four", contract_version=4, document_id="CO-4")
    assert (await at.post(again)).status_code == 202
    await resolved(at, row, "sent as version 4")
    await settled(at)
    assert len([one for one in await at.of_kind("change_order") if one["state"] == "posted"]) == 3


async def cap_below_billed(at: Stand) -> None:
    # Version 3 waits for version 2, and its cap is overtaken by the work that comes meanwhile.
    def capped(amount: str) -> list[dict[str, Any]]:
        return [{**event("contract")["data"]["lines"][0], "cap": amount}]

    def changed(version: int, amount: str) -> dict[str, Any]:
        given = {"document_id": f"CO-{version}", "contract_version": version, "lines": capped(amount)}
        return event("change_order", f"CO-{version}", **given)

    await sent(at, "rate_card", "resource", "customer")
    await sent(at, "contract", lines=capped("5000.00"))
    await sent(at, "project", "time_entry")
    for version, amount in ((3, "1000.00"), (2, "5000.00")):
        assert (await at.post(changed(version, amount))).status_code == 202
    await asyncio.sleep(900)
    row = await told(at, "cap-below-billed")
    assert "below the 1100.00 that was taken" in row["guidance"]["what_is_wrong"]
    await corrected(at, row, lines=capped("1100.00"))
    await settled(at)
    await posted(at, "change_order", "CO-3", "CO-2")


async def changed_after_acceptance(at: Stand) -> None:
    await on_fixed_fee(at, "5000.00")
    path = await milestone(at, 100_000)
    await sent(at, "billing_event")
    await at.person("kantata", "PUT", path, {"story": {"budget_estimate_in_cents": 120_000}})
    await seen(at)
    row = await told(at, "changed-after-acceptance")
    (invoice,) = await at.of_kind("invoice")
    ask = {"invoice_id": invoice["document_id"], "reason": "The milestone is worth 1,200.00",
           "lines": [{"line": 1, "net": "1200.00"}]}  # fmt: skip
    answer = await at.post(ask, "/v1/processes/credit-and-rebill")
    assert answer.status_code == 202, answer.text
    await settled(at)
    first, again = await at.of_kind("invoice")
    (memo,) = await at.of_kind("credit_memo")
    assert (first["amount_minor"], again["amount_minor"]) == (120_000, 144_000), "with 20% VAT"
    await resolved(at, row, f"credited as {memo['document_id']}, billed again as {again['document_id']}")


async def not_owner(at: Stand) -> None:
    ann = {"employeeId": "R-100", "displayName": "B. Baker", "legalEntity": "UK01", "jobRole": "CONSULTANT",
           "department": "DELIVERY", "costCenter": "CC-UK01", "currency": "GBP", "weeklyHours": "37.5",
           "costRates": [{"hourlyCost": "70.00", "validFrom": "2026-01-01"}], "hireDate": "2026-01-01"}  # fmt: skip
    await hr(at, "POST", "", ann)
    await hr(at, "PATCH", "/R-100", {"jobRole": "ARCHITECT"})
    row = await told(at, "not-owner")
    assert "role belongs to the psa" in row["guidance"]["what_is_wrong"]
    (first, _) = await at.of_kind("resource")
    stands = (await at.get(f"/v1/transactions/{first['transaction_id']}"))["document"]
    owned = event("resource", "psa", **stands | {"role": "ARCHITECT"})
    owned["source"] = "/psa/users"
    assert (await at.post(owned)).status_code == 202
    await resolved(at, row, "changed in the PSA")


async def hr(at: Stand, method: str, path: str, body: dict[str, Any]) -> None:
    """What HR does on its own screen, seen by the feed."""
    client = at.network.client(SystemId("hcm"))
    url = f"http://hcm.test/api/workers{path}"
    answer = await client.request(method, url, json=body, headers={"x-api-key": API_KEY})
    assert answer.status_code < 300, answer.text
    await asyncio.sleep(2 * POLL_S)
    await settled(at)


def psa_owns_roles(folder: Path) -> dict[str, Any]:
    """An ownership matrix that refuses a role from anybody but the PSA."""
    rules = default_file("ownership/default.yaml").text
    file = folder / "ownership.yaml"
    file.write_text(
        rules.replace("role: {owner: psa, conflict: record}", "role: {owner: psa, conflict: refuse}")
    )
    return {"landscape": lambda data: data.update(ownership=str(file))}


async def fee_exceeded(at: Stand) -> None:
    await on_fixed_fee(at, "5000.00")
    await milestone(at, 700_000)
    row = await told(at, "fee-exceeded")
    await agreed(at, fixed("8000.00"))
    await as_told(at, row)
    assert [one["amount_minor"] for one in await at.of_kind("milestone")] == [700_000]


async def fee_exceeded_by_mistake(at: Stand) -> None:
    await on_fixed_fee(at, "5000.00")
    await milestone(at, 700_000)
    row = await told(at, "fee-exceeded")
    await corrected(at, row, amount="5000.00")
    assert [one["amount_minor"] for one in await at.of_kind("milestone")] == [500_000]


DINNER = {
    "id": "71", "workspace_id": "21", "user_id": "11", "date": "2026-10-29", "category": "MEALS", "amount_in_cents": 4_800,
    "currency": "GBP", "currency_base_unit": 100, "billable": True, "approved": True, "active_submission_id": "5",
    "notes": "Dinner", "updated_at": "2026-10-30T09:00:00Z", "has_receipt": False,
}  # fmt: skip


def told_of_receipts(folder: Path) -> dict[str, Any]:
    """A mapping for an account of the PSA that says whether a receipt is attached."""
    file = folder / "kantata.yaml"
    more = "  - {version: 2, published: 2026-01-02, fields: {expense_item: {receipt: has_receipt}}}\n"
    file.write_text(default_file("mappings/kantata.yaml").text + more)
    return {"landscape": lambda data: data["systems"]["kantata"].update(mapping=str(file))}


async def without_receipt(at: Stand) -> dict[str, Any]:
    """An approved dinner over the limit; the simulated PSA has no screen for receipts, so rows are seeded."""
    await sent(at, *MASTERS)
    await at_work(at)
    await at.sim("kantata", "seed", {"expenses": [DINNER]})
    await seen(at)
    row = await told(at, "receipt-missing")
    assert "48.00 GBP" in row["guidance"]["what_is_wrong"]
    return row


async def receipt_missing(at: Stand) -> None:
    row = await without_receipt(at)
    again = {"has_receipt": True, "active_submission_id": "6", "updated_at": "2026-10-30T10:00:00Z"}
    await at.sim("kantata", "seed", {"expenses": [{**DINNER, **again}]})
    await seen(at)
    await posted(at, "expense_item", "EX-71")
    await resolved(at, row, "receipt attached, approved again")


async def receipt_missing_but_seen(at: Stand) -> None:
    row = await without_receipt(at)
    await corrected(at, row, receipt=True)
    later = {"has_receipt": True, "updated_at": "2026-10-30T11:00:00Z"}
    await at.sim("kantata", "seed", {"expenses": [{**DINNER, **later}]})
    await seen(at)
    await posted(at, "expense_item", "EX-71")


async def parked_as(at: Stand, kind: str, received: bytes, problem: str, code: str) -> None:
    """Park something as a feed's refusal is parked."""
    given = Submission(
        client="feed:kantata", idempotency_key="e1", received=received, source="/kantata/time_entries", event_id="e1",
        verb="approved", document=None, kind=kind, problem=problem, problem_code=code, keep_conflict=True,
    )  # fmt: skip
    await at.router.journal.accept([given])


async def refused(at: Stand) -> None:
    """Every rule of the firm has a code of its own, so a house rule is stood in for by what it would park."""
    body = orjson.dumps(event("time_entry", minutes=1_440))
    await parked_as(at, "time_entry", body, "minutes: 24 hours in a day need the PMO's consent", "refused")
    await sent(at, *MASTERS)
    row = await told(at, "refused")
    await corrected(at, row, minutes=440)
    await settled(at)
    await posted(at, "time_entry", "TE-100")


async def unreadable(at: Stand) -> None:
    """Feeds read or stop, and the gateway answers 422; so the row of an earlier release, without a code, is stood in."""
    await sent(at, *MASTERS)
    await parked_as(at, "time_entry", b"TE-100;R-100;7.20", "not JSON", "")
    row = await told(at, "unreadable")
    shown = await at.get(f"/v1/transactions/{row['transaction_id']}")
    assert shown["received"] == "TE-100;R-100;7.20"
    document = events.wrap(example("time_entry"), source="/test", event_id="x")["data"]
    answer = await at.post({**SAID, "document": document}, f"/v1/exceptions/{row['id']}:correct")
    assert (answer.status_code, answer.json()["goes_on"]) == (200, True), answer.text
    await settled(at)
    await posted(at, "time_entry", "TE-100")


def nothing(folder: Path) -> dict[str, Any]:
    """The default landscape."""
    del folder
    return {}


FOLLOWED: Mapping[str, tuple[Follow, Options]] = {
    "contract-unknown": (contract_unknown, nothing),
    "contract-without-milestones": (contract_without_milestones, nothing),
    "stale-version": (stale_version, nothing),
    "cap-below-billed": (cap_below_billed, nothing),
    "changed-after-acceptance": (changed_after_acceptance, nothing),
    "not-owner": (not_owner, psa_owns_roles),
    "fee-exceeded": (fee_exceeded, nothing),
    "fee-exceeded by mistake": (fee_exceeded_by_mistake, nothing),
    "receipt-missing": (receipt_missing, told_of_receipts),
    "receipt-missing but seen": (receipt_missing_but_seen, told_of_receipts),
    "refused": (refused, nothing),
    "unreadable": (unreadable, nothing),
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_doing_what_its_page_says_leaves_nothing(tmp_path: Path, name: str) -> None:
    """Produced, read, mended where the page says: it is posted, or resolved where the page says so."""
    follow, options = FOLLOWED[name]

    async def test(at: Stand) -> None:
        await follow(at)
        await nothing_left(at)

    on_stand(tmp_path, test, routes=SAP, **options(tmp_path))
