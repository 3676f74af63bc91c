"""Exceptions of deliveries: what an ERP, the PSA or the CRM refused or never took, mended as its page says.

The systems refuse by themselves wherever data can make them; where only an outage or a bug of ours can, the
test says so. At the end stands the list of types: one without a test that follows its guidance fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router import app
from router.connectors.port import Connector
from router.delivery.policy import DeliveryPolicy
from router.exceptions.catalogue import CATALOGUE
from router.journal.port import Switch
from router.workflows.invoice_news import InvoiceNews
from simulators.core.books import Books, BooksError
from simulators.core.masterdata import Contract, Customer, Project
from simulators.core.rates import published
from tests.integration import (
    test_exceptions,
    test_exceptions_after_restart,
    test_exceptions_followed,
    test_exceptions_of_rules,
)
from tests.integration.router_stand import Stand, event, on_stand
from tests.integration.test_exceptions import CLOUD, MASTERS, SAP, corrected, sent, settled
from tests.integration.test_exceptions_followed import (
    SAID,
    Follow,
    agreed,
    as_told,
    fixed,
    nothing_left,
    posted,
    resolved,
    told,
)
from tests.integration.test_exceptions_of_rules import BOTH
from tests.integration.test_workflows import at_work, deal, win

GIVE_UP_S = 7_200
LATER_S = 20_000
"""Longer than delivery tries at all here."""
DOWN = [{"name": "down", "kind": "refuse"}]


def books(at: Stand, erp: str) -> Books:
    """An ERP's books, for what its own people do there."""
    found: Books = at.simulators[erp].sim.books  # type: ignore[attr-defined]
    return found


def erp_of(row: dict[str, Any]) -> str:
    """The system the guidance names."""
    system = row["guidance"]["system"]
    assert isinstance(system, str)
    assert system == row["target"]
    return system


# --- what an ERP refuses -----------------------------------------------------------------------------


async def erp_reference_unknown(at: Stand) -> None:
    # A milestone of a line that the contract in the ERP does not have yet.
    await sent(at, *MASTERS)
    await sent(at, "milestone", contract_line=7, amount="1000.00")
    row = await told(at, "erp-reference-unknown")
    assert "7" in row["guidance"]["what_is_wrong"]
    await agreed(at, event("contract")["data"]["lines"][0], fixed("20000.00", line=7))
    await as_told(at, row)


async def erp_currency(at: Stand) -> None:
    await sent(at, *MASTERS[:4])
    await sent(at, "project", currency="EUR")
    row = await told(at, "erp-currency")
    assert "EUR" in row["guidance"]["what_is_wrong"]
    await corrected(at, row, currency="GBP")


async def erp_currency_without_a_rate(at: Stand) -> None:
    await sent(at, "journal_entry", currency="CAD")
    row = await told(at, "erp-currency")
    assert "CAD" in row["guidance"]["what_is_wrong"]
    there = books(at, erp_of(row))
    rate = {"base": "CAD", "quote": "GBP", "from": "2026-10-30", "rate": "0.5412"}
    there.firm = replace(there.firm, rates=published([rate], "USD"))
    await as_told(at, row)


async def erp_inactive(at: Stand) -> None:
    await sent(at, *MASTERS)
    erp = str((await at.of_kind("project"))[0]["authority"])
    project = books(at, erp).get("project", "P-100")
    assert isinstance(project, Project)
    project.status = "closed"
    await sent(at, "time_entry")
    row = await told(at, "erp-inactive")
    assert erp_of(row) == erp
    project.status = "active"
    await as_told(at, row)


async def erp_status(at: Stand) -> None:
    # Somebody amended the contract in the ERP by hand, so the change order finds its version taken.
    await sent(at, *MASTERS)
    erp = str((await at.of_kind("project"))[0]["authority"])
    contract = books(at, erp).get("contract", "K-100")
    assert isinstance(contract, Contract)
    contract.version = 2
    await sent(at, "change_order")
    row = await told(at, "erp-status")
    assert erp_of(row) == erp
    contract.version = 1
    await as_told(at, row)


async def by_hand(at: Stand) -> dict[str, Any]:
    """Somebody set the project up in the legacy ERP by hand, under its code."""
    await sent(at, *MASTERS[:4])
    there = books(at, "sap_ecc")
    with there.numbering.given("P-100"):  # type: ignore[attr-defined]  # as a person types a number there
        there.put_project(
            Project(
                number="P-100", customer="C-100", contract="K-100", entity="UK01", name="ERP", currency="GBP"
            )
        )
    await sent(at, "project")
    row = await told(at, "erp-duplicate")
    assert (row["severity"], erp_of(row)) == ("high", "sap_ecc")
    return row


