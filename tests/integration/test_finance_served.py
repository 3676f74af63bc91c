"""Services finance on real sockets: one session of simulators and gateway, the ERPs' ledgers by hand, to the cent.

The cloud ERP's account has renamed a custom field, which its mapping learns only in a version published later.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from router.canonical.examples import EXAMPLES
from router.landscape import default_file
from tests.integration.router_stand import event
from tests.integration.test_billing_served import (
    AR,
    BOTH,
    DEFERRED,
    LINE,
    REVENUE,
    TAX,
    UK,
    UNBILLED,
    US,
    WIP,
    Served,
)
from tests.integration.test_corrections_served import known, settled
from tests.integration.test_serve import answers, free_port, running, serve

CASH, EMPLOYEES, EXPENSE, FX = "100000", "240000", "600000", "700000"
DE = {"legal_entity": "DE01", "region": "EMEA", "currency": "EUR"}
COUNTRY, TAX_CODE = {"UK01": "GB", "US01": "US"}, {"UK01": "GB-STD", "US01": "US-EXEMPT"}
ON_BOTH = pytest.mark.parametrize(
    ("erp", "home", "percent"), [("netsuite", UK, 20), ("sap_ecc", US, 0)], ids=["cloud", "legacy"]
)
SAID = {"by": "ann", "why": "asked the customer"}
VAT = "GB 123 4567 89"
LATER = date(2099, 1, 1)
"""Published after any day on which something is accepted here: only a replay by the newest mapping knows it."""


class Office(Served):
    """A gateway whose ledgers are reckoned from a moment on, in the entities' own currencies."""

    def __init__(self, url: str, ready: Path) -> None:
        super().__init__(url, ready)
        self._before: dict[tuple[str, str], dict[str, int]] = {}
        self.sent: list[httpx.Response] = []

    def state(self, erp: str) -> dict[str, Any]:
        """What an ERP holds."""
        found: dict[str, Any] = httpx.get(
            f"{self.systems[erp]['url']}/_sim/state", trust_env=False, timeout=20
        ).json()
        return found

    def held(self, erp: str, entity: str, kind: str) -> list[str]:
        """External ids of an entity's documents of a kind, oldest first."""
        return [
            row["external_id"]
            for row in self.state(erp)["documents"]
            if (row["type"], row["entity"]) == (kind, entity)
        ]

    def ledger(self, erp: str, entity: str) -> dict[str, int]:
        """What was booked since `begins`, by account; nothing that is zero."""
        found = self.state(erp)["base_balance"].get(entity, {})
        before = self._before.get((erp, entity), {})
        moved = {name: minor - before.get(name, 0) for name, minor in sorted(found.items())}
        return {name: minor for name, minor in moved.items() if minor}

    def begins(self, erp: str, entity: str) -> None:
        """Look at the ledger as it stands: what follows is reckoned from here."""
        self._before[erp, entity] = self.state(erp)["base_balance"].get(entity, {})

    def books(self, erp: str, entity: str, **wanted: int) -> None:
        """Wait until that, by account's name, and no more was booked since `begins`."""
        names = {
            "ar": AR, "wip": WIP, "tax": TAX, "deferred": DEFERRED, "revenue": REVENUE, "unbilled": UNBILLED,
            "cash": CASH, "employees": EMPLOYEES, "expense": EXPENSE, "fx": FX,
        }  # fmt: skip
        rows = {names[name]: minor for name, minor in wanted.items() if minor}
        self.becomes(erp, entity, dict(sorted(rows.items())))

    def send(self, kind: str, home: dict[str, str], document_id: str, /, **changed: Any) -> None:
        """Send a document; a contract's project must not look for it too early, which costs five seconds."""
        made = event(kind, f"{kind} {document_id}", document_id=document_id, **home, **changed)
        if "currency" not in EXAMPLES[kind]:
            made["data"].pop("currency")
        answer = self.http.post("/v1/transactions", json=made)
        assert answer.status_code == 202, answer.text
        self.sent.append(answer)
        if kind == "contract":
            self.waits(answer, "posted")

    def masters(self, home: dict[str, str], name: str, called: str, **customer: Any) -> dict[str, str]:
        """A customer C-<name> of an entity; what its contracts and projects have in common."""
        country = COUNTRY[home["legal_entity"]]
        self.send("customer", home, f"C-{name}", name=called, **{"country": country} | customer)
        return {"customer_id": f"C-{name}"}

    def agreed(
        self, home: dict[str, str], name: str, *lines: dict[str, Any], buyer: dict[str, str], **terms: Any
    ) -> dict[str, str]:
        """Contract K-<name> and project P-<name>; what their documents have in common."""
        entity = home["legal_entity"]
        own = {"rate_card_id": f"RC-{home['currency']}-{entity}", **buyer, **terms}
        rows = [{"line": 1, **LINE, "tax_code": TAX_CODE[entity], **line} for line in lines]
        self.send("contract", home, f"K-{name}", lines=rows, **own)
        on = {"contract_id": f"K-{name}", **buyer}
        self.send("project", home, f"P-{name}", name=f"Work {name}", **on)
        return {"project_id": f"P-{name}", **on}

    def works(self, home: dict[str, str], name: str, project: str, minutes: int, **fields: Any) -> None:
        """Time TE-<name> of the entity's consultant, at 150.00 an hour."""
        own = {"resource_id": f"R-{home['legal_entity']}", "project_id": project, **fields}
        self.send("time_entry", home, f"TE-{name}", minutes=minutes, **own)

    def invoiced(self, home: dict[str, str], name: str, on: dict[str, str]) -> dict[str, Any]:
        """Bill a project and wait for its invoice, as the router has it."""
        self.send("billing_event", home, f"BE-{name}", **on)
        url = f"/v1/documents/invoice/INV-BE-{name}"
        known(self, url)
        found: dict[str, Any] = self.http.get(url).json()
        return found

    def bill(self, entity: str, **which: str) -> list[dict[str, Any]]:
        """Have what is unbilled in October billed."""
        asked = {"legal_entity": entity, "period": "2026-10", "through": "2026-10-31", **which}
        told = self.http.post("/v1/processes/bill", json=asked)
        assert told.status_code == 200, told.text
        rows: list[dict[str, Any]] = told.json()["bills"]
        return rows

    def from_source(self, kind: str, source: str, document_id: str, **changed: Any) -> httpx.Response:
        """What a system other than the owner says of a master that is there."""
        made = event(kind, f"{source} {document_id}", document_id=document_id, **changed)
        verb = made["type"].split(".")[2]
        changes = {"customer": "updated", "project": "updated"}
        made["type"] = made["type"].replace(verb, changes.get(kind, verb))
        return self.http.post("/v1/transactions", json=made | {"source": source})

    def waits(self, answer: httpx.Response, state: str) -> str:
        """Wait until what was accepted is in a state; its transaction."""
        assert answer.status_code == 202, answer.text
        assert settled(self, answer.json()["status_url"]) == state
        return str(answer.json()["transaction_id"])


