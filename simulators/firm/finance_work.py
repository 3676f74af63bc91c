"""What finance and the PMO do besides billing: change orders, recognition and accruals at period end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulators.firm.actions import GATEWAY, Action
from simulators.firm.curve import local_moment
from simulators.firm.entities import month_end
from simulators.firm.masters import contract_lines, event
from simulators.firm.model import Contract, ContractLine, Project, stream

if TYPE_CHECKING:
    from simulators.firm.firm import Firm

PMO, CONTROLLING = "pmo", "controlling"
SOURCE = "/pmo/change-orders"
CHANGED_EVERY = 4
"""One capped or subscribed contract in so many is changed in the rehearsed days."""
RAISED_PERCENT = 150
DEARER_PERCENT = 105
AHEAD = timedelta(minutes=7)
"""How much too early the third version of the first changed contract arrives: before the second."""


def finance_work(firm: Firm, *, start: datetime, end: datetime, seed: int) -> Iterator[Action]:
    """Change orders of some contracts, then what closes the period in every entity; unordered."""
    yield from _change_orders(firm, start, end, seed)
    yield from _period_end(firm)


def _change_orders(firm: Firm, start: datetime, end: datetime, seed: int) -> Iterator[Action]:
    rng = stream(seed, "workload/change-orders")
    project_of = {project.contract_id: project for project in firm.projects}
    changed = [
        contract
        for contract in firm.contracts
        if contract.billing == "subscription"
        or any(line.bills == "time" and line.amount_minor for line in contract.lines)
    ]
    effective = month_end(firm.month) + timedelta(days=1)
    for at, contract in enumerate(changed[::CHANGED_EVERY]):
        moment = start + (end - start) * rng.randint(5, 35) / 100
        second = _changed(contract)
        yield _change_order(firm, project_of[contract.contract_id], second, 2, effective, moment)
        if at == 0:
            third = _changed(second)
            yield _change_order(firm, project_of[contract.contract_id], third, 3, effective, moment - AHEAD)


def _changed(contract: Contract) -> Contract:
    """A cap is raised, a subscription renewed for a year at a higher price."""
    lines = tuple(_changed_line(line) for line in contract.lines)
    ends = contract.ends
    if contract.billing == "subscription" and ends is not None:
        ends = ends + timedelta(days=365)
    return replace(contract, lines=lines, ends=ends)


def _changed_line(line: ContractLine) -> ContractLine:
    if line.amount_minor is None or line.bills not in ("time", "subscription"):
        return line
    percent = RAISED_PERCENT if line.bills == "time" else DEARER_PERCENT
    return replace(line, amount_minor=line.amount_minor * percent // 100)


def _change_order(
    firm: Firm, project: Project, contract: Contract, version: int, effective: date, at: datetime
) -> Action:
    data: dict[str, Any] = {
        "document_id": f"CO-{contract.contract_id[2:]}-{version}",
        "legal_entity": project.entity,
        "region": firm.entities[project.entity].region,
        "business_unit": project.business_unit,
        "accounting_date": at.date().isoformat(),
        "project_id": project.project_id,
        "contract_id": contract.contract_id,
        "currency": contract.currency,
        "contract_version": version,
        "effective": effective.isoformat(),
        "reason": "Renewed" if contract.billing == "subscription" else "More work agreed",
        "lines": contract_lines(contract),
        "ends": contract.ends.isoformat() if contract.ends else None,
    }
    verb = "renewed" if contract.billing == "subscription" else "approved"
    return Action(
        at=at,
        actor=PMO,
        entity=project.entity,
        system=GATEWAY,
        method="POST",
        path="/v1/transactions",
        json=event("change_order", data, source=SOURCE, time=at.strftime("%Y-%m-%dT%H:%M:%SZ"), verb=verb),
        expect=202,
        what="change order approved",
    )


def _period_end(firm: Firm) -> Iterator[Action]:
    """On the evening after the month's last day each entity recognises revenue, soft-closes and accrues.

    What is approved for the month after that is late: the calendar says what becomes of it.
    """
    last = month_end(firm.month)
    period = f"{last:%Y-%m}"
    for code, entity in firm.entities.items():
        evening = local_moment(entity.time_zone, last + timedelta(days=1), 20)
        asked = {"legal_entity": code, "period": period, "dry_run": False}
        for minutes, path, body in (
            (0, "/v1/processes/recognise-revenue", asked),
            (45, f"/v1/periods/{code}/{period}:soft-close", {"why": "Month-end", "by": CONTROLLING}),
            (60, "/v1/processes/accrue", asked),
        ):
            yield Action(
                at=evening + timedelta(minutes=minutes),
                actor=CONTROLLING,
                entity=code,
                system=GATEWAY,
                method="POST",
                path=path,
                json=body,
                documents=0,
                what="period end",
            )