async def erp_duplicate(at: Stand) -> None:
    row = await by_hand(at)
    named = {"system": "sap_ecc", "kind": "project", "document_id": "P-100", "vendor_id": "P-100"}
    assert '"kind": "project", "document_id": "P-100"' in row["guidance"]["example"]
    answer = await at.post({**SAID, **named}, "/v1/crosswalk:rename")
    assert answer.status_code == 200, answer.text
    await resolved(at, row, "it is the same, made by hand")
    await sent(at, "time_entry")
    await posted(at, "time_entry", "TE-100")


async def erp_duplicate_of_another(at: Stand) -> None:
    row = await by_hand(at)
    # There it is renumbered; the simulated ERP has no transaction for it.
    rows = books(at, "sap_ecc").store._rows["project"]
    other = rows.pop("P-100")
    other.vendor_id = other.number = "P-OTHER"
    rows["P-OTHER"] = other
    await as_freed(at, row)


async def as_freed(at: Stand, row: dict[str, Any]) -> None:
    """Replay where the guidance says so beside a resolution."""
    assert "replay" in row["guidance"]["mend"]
    await as_told(at, {**row, "guidance": {**row["guidance"], "replay": "yes"}})


async def erp_value_invalid(at: Stand) -> None:
    await sent(at, *MASTERS)
    await sent(at, "change_order", effective="2026-09-15")
    row = await told(at, "erp-value-invalid")
    assert "before the sales order starts" in row["guidance"]["what_is_wrong"]
    await corrected(at, row, effective="2026-10-15")


async def erp_too_long(at: Stand) -> None:
    await sent(at, "customer", tax_registration="GB 123 4567 89 / Branch 001")
    row = await told(at, "erp-too-long")
    assert "20 characters" in row["guidance"]["what_is_wrong"]
    await corrected(at, row, tax_registration="GB123456789001")


async def erp_interface(at: Stand) -> None:
    # A support package calls a component otherwise; then the transport that gives the old one back is imported.
    await at.settled()
    renamed = at.simulators["sap_ecc"].sim.ecc.config.renamed  # type: ignore[attr-defined]
    renamed["NAME"] = "NAME1"
    await sent(at, "customer")
    row = await told(at, "erp-interface")
    assert "NAME" in row["guidance"]["what_is_wrong"]
    del renamed["NAME"]
    await as_told(at, row)


async def erp_refused(at: Stand) -> None:
    # A script of the account's own, whose words nobody can know, stands before the books.
    there = books(at, "netsuite")

    def script(row: Customer) -> Customer:
        raise BooksError("STATUS", "Credit control has to release it first", "customer")

    there.put_customer = script  # type: ignore[method-assign]
    await sent(at, "customer")
    row = await told(at, "erp-refused")
    assert "Credit control has to release it first" in row["guidance"]["what_is_wrong"]
    del there.put_customer
    await as_told(at, row)


# --- what was never taken, here or there -------------------------------------------------------------


async def kind_not_supported(at: Stand) -> None:
    await sent(at, "journal_entry")
    row = await told(at, "kind-not-supported")
    assert "takes no journal_entry" in row["guidance"]["what_is_wrong"]
    rule = '- {id: entries, when: kind == "journal_entry", authority: netsuite}'
    text = f"version: 2\ndefault: {{authority: sap_ecc}}\nrules:\n  {rule}\n"
    at.router.tables.publish(text)
    await at.router.journal.publish_table(text, version=2, by="ann")
    await at.router.journal.switch(Switch(entities=["UK01"], table_version=2, by="ann", why="kind moved"))
    await as_told(at, row)
    (entry,) = await at.of_kind("journal_entry")
    assert (entry["state"], entry["authority"]) == ("posted", "netsuite")


async def follow_up_failed(at: Stand) -> None:
    await sent(at, *MASTERS)
    with pytest.MonkeyPatch.context() as release:

        async def stumbles(*_: object) -> None:
            raise ZeroDivisionError

        release.setattr(InvoiceNews, "follow_up", stumbles)
        await sent(at, "time_entry")
        row = await told(at, "follow-up-failed")
    assert (row["state"], "ZeroDivisionError" in row["guidance"]["what_is_wrong"]) == ("dead", True)
    await as_told(at, row)
    await asyncio.sleep(60)
    held = [one for one in books(at, str(row["target"])).rows("time") if one.external_id == "TE-100"]
    assert len(held) == 1, "looked up, not sent again"


async def project_setup_refused(at: Stand) -> None:
    await sent(at, "rate_card")
    first = await win(at, Project_Template__c="NO-SUCH")
    await asyncio.sleep(1_000)
    await settled(at)
    row = await told(at, "project-setup-refused")
    assert "NO-SUCH" in row["guidance"]["what_is_wrong"]
    assert deal(at, first)["Project_Status__c"] == "failed"
    body = event("opportunity", "again", document_id="OPP-2", customer_id="C-7")
    assert (await at.post(body)).status_code == 202
    await at.settled()
    await resolved(at, row, "closed again as OPP-2")
    assert len(at.records("kantata")["workspaces"]) == 1


