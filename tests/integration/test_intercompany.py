"""A consultant of one entity on another's project: two legs in two ERPs that agree to the cent, and what if not.

UK01 is on NetSuite already, US01 still on SAP. The consultant of UK01 costs 70.00 GBP an hour; UK01
charges US01 cost plus 8%. 440 minutes are 513.33… GBP, so 554.40 GBP with the mark-up, which at the rate
of 30 September, 1.3142, is 728.59 USD in the books of US01.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from router.canonical.kinds import parse
from router.connectors.port import Delivery, Posted, Record
from router.errors import VendorUnknown
from router.model import JobId, SystemId
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_serve import answers, free_port, posted, running, serve
from tests.integration.test_workflows import approve, polled
from tests.integration.test_workflows import at_work as psa_at_work
from tests.integration.test_workflows import worked as psa_worked

ROUTES = """
version: 1
default: {authority: sap_ecc}
rules:
  - {id: uk-on-cloud, when: 'legal_entity == "UK01"', authority: netsuite}
"""
US = {"legal_entity": "US01", "region": "AMER", "currency": "USD"}
LINE = {
    "line": 1, "bills": "time", "description": "Time and materials", "tax_code": "US-EXEMPT", "service_line": "CONSULTING",
}  # fmt: skip
WIP, UNBILLED = "140000", "410000"
DUE_FROM, DUE_TO, IC_REVENUE, IC_COST = "130000", "235000", "450000", "650000"
EMPLOYEES = "240000"


async def send(stand: Stand, kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """Send the example of a kind under an id; the first answer."""
    answer = await stand.post(event(kind, f"{kind} {name}", document_id=name, **fields))
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def at_work(stand: Stand, *, person: bool = True) -> None:
    """A project of US01, and a consultant of UK01."""
    if person:
        await send(stand, "resource", "R-100")
    await send(stand, "rate_card", "RC-US01", **US)
    await send(stand, "customer", "C-US", **US, country="US")
    await send(stand, "contract", "K-US", **US, customer_id="C-US", rate_card_id="RC-US01", lines=[LINE])
    await send(stand, "project", "P-US", **US, customer_id="C-US", contract_id="K-US", cost_center="CC-US01")
    await stand.settled()


async def worked(stand: Stand, name: str = "TE-1", **fields: Any) -> dict[str, Any]:
    """An approved time entry of the consultant on the project."""
    return await send(stand, "time_entry", name, **{**US, "project_id": "P-US", **fields})


def ledger(stand: Stand, erp: str, entity: str) -> dict[str, int]:
    """Account → balance in the entity's own currency, debit positive; what stands at nothing left out."""
    books = stand.simulators[erp].sim.books  # type: ignore[attr-defined]
    found: dict[str, int] = books.ledger.base_balance(entity)
    return {account: minor for account, minor in found.items() if minor}


async def pairs(stand: Stand, period: str = "2026-10") -> list[dict[str, Any]]:
    """The match of a period."""
    found: list[dict[str, Any]] = (await stand.get(f"/v1/intercompany?period={period}"))["pairs"]
    return found


def test_work_across_entities_stands_in_both_ledgers_to_the_cent(tmp_path: Path) -> None:
    """Due from and due to in two ERPs, revenue and cost; the time itself in the project's books; all match."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        await worked(stand)
        await stand.settled()
        legs = await stand.of_kind("journal_entry")
        assert [(row["document_id"], row["authority"], row["state"]) for row in legs] == [
            ("IC-TE-1.from", "netsuite", "posted"), ("IC-TE-1.to", "sap_ecc", "posted"),
        ]  # fmt: skip
        assert ledger(stand, "netsuite", "UK01") == {DUE_FROM: 55_440, IC_REVENUE: -55_440}
        assert ledger(stand, "sap_ecc", "US01") == {
            WIP: 109_950, UNBILLED: -109_950, IC_COST: 72_859, DUE_TO: -72_859,
        }  # fmt: skip
        assert ledger(stand, "sap_ecc", "UK01") == {} == ledger(stand, "netsuite", "US01")
        (pair,) = await pairs(stand)
        assert (pair["provider"], pair["receiver"], pair["currency"]) == ("UK01", "US01", "GBP")
        assert (pair["due_from"], pair["due_to"], pair["status"]) == ("554.40", "554.40", "matched")
        again = await stand.post(
            event("time_entry", "time_entry TE-1", document_id="TE-1", **US, project_id="P-US")
        )
        assert again.status_code == 200
        assert len(await stand.of_kind("journal_entry")) == 2, "a repeat charges nothing"

    on_stand(tmp_path, test, routes=ROUTES)


def test_a_correction_takes_the_charge_back(tmp_path: Path) -> None:
    """The opposite of an entry brings the opposite of its legs: nothing is left on any account of either ERP."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        await worked(stand)
        await worked(stand, "TE-1.r1", minutes=-440, adjusts="TE-1")
        await stand.settled()
        assert ledger(stand, "netsuite", "UK01") == {}
        assert ledger(stand, "sap_ecc", "US01") == {}
        (pair,) = await pairs(stand)
        assert (pair["due_from"], pair["due_to"], pair["status"]) == ("0.00", "0.00", "matched")
        back = await stand.get("/v1/documents/journal_entry/IC-TE-1.r1.to")
        assert back["reverses"] == "IC-TE-1.to"

    on_stand(tmp_path, test, routes=ROUTES)


