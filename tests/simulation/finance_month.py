"""What a services firm does in the month of a rehearsed cutover: a scenario a project, each at its hour.

`month` is the rehearsal's workload; `test_finance_rehearsed.py` says what each scenario comes to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from simulators.firm.actions import GATEWAY, Action, Step
from simulators.firm.firm import Firm
from tests.integration.router_stand import event

LINE = {"tax_code": "GB-STD", "service_line": "CONSULTING", "description": "As agreed", "line": 1}
DAY = timedelta(days=1)
BEFORE, NOON, AFTER = timedelta(hours=1), DAY + timedelta(minutes=20), DAY + timedelta(hours=5)
"""From the start at noon: all on the old ERP; US01 on the new one and UK01 not; both on the new one."""
AMERICA = {"legal_entity": "US01", "region": "AMER", "currency": "USD"}
ON_31 = {"accounting_date": "2026-10-31"}


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
        of_both: dict[str, Any] = {
            name: fields[name] for name in ("customer_id", "currency") if name in fields
        }
        self.say(BEFORE, "contract", contract, lines=[{**LINE, **line} for line in lines], **fields)
        self.say(BEFORE, "project", project, contract_id=contract, **of_both)
        return {"project_id": project, "contract_id": contract, **of_both}


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
    _engagement(desk)
    _expenses(desk)
    _grouped(desk)
    _in_euros(desk)
    _exported(desk)
    _closed_out(desk)
    _late(desk)
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
    desk.say(BEFORE, "rate_card", "RC-US01", **AMERICA)
    desk.say(BEFORE, "customer", "C-600", **AMERICA, country="US", name="Southwind Inc")
    terms = {
        "customer_id": "C-600",
        "rate_card_id": "RC-US01",
        "lines": [{**LINE, "bills": "time", "tax_code": "US-EXEMPT"}],
    }
    desk.say(BEFORE, "contract", "K-6", **AMERICA, **terms)
    desk.say(BEFORE, "project", "P-6", **AMERICA, customer_id="C-600", contract_id="K-6", name="Audit")
    desk.say(
        NOON,
        "time_entry",
        "T-61",
        **AMERICA,
        project_id="P-6",
        minutes=90,
        work_date="2026-10-31",
        accounting_date="2026-10-31",
    )


def _engagement(desk: Desk) -> None:
    """Each entity bills 500.00 of its own currency for one engagement, once US01 has moved and UK01 has not."""
    fee = {"bills": "milestones", "fee": "500.00"}
    terms = {"billing": "fixed_fee", "rate_card_id": None, "engagement_id": "ENG-7"}
    ours = desk.agreed(7, fee, **terms)
    theirs = {"project_id": "P-7-US", "contract_id": "K-7-US"}
    lines = [{**LINE, **fee, "tax_code": "US-EXEMPT"}]
    desk.say(BEFORE, "contract", "K-7-US", **AMERICA, **terms, customer_id="C-600", lines=lines)
    desk.say(
        BEFORE, "project", "P-7-US", **AMERICA, customer_id="C-600", contract_id="K-7-US", name="Audit, US"
    )
    done = {**ON_31, "amount": "500.00", "completed_on": "2026-10-31"}
    for name, home, on in (("7", {}, ours), ("7-US", {**AMERICA}, theirs)):
        desk.say(NOON, "milestone", f"MS-{name}", **home, **on, **done)
        buyer = {"customer_id": "C-600"} if home else {}
        bill = {**home, **on, **buyer, **ON_31, "milestone_ids": [f"MS-{name}"]}
        desk.say(NOON, "billing_event", f"BE-{name}", **bill)


def _expenses(desk: Desk) -> None:
    """A meal of 150.00, of which policy passes on 120.00, at 12.5% mark-up; entertainment is never passed on."""
    on = desk.agreed(8, {"bills": "expenses", "markup_basis_points": 1_250})
    for number, category, amount in ((1, "MEALS", "150.00"), (2, "ENTERTAINMENT", "80.00")):
        spent = {"category": category, "amount": amount}
        desk.say(BEFORE, "expense_item", f"EX-8{number}", project_id="P-8", **spent)
    _bill(desk, 8, 3 * BEFORE, on)


def _grouped(desk: Desk) -> None:
    """6 and 2 hours under two contracts of one customer, who wants one invoice."""
    desk.say(BEFORE, "customer", "C-900", name="Pennine Paper Ltd")
    grouped = {"customer_id": "C-900", "group_by": "customer"}
    on = desk.agreed(9, {"bills": "time"}, **grouped)
    desk.agreed(10, {"bills": "time"}, **grouped)
    for number, minutes in ((9, 360), (10, 120)):
        desk.say(BEFORE, "time_entry", f"T-{number}1", project_id=f"P-{number}", minutes=minutes)
    _bill(desk, 9, 3 * BEFORE, {**on, "with_projects": ["P-10"]})


def _in_euros(desk: Desk) -> None:
    """6 hours at 150.00 euros, invoiced on the 30th and paid on the 31st, at another rate."""
    euros = {"currency": "EUR"}
    desk.say(BEFORE, "rate_card", "RC-EUR", **euros)
    desk.say(BEFORE, "customer", "C-1100", **euros, name="Rhine Valley Logistics")
    on = desk.agreed(11, {"bills": "time"}, customer_id="C-1100", rate_card_id="RC-EUR", **euros)
    desk.say(BEFORE, "time_entry", "T-111", **euros, project_id="P-11", minutes=360)
    _bill(desk, 11, 3 * BEFORE, on)
    paid = {"invoice_id": "INV-BE-11", "amount": "1080.00", "paid_on": "2026-10-31"}
    customer = {"project_id": "P-11", "customer_id": "C-1100"}
    desk.say(NOON, "payment", "PAY-11", **euros, **ON_31, **paid, **customer)


def _exported(desk: Desk) -> None:
    """4 hours for a business in France: the place of supply is there, and no tax of ours is due."""
    desk.say(
        BEFORE, "customer", "C-1200", country="FR", tax_registration="FR40303265045", name="Lyon Conseil SA"
    )
    on = desk.agreed(12, {"bills": "time", "tax_code": "EXPORT"}, customer_id="C-1200")
    desk.say(BEFORE, "time_entry", "T-121", project_id="P-12", minutes=240)
    _bill(desk, 12, 3 * BEFORE, on)


def _closed_out(desk: Desk) -> None:
    """A project is asked to be closed before its invoice is paid, every minute anew, until it is."""
    on = desk.agreed(13, {"bills": "time"})
    desk.say(BEFORE, "time_entry", "T-131", project_id="P-13", minutes=120)
    _bill(desk, 13, 3 * BEFORE, on)
    desk.send(5 * BEFORE, {"project_id": "P-13"}, "/v1/processes/close-project")
    paid = {"invoice_id": "INV-BE-13", "amount": "360.00"}
    desk.say(5 * BEFORE + BEFORE / 6, "payment", "PAY-13", project_id="P-13", **paid)


def _late(desk: Desk) -> None:
    """October of UK01 is closed softly once its revenue is recognised; ten minutes later an hour and a half comes in."""
    desk.agreed(14, {"bills": "time"})
    closing = AFTER + 7 * BEFORE / 4
    desk.send(closing, {"why": "Month-end", "by": "controlling"}, "/v1/periods/UK01/2026-10:soft-close")
    late = {**ON_31, "project_id": "P-14", "work_date": "2026-10-31", "minutes": 90}
    desk.say(closing + BEFORE / 6, "time_entry", "T-141", **late)