async def feedback_undelivered(at: Stand) -> None:
    await sent(at, *MASTERS, "time_entry")
    await at_work(at)
    faults = at.simulators["kantata"].faults
    faults.set(DOWN)
    await sent(at, "billing_event")
    await asyncio.sleep(LATER_S)
    row = await told(at, "feedback-undelivered")
    assert (row["target"], row["role"], row["kind"]) == ("kantata", "feedback", "invoice")
    faults.set([])
    await as_told(at, row)
    await asyncio.sleep(600)
    assert (await at.get("/v1/exceptions?type=feedback-undelivered"))["exceptions"] == []
    names = [one["service_name"] for one in at.records("kantata")["external_references"]]
    assert len(names) > 2, "the invoice's status is on the project"


async def shadow_undelivered(at: Stand) -> None:
    await sent(at, *MASTERS)
    await at.settled()
    faults = at.simulators["netsuite"].faults
    faults.set(DOWN)
    await sent(at, "time_entry")
    await asyncio.sleep(LATER_S)
    row = await told(at, "shadow-undelivered")
    assert (row["id"][0], row["role"], row["target"]) == ("J", "shadow", "netsuite")
    faults.set([])
    await as_told(at, row)
    await asyncio.sleep(600)
    assert [one.external_id for one in books(at, "netsuite").rows("time")] == ["TE-100"]


FOLLOWED: Mapping[str, tuple[Follow, str]] = {
    "erp-reference-unknown": (erp_reference_unknown, SAP),
    "erp-reference-unknown in the cloud": (erp_reference_unknown, CLOUD),
    "erp-currency": (erp_currency, SAP),
    "erp-currency in the cloud": (erp_currency, CLOUD),
    "erp-currency without a rate": (erp_currency_without_a_rate, CLOUD),
    "erp-inactive": (erp_inactive, SAP),
    "erp-inactive in the cloud": (erp_inactive, CLOUD),
    "erp-status": (erp_status, SAP),
    "erp-status in the cloud": (erp_status, CLOUD),
    "erp-duplicate": (erp_duplicate, SAP),
    "erp-duplicate of another": (erp_duplicate_of_another, SAP),
    "erp-value-invalid": (erp_value_invalid, CLOUD),
    "erp-too-long": (erp_too_long, SAP),
    "erp-interface": (erp_interface, SAP),
    "erp-refused": (erp_refused, CLOUD),
    "follow-up-failed": (follow_up_failed, SAP),
    "project-setup-refused": (project_setup_refused, SAP),
    "feedback-undelivered": (feedback_undelivered, SAP),
    "shadow-undelivered": (shadow_undelivered, BOTH),
}

IMPATIENT = {"follow-up-failed": DeliveryPolicy(give_up_s=60, attempts_max=1)}
"""Every look at what we stumble over is a long log."""


@pytest.mark.parametrize("name", FOLLOWED)
def test_doing_what_its_page_says_delivers_it(tmp_path: Path, name: str) -> None:
    """Refused or given up, mended where the page says, replayed, corrected or resolved: nothing is left."""
    follow, routes = FOLLOWED[name]

    async def test(at: Stand) -> None:
        await follow(at)
        await nothing_left(at)

    on_stand(tmp_path, test, routes=routes, policy=IMPATIENT.get(name, DeliveryPolicy(give_up_s=GIVE_UP_S)))


def test_a_kind_its_erp_does_not_take_is_routed_to_one_that_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kind-not-supported`: both ERPs take every kind today, so the legacy connector stands in for a smaller one."""
    whole = app.CONNECT["sap_ecc"]

    def smaller(*given: Any, **named: Any) -> Connector:
        made = whole(*given, **named)
        can = made.capabilities
        made.capabilities = replace(can, kinds=can.kinds - {"journal_entry"})
        return made

    monkeypatch.setitem(app.CONNECT, "sap_ecc", smaller)

    async def test(at: Stand) -> None:
        await kind_not_supported(at)
        await nothing_left(at)

    on_stand(tmp_path, test, routes=SAP)


def test_every_type_is_followed_to_its_end() -> None:
    """A type of exception without a test that does what its guidance says is not finished: none is left out."""
    names = [
        *test_exceptions.FOLLOWED,
        *test_exceptions_of_rules.FOLLOWED,
        *test_exceptions_followed.FOLLOWED,
        *test_exceptions_after_restart.RESTARTED,
        *FOLLOWED,
        "kind-not-supported",
    ]
    followed = {name.split(" ", maxsplit=1)[0] for name in names}
    assert set(CATALOGUE) - followed == set()
    assert followed - set(CATALOGUE) == set()