@pytest.mark.parametrize("known", [True, False])
def test_an_entry_split_at_a_cap_is_charged_and_taken_back_to_the_cent(tmp_path: Path, known: bool) -> None:
    """440 minutes, half of them under the cap: 554.95 charged, at once or later; 277.48 and 277.47 taken back."""

    async def test(stand: Stand) -> None:
        person = {"cost_rates": [{"hourly": "70.07", "starts": "2026-01-01"}]}
        if known:
            await send(stand, "resource", "R-100", **person)
        await at_work(stand, person=False)
        await send(
            stand, "contract", "K-CAP", **US, customer_id="C-US", rate_card_id="RC-US01",
            lines=[LINE | {"cap": "550.00"}],
        )  # fmt: skip
        fields = {**US, "customer_id": "C-US", "contract_id": "K-CAP", "cost_center": "CC-US01"}
        await send(stand, "project", "P-CAP", **fields)
        await stand.settled()
        await worked(stand, project_id="P-CAP")
        if not known:
            await send(stand, "resource", "R-100", **person)
            body = {"legal_entity": "US01", "period": "2026-10"}
            charged = await stand.post(body, "/v1/processes/charge-intercompany")
            assert charged.json()["legs"] == ["IC-TE-1.from", "IC-TE-1.to"]
        await stand.settled()
        # 7 h 20 min x 70.07 x 1.08 = 554.9544; under the cap of 550.00 are 220 minutes at 150.00
        assert ledger(stand, "netsuite", "UK01") == {DUE_FROM: 55_495, IC_REVENUE: -55_495}
        for name in ("", ".beyond"):
            back = {"adjusts": f"TE-1{name}", "project_id": "P-CAP", "billable": not name}
            await worked(stand, f"TE-1.r1{name}", minutes=-220, **back)
        await stand.settled()
        assert ledger(stand, "netsuite", "UK01") == {}
        (pair,) = await pairs(stand)
        assert (pair["due_from"], pair["due_to"], pair["status"]) == ("0.00", "0.00", "matched")

    on_stand(tmp_path, test, routes=ROUTES)


def test_an_expense_is_owed_to_the_employer(tmp_path: Path) -> None:
    """84.20 USD of the consultant: US01 owes UK01 instead of the employee, UK01 owes the employee; at cost.

    84.20 USD are 64.07 GBP in the books of UK01, at 1 / 1.3142.
    """

    async def test(stand: Stand) -> None:
        await at_work(stand)
        await send(stand, "expense_item", "EX-1", **US, project_id="P-US", expense_date="2026-10-29")
        await stand.settled()
        assert ledger(stand, "netsuite", "UK01") == {DUE_FROM: 6_407, EMPLOYEES: -6_407}
        found = ledger(stand, "sap_ecc", "US01")
        assert found[DUE_TO] == -8_420
        assert EMPLOYEES not in found, "the employee is paid by the employer"
        (pair,) = await pairs(stand)
        assert (pair["due_from"], pair["due_to"], pair["currency"]) == ("84.20", "84.20", "USD")

    on_stand(tmp_path, test, routes=ROUTES)


