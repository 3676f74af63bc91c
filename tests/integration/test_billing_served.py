"""Billing on real sockets: simulators, gateway and worker in processes of their own, both ERPs' ledgers by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from router.canonical.examples import EXAMPLES
from tests.integration.router_stand import event
from tests.integration.test_serve import answers, free_port, running, serve

AR, WIP, TAX, DEFERRED = "120000", "140000", "230000", "250000"
REVENUE, UNBILLED = "400000", "410000"
LINE = {"service_line": "CONSULTING", "description": "As agreed"}
BOTH = """
version: 1
default: {authority: sap_ecc}
rules:
  - {id: uk-is-over, when: legal_entity == "UK01", authority: netsuite}
"""
UK = {"legal_entity": "UK01", "region": "EMEA", "currency": "GBP"}
US = {"legal_entity": "US01", "region": "AMER", "currency": "USD"}


class Served:
    """A gateway and its simulators, asked over HTTP."""

    def __init__(self, url: str, ready: Path) -> None:
        self.http = httpx.Client(base_url=url, trust_env=False, timeout=20)
        self.systems = orjson.loads(ready.read_bytes())

    def send(self, kind: str, home: dict[str, str], document_id: str, /, **changed: Any) -> None:
        """Send the example of a kind, changed, for an entity; nobody waits for its ERP."""
        made = event(kind, f"{kind} {document_id}", document_id=document_id, **home, **changed)
        if "currency" not in EXAMPLES[kind]:
            made["data"].pop("currency")
        answer = self.http.post("/v1/transactions", json=made)
        assert answer.status_code == 202, answer.text

    def ledger(self, erp: str, entity: str) -> dict[str, int]:
        """Account to balance in minor units, as the ERP's back door shows it; nothing that is zero."""
        url = f"{self.systems[erp]['url']}/_sim/state"
        state = httpx.get(url, trust_env=False, timeout=20).json()
        return {account: minor for account, minor in sorted(state["trial_balance"][entity].items()) if minor}

    def engagement(self, name: str, *, billed: str) -> dict[str, Any]:
        """How an engagement stands once the router has heard of so much billed, in the group's currency."""
        deadline = time.monotonic() + 40
        while True:
            shown: dict[str, Any] = self.http.get(
                f"/v1/engagements/{name}", params={"through": "2026-10-30"}
            ).json()
            if shown["group"]["billed"] == billed:
                return shown
            assert time.monotonic() < deadline, shown
            time.sleep(0.1)

    def becomes(self, erp: str, entity: str, wanted: dict[str, int]) -> None:
        """Wait until the ledger is so."""
        deadline = time.monotonic() + 40
        while (found := self.ledger(erp, entity)) != wanted:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Simulators and a gateway: UK01 lives on the cloud ERP, everybody else on the legacy one."""
    folder = tmp_path_factory.mktemp("served")
    ready, routes = folder / "ready.json", folder / "routes.yaml"
    routes.write_text(BOTH)
    with running("simulate", "--ports", "free", "--ready-file", str(ready), ready=ready.exists):
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        words = serve(ready, f"sqlite:///{folder}/journal.sqlite", port, routes)
        with running(*words, ready=lambda: answers(url)):
            made = Served(url, ready)
            with made.http:
                yield made


def masters(gateway: Served, home: dict[str, str], customer: str, name: str) -> None:
    """Price list, consultant and customer of an entity."""
    entity = home["legal_entity"]
    gateway.send("rate_card", home, f"RC-{entity}")
    gateway.send("resource", home, f"R-{entity}")
    country = {"UK01": "GB", "US01": "US"}[entity]
    gateway.send("customer", home, customer, name=name, country=country)


@pytest.mark.parametrize(
    ("erp", "home", "tax_code", "percent"),
    [("netsuite", UK, "GB-STD", 20), ("sap_ecc", US, "US-EXEMPT", 0)],
    ids=["cloud", "legacy"],
)
def test_a_cap_then_a_retainer_with_its_revenue(
    gateway: Served, erp: str, home: dict[str, str], tax_code: str, percent: int
) -> None:
    """900.00 of 1,100.00 fit under the cap; 900.00 retainer cover 6 of 8 hours, 2 are 300.00 overage.

    Together 2,100.00 net and, at 20%, 420.00 tax; the retainer's 900.00 are deferred until October is
    recognised.
    """
    entity = home["legal_entity"]
    customer, price = f"C-{entity}", {"rate_card_id": f"RC-{entity}", "customer_id": f"C-{entity}"}
    masters(gateway, home, customer, f"Client of {entity}")
    line = {**LINE, "tax_code": tax_code}
    capped = {**line, "line": 1, "bills": "time", "cap": "900.00"}
    fee = {**line, "line": 1, "bills": "retainer", "fee": "900.00", "revenue": "percentage_of_completion"}
    overage = {**line, "line": 2, "bills": "time"}
    gateway.send("contract", home, f"K-{entity}-1", **price, lines=[capped])
    gateway.send("contract", home, f"K-{entity}-2", **price, billing="retainer", lines=[fee, overage])
    for at, minutes in ((1, 440), (2, 480)):
        project = f"P-{entity}-{at}"
        terms = {"customer_id": customer, "contract_id": f"K-{entity}-{at}", "name": f"Work {at}"}
        gateway.send("project", home, project, **terms)
        work = {"project_id": project, "resource_id": f"R-{entity}", "minutes": minutes}
        gateway.send("time_entry", home, f"TE-{entity}-{at}", **work)
    gateway.becomes(erp, entity, {WIP: 120_000, UNBILLED: -120_000})
    asked = {"legal_entity": entity, "period": "2026-10", "through": "2026-10-31"}
    told = gateway.http.post("/v1/processes/bill", json=asked).json()
    assert [(row["group"], row["unbilled"], row["blockers"]) for row in told["bills"]] == [
        (f"P-{entity}-1", "900.00", []),
        (f"P-{entity}-2", "1200.00", []),
    ]
    tax = 210_000 * percent // 100
    billed = {AR: 210_000 + tax, TAX: -tax} if tax else {AR: 210_000}
    gateway.becomes(erp, entity, billed | {DEFERRED: -90_000, REVENUE: -120_000})
    month = {"legal_entity": entity, "period": "2026-10"}
    (row,) = gateway.http.post("/v1/processes/recognise-revenue", json=month).json()["lines"]
    assert (row["method"], row["amount"]) == ("percentage_of_completion", "900.00")
    gateway.becomes(erp, entity, billed | {REVENUE: -210_000})
    assert gateway.http.get("/v1/exceptions").json()["exceptions"] == []


def test_one_engagement_over_two_erps(gateway: Served) -> None:
    """A fixed fee of 500.00 GBP in the cloud ERP, 500.00 USD in the legacy one: billed when completed, once.

    With 20% tax 600.00 GBP are receivable; the group sees 1,157.10 USD (500.00 x 1.3142 + 500.00).
    """
    before = {(erp, home["legal_entity"]): gateway.ledger(erp, home["legal_entity"])
              for erp, home in (("netsuite", UK), ("sap_ecc", US))}  # fmt: skip
    for home, code, name in ((UK, "GB-STD", "Northern Freight Ltd"), (US, "US-EXEMPT", "Prairie Grain Inc")):
        entity = home["legal_entity"]
        customer = {"customer_id": f"C-{entity}-E"}
        country = {"UK01": "GB", "US01": "US"}[entity]
        gateway.send("customer", home, f"C-{entity}-E", name=name, country=country)
        fee = {**LINE, "line": 1, "bills": "milestones", "fee": "500.00", "tax_code": code}
        terms = {
            **customer,
            "billing": "fixed_fee",
            "rate_card_id": None,
            "engagement_id": "ENG-7",
            "lines": [fee],
        }
        gateway.send("contract", home, f"K-{entity}-E", **terms)
        project = {"contract_id": f"K-{entity}-E", "project_id": f"P-{entity}-E"}
        gateway.send(
            "project", home, f"P-{entity}-E", **customer, contract_id=project["contract_id"], name="Audit"
        )
        asked = {
            "legal_entity": entity,
            "period": "2026-10",
            "through": "2026-10-30",
            "contract_id": project["contract_id"],
        }
        (early,) = gateway.http.post("/v1/processes/bill", json=asked).json()["bills"]
        assert "no milestone" in early["blockers"][0]
        done = {**project, "amount": "500.00", "completed_on": "2026-10-29"}
        gateway.send("milestone", home, f"MS-{entity}-E", **done)
        (bill,) = gateway.http.post("/v1/processes/bill", json=asked).json()["bills"]
        assert (bill["unbilled"], bill["accepted"][0]["status"]) == ("500.00", 202)
    for (erp, entity), was in before.items():
        tax = 10_000 if entity == "UK01" else 0
        moved = {AR: 50_000 + tax, REVENUE: -50_000, TAX: -tax}
        found = {account: was.get(account, 0) + moved.get(account, 0) for account in {*was, *moved}}
        gateway.becomes(erp, entity, {account: minor for account, minor in sorted(found.items()) if minor})
    shown = gateway.engagement("ENG-7", billed="1157.10")
    assert [(row["legal_entity"], row["billed"]) for row in shown["contracts"]] == [
        ("UK01", "500.00"),
        ("US01", "500.00"),
    ]
    assert shown["group"] == {
        "currency": "USD",
        "contracted": "1157.10",
        "billed": "1157.10",
        "unbilled": "0.00",
    }
