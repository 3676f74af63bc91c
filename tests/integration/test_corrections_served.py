"""Changes and corrections on real sockets: versions out of order, credit and re-bill, write-off, close-out."""

from __future__ import annotations

import time
from typing import Any

from tests.integration.router_stand import event
from tests.integration.test_billing_served import (
    AR,
    LINE,
    REVENUE,
    TAX,
    UK,
    UNBILLED,
    WIP,
    Served,
    gateway,
)

__all__ = ["gateway"]
BAD_DEBT = "660000"


def settled(gateway: Served, url: str) -> str:
    """The state of a transaction once it waits for nothing but a person, or its ERP has it."""
    deadline = time.monotonic() + 40
    while True:
        state = str(gateway.http.get(url).json()["state"])
        if state in ("posted", "refused", "dead") or time.monotonic() > deadline:
            return state
        time.sleep(0.1)


def posted(gateway: Served, home: dict[str, str], kind: str, name: str, /, **changed: Any) -> None:
    """Send a master and wait until its ERP has it."""
    body = event(kind, f"{kind} {name}", document_id=name, **home, **changed)
    answer = gateway.http.post("/v1/transactions", json=body)
    assert answer.status_code == 202, answer.text
    assert settled(gateway, answer.json()["status_url"]) == "posted"


def known(gateway: Served, url: str) -> None:
    """Wait until the router has heard of a document."""
    deadline = time.monotonic() + 40
    while gateway.http.get(url).status_code != 200:
        assert time.monotonic() < deadline, url
        time.sleep(0.1)


def test_an_invoice_is_corrected_and_its_project_closed(
    gateway: Served,
) -> None:
    """1100.00 net are credited, 900.00 billed anew in their place, written off, and the project is closed."""
    erp, home, tax_code, percent, worth = "netsuite", UK, "GB-STD", 20, 110_000
    entity = home["legal_entity"]
    name, customer = f"P-{entity}-7", f"C-{entity}"
    line = {**LINE, "tax_code": tax_code, "line": 1, "bills": "time"}
    contract = f"K-{entity}-7"
    # One after the other, so that none has to wait for the next look at what it needs.
    posted(gateway, home, "rate_card", f"RC-{entity}")
    posted(gateway, home, "resource", f"R-{entity}")
    posted(gateway, home, "customer", customer)
    own = {"customer_id": customer}
    posted(gateway, home, "contract", contract, **own, rate_card_id=f"RC-{entity}", lines=[line])
    posted(gateway, home, "project", name, **own, contract_id=contract, name="Advice")
    changes = []
    for version in (3, 2):
        body = event(
            "change_order", f"CO-{entity}-{version}", document_id=f"CO-{entity}-{version}", **home,
            project_id=name, contract_id=contract, contract_version=version, lines=[line],
        )  # fmt: skip
        answer = gateway.http.post("/v1/transactions", json=body)
        assert answer.status_code == 202, answer.text
        changes.append(answer.json())
    assert [one["state"] for one in changes] == ["parked", "queued"]
    work = {"project_id": name, "resource_id": f"R-{entity}", "minutes": 440}
    gateway.send("time_entry", home, f"TE-{entity}-7", **work)
    gateway.becomes(erp, entity, {WIP: worth, UNBILLED: -worth})
    bill = {"project_id": name, "customer_id": customer, "contract_id": contract}
    gateway.send("billing_event", home, f"BE-{entity}-7", **bill)
    gateway.becomes(erp, entity, billed(worth, percent))
    known(gateway, f"/v1/documents/invoice/INV-BE-{entity}-7")
    invoice = {"invoice_id": f"INV-BE-{entity}-7", "reason": "Six hours were agreed"}
    lines = [{"line": 1, "net": "900.00"}]
    made = gateway.http.post("/v1/processes/credit-and-rebill", json=invoice | {"lines": lines})
    assert made.status_code == 202, made.text
    gateway.becomes(erp, entity, billed(90_000, percent))
    refused = gateway.http.post("/v1/processes/close-project", json={"project_id": name})
    assert (refused.status_code, ".rebill" in refused.json()["detail"]) == (409, True)
    rest = {
        "invoice_id": f"{invoice['invoice_id']}.rebill", "reason": "Insolvent", "approved_by": "credit control",
    }  # fmt: skip
    given_up = gateway.http.post("/v1/processes/write-off", json=rest)
    assert given_up.status_code == 202, given_up.text
    gross = 90_000 + 900 * percent
    owed = {TAX: -900 * percent} if percent else {}
    gateway.becomes(erp, entity, {BAD_DEBT: gross, REVENUE: -90_000} | owed)
    assert [settled(gateway, one["status_url"]) for one in reversed(changes)] == ["posted", "posted"]
    assert settled(gateway, given_up.json()["status_url"]) == "posted"
    closed = gateway.http.post("/v1/processes/close-project", json={"project_id": name})
    assert closed.status_code == 202, closed.text
    assert settled(gateway, closed.json()["status_url"]) == "posted"
    assert gateway.http.get("/v1/exceptions").json()["exceptions"] == []


def billed(net: int, percent: int) -> dict[str, int]:
    """The ledger of one invoice."""
    tax = net * percent // 100
    found = {AR: net + tax, TAX: -tax, REVENUE: -net}
    return {account: minor for account, minor in found.items() if minor}