def test_an_edited_leg_is_found_and_blocks_the_close(tmp_path: Path) -> None:
    """Somebody changes the amount in one ERP: the match says which leg, and neither entity can hard close."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        await worked(stand)
        await stand.settled()
        edit(stand, "sap_ecc", "IC-TE-1.to", 50_000)
        (pair,) = await pairs(stand)
        assert (pair["status"], pair["code"]) == ("mismatch", "intercompany-mismatch")
        assert (pair["due_from"], pair["due_to"], pair["difference"]) == ("554.40", "500.00", "54.40")
        (leg,) = pair["legs"]
        assert (leg["document_id"], leg["system"], leg["cause"]) == ("IC-TE-1.to", "sap_ecc", "edited")
        for entity in ("UK01", "US01"):
            answer = await stand.post({"why": "month end"}, f"/v1/periods/{entity}/2026-10:close")
            assert (answer.status_code, answer.json()["type"]) == (409, "urn:coexist:problem:open-items")
            assert "IC-TE-1.to (sap_ecc): edited" in answer.json()["detail"]
        (row,) = (await stand.get("/v1/breaks"))["breaks"]
        assert (row["code"], row["delta"], row["cause"]) == ("intercompany-mismatch", "54.40", "edited")
        (found,) = (await stand.get("/v1/exceptions?type=intercompany-mismatch"))["exceptions"]
        assert (found["queue"], found["legal_entity"]) == ("finance-operations", "US01")
        edit(stand, "sap_ecc", "IC-TE-1.to", 55_440)
        again = await stand.post({"period": "2026-10"}, "/v1/intercompany:match")
        assert (again.status_code, again.json()["matched"]) == (200, True)
        assert (await stand.get("/v1/breaks"))["breaks"] == [], "put right, it is no exception any more"
        closed = await stand.post({"why": "month end"}, "/v1/periods/UK01/2026-10:close")
        assert (closed.status_code, closed.json()["state"]) == (200, "closed")

    on_stand(tmp_path, test, routes=ROUTES)


class Undated:
    """A connector that gives its ledger entries without a date."""

    def __init__(self, inner: Any) -> None:
        self.system, self.capabilities = inner.system, inner.capabilities
        self._inner = inner

    async def read_back(self, kind: str, **span: Any) -> list[Record]:
        """What the ERP holds, undated."""
        return [replace(row, accounting_date="") for row in await self._inner.read_back(kind, **span)]


def test_an_entry_without_a_date_is_an_error_of_its_erp(tmp_path: Path) -> None:
    """It names the entry; whoever watches asks again the next time and does not end by it."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        await worked(stand)
        await stand.settled()
        watch = stand.router.watch
        matches = watch._matches
        matches._connectors = {name: Undated(one) for name, one in stand.router.connectors.items()}  # type: ignore[misc]
        with pytest.raises(VendorUnknown, match="journal entry IC-TE-1"):
            await matches.match("2026-10")
        watching = asyncio.create_task(watch.run())
        await asyncio.sleep(24 * 3600)
        assert not watching.done()
        watching.cancel()

    on_stand(tmp_path, test, routes=ROUTES)


def test_a_mismatch_is_an_exception_by_itself_within_half_a_day(tmp_path: Path) -> None:
    """Nobody asks and nothing is closed: at half past noon it is found, and gone when it was put right."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        await worked(stand)
        await stand.settled()
        watching = asyncio.create_task(stand.router.watch.run())
        await asyncio.sleep(4 * 3600)
        assert (await stand.get("/v1/exceptions"))["exceptions"] == [], "what matches is nobody's business"
        edit(stand, "sap_ecc", "IC-TE-1.to", 50_000)
        await asyncio.sleep(12 * 3600)
        (found,) = (await stand.get("/v1/exceptions?type=intercompany-mismatch"))["exceptions"]
        assert (found["queue"], found["legal_entity"]) == ("finance-operations", "US01")
        edit(stand, "sap_ecc", "IC-TE-1.to", 55_440)
        await asyncio.sleep(12 * 3600)
        assert (await stand.get("/v1/exceptions"))["exceptions"] == []
        watching.cancel()

    on_stand(tmp_path, test, routes=ROUTES)


def edit(stand: Stand, erp: str, external_id: str, minor: int) -> None:
    """Somebody changes the amount of a ledger entry in an ERP."""
    books = stand.simulators[erp].sim.books  # type: ignore[attr-defined]
    for line in books.get("journal_entry", external_id).lines:
        line.minor = minor if line.minor > 0 else -minor


@pytest.mark.parametrize("order", ["person first", "work first"])
def test_work_of_a_person_not_known_yet_is_charged_later(tmp_path: Path, order: str) -> None:
    """No legs at first; the match finds them missing once the person is known, and a run adds them."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        if order == "person first":
            await send(stand, "resource", "R-7")
        await worked(stand, resource_id="R-7")
        if order == "work first":
            assert await pairs(stand) == []
            await send(stand, "resource", "R-7")
            await stand.settled()
            other = {**US, "project_id": "P-US", "document_id": "TE-1", "minutes": 1}
            refused = await stand.post(event("time_entry", "another", resource_id="R-7", **other))
            assert refused.status_code == 422, "refused, so it brings no legs along"
            assert await stand.of_kind("journal_entry") == []
            (pair,) = await pairs(stand)
            assert [(leg["document_id"], leg["cause"]) for leg in pair["legs"]] == [
                ("IC-TE-1.from", "leg-missing"), ("IC-TE-1.to", "leg-missing"),
            ]  # fmt: skip
            body = {"legal_entity": "US01", "period": "2026-10"}
            for legs in (["IC-TE-1.from", "IC-TE-1.to"], []):
                told = (await stand.post(body, "/v1/processes/charge-intercompany")).json()
                assert told["legs"] == legs
        await stand.settled()
        (pair,) = await pairs(stand)
        assert (pair["due_from"], pair["due_to"], pair["status"]) == ("554.40", "554.40", "matched")

    on_stand(tmp_path, test, routes=ROUTES)


