"""A services firm's month in a rehearsed cutover, reckoned by hand: one rehearsal, a scenario a project.

UK01 stays on the legacy ERP until the afternoon of the second day, US01 has moved by noon. Both ERPs
take everything until an entity has moved, so what is booked before is the same in both, to the cent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cutover.rehearsal.memory import in_memory
from cutover.rehearsal.rehearse import Rehearsal, rehearse
from router.configfile import ConfigFile
from router.landscape import as_landscape, default_file
from simulators.firm.actions import GATEWAY, Action, Step
from simulators.firm.firm import Firm
from tests.integration.router_stand import event
from tests.simulation.tiny import WAVES, tiny_options

OLD, NEW = "sap_ecc", "netsuite"
AR, WIP, DUE_FROM, TAX, DUE_TO, DEFERRED = "120000", "140000", "130000", "230000", "235000", "250000"
REVENUE, UNBILLED, IC_REVENUE, IC_COST, BAD_DEBT = "400000", "410000", "450000", "650000", "660000"
LINE = {"tax_code": "GB-STD", "service_line": "CONSULTING", "description": "As agreed", "line": 1}
DAY = timedelta(days=1)
BEFORE, NOON, AFTER = timedelta(hours=1), DAY + timedelta(minutes=20), DAY + timedelta(hours=5)
"""From the start at noon: all on the old ERP; US01 on the new one and UK01 not; both on the new one."""


class Desk:
    """Writes down what is sent when; each document 20 seconds after the one before."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self.steps: list[Action] = []

    def send(self, after: timedelta, body: Mapping[str, Any], path: str = "/v1/transactions") -> None:
        """A request to the gateway."""
        at = self._start + after + timedelta(seconds=20 * len(self.steps))
        self.steps.append(
            Action(
                at=at, actor="desk", entity="UK01", system=GATEWAY, method="POST", path=path, json=body, expect=202
            )
        )  # fmt: skip

    def say(self, after: timedelta, kind: str, document_id: str, **changed: Any) -> None:
        """A document."""
        self.send(after, event(kind, f"{kind} {document_id}", document_id=document_id, **changed))

    def agreed(self, number: int, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Contract K-<n> and project P-<n> of UK01, and what documents of theirs have in common."""
        contract, project = f"K-{number}", f"P-{number}"
        self.say(BEFORE, "contract", contract, lines=[{**LINE, **line} for line in lines], **fields)
        self.say(BEFORE, "project", project, contract_id=contract)
        return {"project_id": project, "contract_id": contract}


def month(firm: Firm, *, start: datetime, end: datetime, seed: int) -> Iterator[Step]:
    """What happens; nobody of the fictional firm does anything."""
    desk = Desk(start)
    for kind in ("rate_card", "resource", "customer"):
        desk.say(BEFORE, kind, {"rate_card": "RC-UK01", "resource": "R-100", "customer": "C-100"}[kind])
    _capped(desk)
    _retainer(desk)
    _subscription(desk)
    _fixed_fee(desk)
    _corrected(desk)
    _across(desk)
    return iter(sorted((step for step in desk.steps if start <= step.at < end), key=lambda step: step.at))


def _bill(desk: Desk, number: int, after: timedelta, on: Mapping[str, Any]) -> None:
    desk.say(after, "billing_event", f"BE-{number}", **on)


def _capped(desk: Desk) -> None:
    """900.00 at 150.00 are 6 hours; version 3 of the contract (1,500.00) comes before version 2 (1,200.00)."""
    cap = {"bills": "time", "cap": "900.00"}
    on = desk.agreed(1, cap)
    work = {"project_id": "P-1"}
    desk.say(BEFORE, "time_entry", "T-11", **work, minutes=480)
    for version, amount in ((3, "1500.00"), (2, "1200.00")):
        more = {
            "contract_version": version,
            "effective": "2026-10-31",
            "lines": [{**LINE, **cap, "cap": amount}],
        }
        desk.say(2 * BEFORE, "change_order", f"CO-{version}", **on, **more)
    desk.say(
        AFTER, "time_entry", "T-12", **work, minutes=480, work_date="2026-10-31", accounting_date="2026-10-31"
    )
    _bill(desk, 1, AFTER + BEFORE, {**on, "accounting_date": "2026-10-31"})


def _retainer(desk: Desk) -> None:
    """900.00 a month, drawn down by 6 of 8 hours; 2 hours are billed beside it."""
    on = desk.agreed(
        2,
        {"bills": "retainer", "fee": "900.00", "revenue": "percentage_of_completion"},
        {"bills": "time", "line": 2},
        billing="retainer",
        starts="2026-10-01",
    )
    desk.say(BEFORE, "time_entry", "T-21", project_id="P-2", minutes=480)
    _bill(desk, 2, 3 * BEFORE, on)


def _subscription(desk: Desk) -> None:
    """1,300.00 a month from the 15th: 17 of 31 days are 712.90."""
    fee = {"bills": "subscription", "fee": "1300.00", "revenue": "straight_line"}
    on = desk.agreed(3, fee, billing="subscription", rate_card_id=None, starts="2026-10-15")
    _bill(desk, 3, 3 * BEFORE, on)
    desk.send(
        AFTER + BEFORE + BEFORE / 2,
        {"legal_entity": "UK01", "period": "2026-10", "dry_run": False},
        "/v1/processes/recognise-revenue",
    )


def _fixed_fee(desk: Desk) -> None:
    """The invoice is asked for before the milestone is completed, and comes after it."""
    on = desk.agreed(4, {"bills": "milestones", "fee": "12500.00"}, billing="fixed_fee", rate_card_id=None)
    _bill(desk, 4, 2 * BEFORE, {**on, "milestone_ids": ["MS-4"]})
    desk.say(3 * BEFORE, "milestone", "MS-4", **on)


def _corrected(desk: Desk) -> None:
    """Two hours invoiced; credited and billed again, and the new invoice's last 20.00 written off."""
    on = desk.agreed(5, {"bills": "time"})
    desk.say(BEFORE, "time_entry", "T-51", project_id="P-5", minutes=120)
    desk.say(BEFORE, "time_entry", "T-52", project_id="P-5", minutes=60)
    desk.say(2 * BEFORE, "time_entry", "T-53", project_id="P-5", minutes=-60, adjusts="T-52")
    _bill(desk, 5, 3 * BEFORE, on)
    invoice = {"invoice_id": "INV-BE-5", "reason": "Wrong purchase order"}
    desk.send(5 * BEFORE, invoice, "/v1/processes/credit-and-rebill")
    rest = {
        "invoice_id": "INV-BE-5.rebill",
        "amount": "20.00",
        "reason": "Bank charges",
        "approved_by": "head",
    }
    desk.send(7 * BEFORE, rest, "/v1/processes/write-off")


def _across(desk: Desk) -> None:
    """A consultant of UK01 (still on the old ERP) works for US01 (already on the new one)."""
    america = {"legal_entity": "US01", "region": "AMER", "currency": "USD"}
    desk.say(BEFORE, "rate_card", "RC-US01", **america)
    desk.say(BEFORE, "customer", "C-600", **america, country="US", name="Southwind Inc")
    terms = {
        "customer_id": "C-600",
        "rate_card_id": "RC-US01",
        "lines": [{**LINE, "bills": "time", "tax_code": "US-EXEMPT"}],
    }
    desk.say(BEFORE, "contract", "K-6", **america, **terms)
    desk.say(BEFORE, "project", "P-6", **america, customer_id="C-600", contract_id="K-6", name="Audit")
    desk.say(
        NOON,
        "time_entry",
        "T-61",
        **america,
        project_id="P-6",
        minutes=90,
        work_date="2026-10-31",
        accounting_date="2026-10-31",
    )


@cache
def rehearsed() -> Rehearsal:
    """The rehearsal, once a process; without CRM and PSA, which know nothing of these projects."""
    file = default_file("landscapes/default.yaml")
    entities = {code: file.data["legal_entities"][code] for code, _ in WAVES.values()}
    systems = {name: file.data["systems"][name] for name in (OLD, NEW)}
    data = in_memory({**file.data, "legal_entities": entities, "systems": systems})
    options = tiny_options(
        landscape=as_landscape(ConfigFile(file.name, data, file.places)), landscape_data=data
    )
    folder = Path(tempfile.mkdtemp(prefix="month"))
    return rehearse(options, journal=folder / "journal.sqlite", work=month)


def booked(erp: str, *rows: tuple[str, str]) -> dict[str, int]:
    """What the entries of some documents come to, by account, in the document's minor units; zeros left out."""
    books = rehearsed().world.simulators[erp].sim.books  # type: ignore[attr-defined]
    sums: dict[str, int] = {}
    for row_type, external_id in rows:
        row = books.get(row_type, external_id)
        assert row is not None, f"{erp} has no {row_type} {external_id}"
        for line in books.ledger.entries[row.entry - 1].lines if row.entry else ():
            sums[line.account] = sums.get(line.account, 0) + line.minor
    return {account: minor for account, minor in sorted(sums.items()) if minor}


def has(erp: str, row_type: str, external_id: str) -> bool:
    """Whether an ERP holds a document."""
    return rehearsed().world.simulators[erp].sim.books.get(row_type, external_id) is not None  # type: ignore[attr-defined]


def test_the_cutover_goes_through_with_all_of_it() -> None:
    """Every step done, every invariant held, nothing left for a person."""
    report = rehearsed().report
    assert report["verdict"] == "go", report["because"]
    assert report["exceptions"]["rows"] == []
    assert report["input"]["refused_by_gateway"] == []
    assert all(row["ties"] for row in report["finance"]["ties"] if row["left"] != "PSA")


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_the_cap_holds_across_the_switch(erp: str) -> None:
    """Under the cap of 900.00: 6 of 8 hours. Raised to 1,500.00 meanwhile: 4 of the next 8 hours, in the new ERP alone."""
    assert booked(erp, ("time", "T-11")) == {WIP: 90_000, UNBILLED: -90_000}
    assert booked(erp, ("time", "T-11.beyond")) == {}
    if erp == OLD:
        assert not has(OLD, "time", "T-12")
        return
    assert booked(NEW, ("time", "T-12")) == {WIP: 60_000, UNBILLED: -60_000}
    assert booked(NEW, ("invoice", "BE-1")) == {
        AR: 180_000, WIP: -150_000, TAX: -30_000, REVENUE: -150_000, UNBILLED: 150_000,
    }  # fmt: skip


def test_versions_take_effect_in_their_order() -> None:
    """Version 3, accepted first, was applied after version 2 in both ERPs."""
    for erp in (OLD, NEW):
        books = rehearsed().world.simulators[erp].sim.books  # type: ignore[attr-defined]
        contract = books.get("contract", "K-1")
        assert (contract.version, contract.lines[0].cap_minor) == (3, 150_000)


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_the_retainer_is_drawn_down(erp: str) -> None:
    """Fee 900.00 deferred, overage 300.00 earned: 1,200.00 and 240.00 tax."""
    assert booked(erp, ("time", "T-21"), ("time", "T-21.beyond")) == {WIP: 30_000, UNBILLED: -30_000}
    assert booked(erp, ("invoice", "BE-2")) == {
        AR: 144_000, WIP: -30_000, TAX: -24_000, DEFERRED: -90_000, REVENUE: -30_000, UNBILLED: 30_000,
    }  # fmt: skip


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_the_subscription_is_prorated(erp: str) -> None:
    """712.90 deferred and 142.58 tax; as a charge it raises no work in progress."""
    assert booked(erp, ("invoice", "BE-3")) == {AR: 85_548, TAX: -14_258, DEFERRED: -71_290}
    assert booked(erp, ("charge", "CH-K-3-1-202610")) == {}


def test_revenue_is_recognised_in_the_erp_in_charge() -> None:
    """712.90 of the subscription and 900.00 of the retainer, after the switch: in the new ERP alone."""
    new, old = (rehearsed().world.simulators[erp].sim.books for erp in (NEW, OLD))  # type: ignore[attr-defined]
    ours = {new.get("project", project).vendor_id for project in ("P-2", "P-3")}
    entries = [row for row in new.rows("journal_entry") if row.purpose == "revenue" and row.project in ours]
    moved = sorted((line.account, line.minor) for row in entries for line in row.lines)
    assert moved == [(DEFERRED, 71_290), (DEFERRED, 90_000), (REVENUE, -90_000), (REVENUE, -71_290)]
    assert [row for row in old.rows("journal_entry") if row.purpose == "revenue"] == []


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_no_invoice_before_completion(erp: str) -> None:
    """Asked for an hour too early, the invoice of 12,500.00 and 2,500.00 tax is dated after the milestone."""
    books = rehearsed().world.simulators[erp].sim.books  # type: ignore[attr-defined]
    assert booked(erp, ("milestone", "MS-4"), ("invoice", "BE-4")) == {
        AR: 1_500_000, TAX: -250_000, REVENUE: -1_250_000,
    }  # fmt: skip
    assert books.get("milestone", "MS-4").created_at < books.get("invoice", "BE-4").created_at


@pytest.mark.parametrize("erp", [OLD, NEW])
def test_corrections_leave_what_is_right(erp: str) -> None:
    """An hour and its reversal are nothing; 360.00 credited, billed again, 20.00 of it written off."""
    assert booked(erp, ("time", "T-52"), ("time", "T-53")) == {}
    first = {AR: 36_000, WIP: -30_000, TAX: -6_000, REVENUE: -30_000, UNBILLED: 30_000}
    assert booked(erp, ("invoice", "BE-5")) == first
    assert booked(erp, ("invoice", "BE-5"), ("credit_memo", "INV-BE-5.credit")) == {
        WIP: -30_000,
        UNBILLED: 30_000,
    }
    assert booked(erp, ("invoice", "INV-BE-5.rebill")) == {AR: 36_000, TAX: -6_000, REVENUE: -30_000}
    (off,) = rehearsed().world.simulators[erp].sim.books.rows("write_off")  # type: ignore[attr-defined]
    assert booked(erp, ("write_off", off.external_id)) == {AR: -2_000, BAD_DEBT: 2_000}


def test_intercompany_meets_across_the_erps() -> None:
    """90 minutes at 70.00 plus 8%: 113.40 pounds due from US01 in the old ERP, due to UK01 in the new one."""
    assert booked(OLD, ("journal_entry", "IC-T-61.from")) == {DUE_FROM: 11_340, IC_REVENUE: -11_340}
    assert booked(NEW, ("journal_entry", "IC-T-61.to")) == {DUE_TO: -11_340, IC_COST: 11_340}
    assert not has(OLD, "journal_entry", "IC-T-61.to")
    assert booked(NEW, ("time", "T-61")) == {WIP: 22_500, UNBILLED: -22_500}