def renamed(folder: Path) -> Path:
    """The default landscape with a field of the cloud ERP's account renamed, and a mapping that says so later."""
    mapping = yaml.safe_load(default_file("mappings/netsuite.yaml").text)
    newest = {"contract.lines": {"cap": "custcol_ceiling"}}
    mapping["versions"].append({"version": 99, "published": LATER, "fields": newest})
    (folder / "netsuite.yaml").write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    data = yaml.safe_load(default_file("landscapes/default.yaml").text)
    cloud = data["systems"]["netsuite"]
    cloud["mapping"] = str(folder / "netsuite.yaml")
    cloud["options"]["field.custcol_cap"] = "custcol_ceiling"
    for system in data["systems"].values():
        system.setdefault("options", {})["latency"] = "none"  # theirs would take a minute in all
    data["systems"]["sap_ecc"]["options"]["idoc_drop"] = f"file://{folder}/idoc"
    (folder / "landscape.yaml").write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    return folder / "landscape.yaml"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Simulators and a gateway: UK01 lives on the cloud ERP, everybody else on the legacy one; prices and people."""
    folder = tmp_path_factory.mktemp("finance")
    ready, routes, place = folder / "ready.json", folder / "routes.yaml", renamed(folder)
    routes.write_text(BOTH)
    started = ("simulate", "--ports", "free", "--ready-file", str(ready), "--landscape", str(place))
    with running(*started, ready=ready.exists):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        words = serve(ready, f"sqlite:///{folder}/journal.sqlite", port, routes)
        words += ["--landscape", str(place)]
        with running(*words, ready=lambda: answers(url), program="tests.integration.eager_router"):
            made = Office(url, ready)
            with made.http:
                for home in (UK, US, DE):
                    made.send("resource", home, f"R-{home['legal_entity']}")
                for home, currency in ((UK, "GBP"), (UK, "EUR"), (US, "USD"), (US, "GBP"), (DE, "EUR")):
                    card = f"RC-{currency}-{home['legal_entity']}"
                    made.send("rate_card", {**home, "currency": currency}, card)
                for answer in made.sent:
                    made.waits(answer, "posted")
                yield made


@ON_BOTH
def test_a_subscription_is_prorated(office: Office, erp: str, home: dict[str, str], percent: int) -> None:
    """1,300.00 a month from 15 October: 17 of 31 days are 712.90, deferred until October is recognised."""
    entity = home["legal_entity"]
    office.begins(erp, entity)
    buyer = office.masters(home, f"{entity}-SUB", f"Tidewater Hosting {entity}")
    fee = {"bills": "subscription", "fee": "1300.00", "revenue": "straight_line"}
    terms = {"billing": "subscription", "starts": "2026-10-15", "rate_card_id": None}
    office.agreed(home, f"{entity}-SUB", fee, buyer=buyer, **terms)
    (bill,) = office.bill(entity, contract_id=f"K-{entity}-SUB")
    assert (bill["unbilled"], bill["blockers"]) == ("712.90", [])
    tax = 71_290 * percent // 100
    assert tax == (14_258 if percent else 0)
    office.books(erp, entity, ar=71_290 + tax, tax=-tax, deferred=-71_290)
    asked = {"legal_entity": entity, "period": "2026-10", "contract_id": f"K-{entity}-SUB"}
    (row,) = office.http.post("/v1/processes/recognise-revenue", json=asked).json()["lines"]
    assert (row["method"], row["amount"]) == ("straight_line", "712.90")
    office.books(erp, entity, ar=71_290 + tax, tax=-tax, revenue=-71_290)


@ON_BOTH
def test_expenses_carry_a_mark_up_within_policy(
    office: Office, erp: str, home: dict[str, str], percent: int
) -> None:
    """120.00 of a meal of 150.00 at 12.5% are 135.00; 30.00 and the entertainment's 80.00 are the firm's cost."""
    entity = home["legal_entity"]
    office.begins(erp, entity)
    buyer = office.masters(home, f"{entity}-EXP", f"Copperfield Mining {entity}")
    on = office.agreed(
        home, f"{entity}-EXP", {"bills": "expenses", "markup_basis_points": 1_250}, buyer=buyer
    )
    for name, category, amount in (("1", "MEALS", "150.00"), ("2", "ENTERTAINMENT", "80.00")):
        spent = {"project_id": on["project_id"], "resource_id": f"R-{entity}", "category": category}
        office.send("expense_item", home, f"EX-{entity}-{name}", amount=amount, **spent)
    office.books(erp, entity, wip=13_500, unbilled=-13_500, expense=23_000, employees=-23_000)
    rest = office.http.get(f"/v1/documents/expense_item/EX-{entity}-1.beyond").json()
    assert (rest["amount"], rest["billable"], rest["part_of"]) == ("30.00", False, f"EX-{entity}-1")
    office.invoiced(home, f"{entity}-EXP", on)
    tax = 13_500 * percent // 100
    office.books(
        erp, entity, ar=13_500 + tax, tax=-tax, revenue=-13_500, expense=23_000, employees=-23_000
    )  # fmt: skip


@ON_BOTH
def test_one_invoice_for_all_of_a_customers_projects(
    office: Office, erp: str, home: dict[str, str], percent: int
) -> None:
    """6 and 2 hours at 150.00 under two contracts: 1,200.00 on one invoice."""
    entity = home["legal_entity"]
    office.begins(erp, entity)
    before = len(office.held(erp, entity, "invoice"))
    buyer = office.masters(home, f"{entity}-GRP", f"Pennine Paper {entity}")
    for name, minutes in ((f"{entity}-G1", 360), (f"{entity}-G2", 120)):
        office.agreed(home, name, {"bills": "time"}, buyer=buyer, group_by="customer")
        office.works(home, name, f"P-{name}", minutes)
    office.books(erp, entity, wip=120_000, unbilled=-120_000)
    (bill,) = office.bill(entity, **buyer)
    assert bill["projects"] == [f"P-{entity}-G1", f"P-{entity}-G2"]
    assert (bill["unbilled"], bill["accepted"][0]["status"]) == ("1200.00", 202)
    tax = 120_000 * percent // 100
    office.books(erp, entity, ar=120_000 + tax, tax=-tax, revenue=-120_000)
    assert len(office.held(erp, entity, "invoice")) == before + 1


@pytest.mark.parametrize(
    ("erp", "home", "currency", "total", "booked", "paid"),
    [
        # 1.1267 / 1.3142 = 0.8573276518, and 1.1219 / 1.3088 = 0.8571974328 when it is paid.
        ("netsuite", UK, "EUR", "1080.00", {"ar": 92_591, "tax": -15_432, "revenue": -77_159}, 92_577),
        # 900.00 x 1.3142, and x 1.3088 when it is paid.
        ("sap_ecc", US, "GBP", "900.00", {"ar": 118_278, "revenue": -118_278}, 117_792),
    ],
    ids=["cloud", "legacy"],
)
def test_a_contract_in_another_currency(
    office: Office,
    erp: str,
    home: dict[str, str],
    currency: str,
    total: str,
    booked: dict[str, int],
    paid: int,
) -> None:
    """6 hours at 150.00, invoiced on 30 October and paid on 2 November at another rate.

    In euros 900.00 and 180.00 tax are 771.59 and 154.32 pounds, paid with 925.77: 0.14 are lost. In pounds
    900.00 are 1,182.78 dollars, paid with 1,177.92: 4.86 are lost. Nothing is left of either receivable.
    """
    entity, foreign = home["legal_entity"], {**home, "currency": currency}
    office.begins(erp, entity)
    name = f"{entity}-{currency}"
    buyer = office.masters(foreign, name, f"Rhine Valley Logistics {entity}")
    on = office.agreed(foreign, name, {"bills": "time"}, buyer=buyer)
    office.works(foreign, name, on["project_id"], 360)
    worth = booked["revenue"]
    office.books(erp, entity, wip=-worth, unbilled=worth)
    assert office.invoiced(foreign, name, on)["total"] == total
    office.books(erp, entity, **booked)
    when = {"paid_on": "2026-11-02", "accounting_date": "2026-11-02"}
    money = {"invoice_id": f"INV-BE-{name}", "amount": total, "project_id": on["project_id"], **buyer, **when}
    office.send("payment", foreign, f"PAY-{name}", **money)
    lost = booked["ar"] - paid
    assert lost == {"UK01": 14, "US01": 486}[entity]
    office.books(erp, entity, **{**booked, "ar": 0, "cash": paid, "fx": lost})


def test_a_sale_across_the_border_is_reverse_charged(office: Office) -> None:
    """DE01 wins a deal with a registered French customer: 900.00 without tax, and its papers say who owes it."""
    erp, entity = "sap_ecc", "DE01"
    office.begins(erp, entity)
    buyer = {"customer_id": "C-FR"}
    registered = {"country": "FR", "tax_registration": "FR40303265045", "name": "Lyon Conseil SA"}
    office.send("customer", DE, "C-FR", **registered)
    deal = {"country": "FR", "customer_name": "Lyon Conseil SA", "billing": "time_and_materials"}
    office.send("opportunity", DE, "OPP-FR", **buyer, **deal)
    deadline = time.monotonic() + 40
    while not (projects := office.held(erp, entity, "project")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (contract,) = office.held(erp, entity, "contract")
    lines = office.http.get(f"/v1/documents/contract/{contract}").json()["lines"]
    assert {row["tax_code"] for row in lines} == {"EU-RC"}
    assert "Reverse charge: the customer accounts for the tax" in lines[0]["description"]
    office.works(DE, "FR", projects[0], 360)
    invoice = office.invoiced(DE, "FR", {"project_id": projects[0], "contract_id": contract, **buyer})
    assert (invoice["tax"], {row["tax_code"] for row in invoice["lines"]}) == ("0.00", {"EU-RC"})
    office.books(erp, entity, ar=90_000, revenue=-90_000)


def test_only_its_owner_changes_an_attribute(office: Office) -> None:
    """The PSA may not give the project to another customer, move its costs or rename a contact of the CRM.

    Refused, recorded for a person, ignored: 1 hour is billed to whom and where the owners say, 180.00.
    """
    erp, entity = "netsuite", "UK01"
    office.begins(erp, entity)
    buyer = office.masters(UK, "OWN", "Harrogate Springs")
    office.send("contact", UK, "CT-OWN", **buyer, name="A. Archer")
    on = office.agreed(UK, "OWN", {"bills": "time"}, buyer=buyer)
    project = {"name": "Work OWN", "contract_id": on["contract_id"]}
    taken = office.from_source("project", "/psa/moved", "P-OWN", **project, customer_id="C-UK01-GRP")
    assert (taken.status_code, taken.json()["type"]) == (422, "urn:coexist:problem:not-owner")
    assert "customer_id belongs to the crm" in taken.json()["detail"]
    moved = office.from_source("project", "/psa/costs", "P-OWN", **project, **buyer, cost_center="CC-OTHER")
    named = office.from_source("contact", "/psa/people", "CT-OWN", **buyer, name="Somebody Else")
    assert [moved.status_code, named.status_code] == [202, 202]
    (conflict,) = office.http.get("/v1/conflicts?state=open").json()["conflicts"]
    assert (conflict["attribute"], conflict["kept"], conflict["offered"]) == (
        "cost_center", "CC-UK01", "CC-OTHER",
    )  # fmt: skip
    kept = office.http.post(f"/v1/conflicts/{conflict['conflict_id']}:keep", json=SAID)
    assert kept.status_code == 200, kept.text
    (noted,) = office.http.get("/v1/conflicts?rule=ignore").json()["conflicts"]
    assert (noted["attribute"], noted["offered"]) == ("name", "Somebody Else")
    office.works(UK, "OWN", "P-OWN", 60)
    invoice = office.invoiced(UK, "OWN", on)
    assert (invoice["customer_id"], invoice["lines"][0]["cost_center"]) == ("C-OWN", "CC-UK01")
    office.books(erp, entity, ar=18_000, tax=-3_000, revenue=-15_000)


def test_a_person_says_that_two_customers_are_one(office: Office) -> None:
    """The same registration under a new id waits; once said to be the same, its 2 hours are billed to the first."""
    erp, entity = "netsuite", "UK01"
    office.begins(erp, entity)
    office.masters(UK, "ONE", "Calder Textiles Ltd", tax_registration=VAT)
    again = event(
        "customer", "customer C-TWO", document_id="C-TWO", **UK, name="Calder (Yorkshire)", tax_registration="123456789"
    )  # fmt: skip
    told = office.http.post("/v1/transactions", json=again).json()
    assert told["state"] == "parked"
    (row,) = office.http.get("/v1/duplicates?state=open").json()["duplicates"]
    assert [one["document_id"] for one in row["candidates"]] == ["C-ONE"]
    said = office.http.post(
        f"/v1/duplicates/{told['transaction_id']}:same-as", json=SAID | {"document_id": "C-ONE"}
    )
    assert said.status_code == 200, said.text
    on = office.agreed(UK, "TWO", {"bills": "time"}, buyer={"customer_id": "C-TWO"})
    office.works(UK, "TWO", "P-TWO", 120)
    invoice = office.invoiced(UK, "TWO", on)
    assert (invoice["customer_id"], invoice["total"]) == ("C-ONE", "360.00")
    office.books(erp, entity, ar=36_000, tax=-6_000, revenue=-30_000)
    customers = office.held(erp, entity, "customer")
    assert ("C-ONE" in customers, "C-TWO" in customers) == (True, False)


def test_a_renamed_field_takes_a_mapping_and_a_replay(office: Office) -> None:
    """The account calls the cap otherwise: refused by the mapping of the day, also again; posted by the newest.

    Under the cap of 900.00 then stand 6 of 8 hours: it has arrived under its new name.
    """
    erp, entity = "netsuite", "UK01"
    office.begins(erp, entity)
    buyer = office.masters(UK, "MAP", "Windermere Boats")
    line = {"line": 1, **LINE, "tax_code": "GB-STD", "bills": "time", "cap": "900.00"}
    terms = {"rate_card_id": "RC-GBP-UK01", "lines": [line], **buyer}
    contract = event("contract", "contract K-MAP", document_id="K-MAP", **UK, **terms)
    name = office.waits(office.http.post("/v1/transactions", json=contract), "refused")
    (job,) = office.http.get(f"/v1/transactions/{name}").json()["jobs"]
    assert (job["code"], "custcol_cap" in job["why"]) == ("INVALID_CONTENT", True)

    def replayed(mapping: str, state: str) -> None:
        asked = {"filter": {"ids": [name]}, "dry_run": False, "mapping": mapping, **SAID}
        told = office.http.post("/v1/exceptions:replay", json=asked)
        assert told.status_code == 200, told.text
        assert settled(office, f"/v1/transactions/{name}") == state

    replayed("day", "refused")
    replayed("newest", "posted")
    on = {"project_id": "P-MAP", "contract_id": "K-MAP", **buyer}
    office.send("project", UK, "P-MAP", name="Work MAP", contract_id="K-MAP", **buyer)
    office.works(UK, "MAP", "P-MAP", 480)
    office.books(erp, entity, wip=90_000, unbilled=-90_000)
    office.invoiced(UK, "MAP", on)
    office.books(erp, entity, ar=108_000, tax=-18_000, revenue=-90_000)