ARRIVALS = [
    order
    for order in permutations(["R-100", "TE-1", "TE-1.r1", "TE-2"])
    if order.index("TE-1") < order.index("TE-1.r1")  # what it corrects is sent before a correction
]


@pytest.mark.parametrize("order", ARRIVALS[::2])
def test_the_books_are_the_same_for_any_order_of_arrival(tmp_path: Path, order: Sequence[str]) -> None:
    """Person, entry, its opposite, another entry: once all came and are charged, only the other one is left."""

    async def test(stand: Stand) -> None:
        await at_work(stand, person=False)
        for name in order:
            if name == "R-100":
                await send(stand, "resource", name)
            elif name == "TE-1.r1":
                await worked(stand, name, minutes=-440, adjusts="TE-1")
            else:
                await worked(stand, name)
            await asyncio.sleep(1)
        body = {"legal_entity": "US01", "period": "2026-10"}
        assert (await stand.post(body, "/v1/processes/charge-intercompany")).status_code == 200
        await stand.settled()
        assert ledger(stand, "netsuite", "UK01") == {DUE_FROM: 55_440, IC_REVENUE: -55_440}
        assert ledger(stand, "sap_ecc", "US01") == {
            WIP: 109_950, UNBILLED: -109_950, IC_COST: 72_859, DUE_TO: -72_859,
        }  # fmt: skip
        assert [pair["status"] for pair in await pairs(stand)] == ["matched"]

    on_stand(tmp_path, test, routes=ROUTES)


def test_both_legs_move_to_a_day_both_books_are_open(tmp_path: Path) -> None:
    """UK01 has closed October: its leg would land in November, so both do, and the match still holds."""

    async def test(stand: Stand) -> None:
        await at_work(stand)
        answer = await stand.post({"why": "early close", "force": True}, "/v1/periods/UK01/2026-10:close")
        assert answer.status_code == 200, answer.text
        await worked(stand)
        await stand.settled()
        dates = [
            (await stand.get(f"/v1/documents/{kind}/{name}"))["accounting_date"]
            for kind, name in (
                ("time_entry", "TE-1"), ("journal_entry", "IC-TE-1.from"), ("journal_entry", "IC-TE-1.to"),
            )
        ]  # fmt: skip
        assert dates == ["2026-10-30", "2026-11-01", "2026-11-01"]
        assert await pairs(stand) == []
        assert [pair["status"] for pair in await pairs(stand, "2026-11")] == ["matched"]

    on_stand(tmp_path, test, routes=ROUTES)


def test_the_same_on_real_sockets(tmp_path: Path) -> None:
    """Simulators, gateway and worker on sockets: both ledgers to the cent, matched; closed, late work moves on."""
    ready, routes = tmp_path / "ready.json", tmp_path / "routes.yaml"
    routes.write_text(ROUTES)
    database = f"sqlite:///{tmp_path}/journal.sqlite"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with (
        running("simulate", "--ports", "free", "--ready-file", str(ready), ready=ready.exists),
        running(*serve(ready, database, port, routes), ready=lambda: answers(url)),
        httpx.Client(base_url=url, trust_env=False, timeout=30) as http,
    ):
        ids = []
        for kind, fields in WORK:
            sent = http.post("/v1/transactions", json=event(kind, **fields))
            assert sent.status_code == 202, sent.text
            ids.append(sent.json()["transaction_id"])
        posted(url, ids)
        legs = [http.get(f"/v1/documents/journal_entry/IC-TE-100.{side}").json() for side in ("from", "to")]
        assert [(leg["legal_entity"], leg["lines"][0]["amount"]) for leg in legs] == [
            ("UK01", "554.40"), ("US01", "554.40"),
        ]  # fmt: skip
        for _ in range(100):
            (pair,) = http.get("/v1/intercompany?period=2026-10").json()["pairs"]
            if pair["status"] == "matched":
                break
            time.sleep(0.1)
        assert (pair["due_from"], pair["due_to"], pair["status"]) == ("554.40", "554.40", "matched")
        systems = orjson.loads(ready.read_bytes())
        books = [
            http.get(f"{systems[erp]['url']}/_sim/state").json()["base_balance"][entity]
            for erp, entity in (("netsuite", "UK01"), ("sap_ecc", "US01"))
        ]
        assert (books[0][DUE_FROM], books[0][IC_REVENUE]) == (55_440, -55_440)
        assert (books[1][IC_COST], books[1][DUE_TO]) == (72_859, -72_859)
        closed = http.post("/v1/periods/UK01/2026-10:close", json={"why": "month end"})
        assert (closed.status_code, closed.json()["state"]) == (200, "closed"), closed.text
        late = http.post("/v1/transactions", json=event("expense_item"))
        document = http.get(late.json()["status_url"]).json()["document"]
        assert (document["accounting_date"], document["expense_date"]) == ("2026-11-01", "2026-10-29")


WORK: list[tuple[str, dict[str, Any]]] = [
    ("resource", {}),
    ("rate_card", {**US, "document_id": "RC-US01"}),
    ("customer", {**US, "country": "US"}),
    ("contract", {**US, "rate_card_id": "RC-US01", "lines": [LINE]}),
    ("project", {**US, "cost_center": "CC-US01"}),
    ("time_entry", US),
]


@pytest.mark.parametrize(
    ("erp", "entity", "other"), [("netsuite", "UK01", "US01"), ("sap_ecc", "US01", "UK01")]
)
def test_an_entry_by_hand_is_found_in_either_erp(tmp_path: Path, erp: str, entity: str, other: str) -> None:
    """Somebody books 560.00 GBP due from the other entity in one ERP only: that pair no longer matches, and says so."""

    async def test(stand: Stand) -> None:
        made = event("journal_entry", legal_entity=entity, counterparty=other, document_id="HAND-1")["data"]
        made |= {"region": stand.router.landscape.legal_entities[entity].region, "purpose": "intercompany"}
        sent = Delivery(job_id=JobId(1), external_id="HAND-1", operation="create", document=parse(made))
        (answer,) = (await stand.router.connectors[SystemId(erp)].post([sent])).answers
        assert isinstance(answer, Posted), answer
        (pair,) = await pairs(stand)
        assert (pair["provider"], pair["receiver"], pair["status"]) == (entity, other, "mismatch")
        assert (pair["difference"], pair["legs"][0]["cause"]) == ("560.00", "by-hand")

    on_stand(tmp_path, test, routes=ROUTES)


def test_work_approved_in_the_psa_is_charged_too(tmp_path: Path) -> None:
    """A consultant of DE01 on a project of UK01, approved in Kantata: 440 minutes at 70.00 EUR plus 8% are 554.40."""

    async def test(stand: Stand) -> None:
        await stand.posted("rate_card", "customer", "contract", "project")
        await send(stand, "resource", "R-100", legal_entity="DE01", currency="EUR")
        await psa_at_work(stand)
        await approve(stand, await psa_worked(stand, minutes=440))
        await polled(stand)
        (pair,) = await pairs(stand)
        assert (pair["provider"], pair["receiver"], pair["currency"]) == ("DE01", "UK01", "EUR")
        assert (pair["due_from"], pair["due_to"], pair["status"]) == ("554.40", "554.40", "matched")

    on_stand(tmp_path, test, routes=ROUTES)
