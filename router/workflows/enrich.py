"""Enrichment, pure: what a source system knows plus what the masters say gives a document.

Facts in, a document or one sentence of what is missing out. Nothing is guessed: an observation that
can't be completed is parked with that sentence, which names the system and the field to mend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from router.canonical.documents import Document
from router.canonical.kinds import parse
from router.canonical.masters import Contract, Project, RateCard, Resource
from router.canonical.money import Money
from router.canonical.reference import ExpenseLimit
from router.errors import BadInput, NoReceipt
from router.finance.expenses import needs_receipt
from router.finance.milestones import milestone_line

NOT_BILLED_ROLE = "UNASSIGNED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Masters:
    """The masters an observation refers to, as far as they are known."""

    project: Project | None = None
    contract: Contract | None = None
    rate_card: RateCard | None = None
    resource: Resource | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an observation can't be completed."""

    why: str
    code: str = "invalid-document"
    """The type of the exception it becomes (`router.exceptions.catalogue`)."""


def enrich(
    kind: str,
    data: Mapping[str, Any],
    masters: Masters,
    limits: Mapping[str, ExpenseLimit] = MappingProxyType({}),
) -> Document | Problem:
    """A canonical document of an observed time entry, expense or milestone; `limits`: the expense policy.

    A source that knows whether an expense has a receipt says so in `receipt`, true or false.
    """
    project = masters.project
    if not data.get("project_id"):
        return Problem(
            "the row's project has no project code; add the external reference of the project in the PSA",
            "project-code-missing",
        )
    if project is None:
        return Problem(
            f"project {data['project_id']} is not known; send the project first, then replay",
            "project-unknown",
        )
    complete: dict[str, Any] = {
        **data,
        "kind": kind,
        "legal_entity": project.legal_entity,
        "region": project.region,
        "business_unit": project.business_unit,
    }
    if kind in ("time_entry", "expense_item"):
        found = _work(kind, complete, project, masters, limits)
        if found is not None:
            return found
    elif kind == "milestone":
        complete.setdefault("accounting_date", complete.get("completed_on"))
        complete.setdefault("contract_id", project.contract_id)
        if "contract_line" not in complete:
            line = _milestone_line(masters.contract, complete)
            if line is None:
                return Problem(
                    f"contract {project.contract_id} of project {project.document_id} bills no milestones",
                    "contract-without-milestones",
                )
            complete["contract_line"] = line
    try:
        return parse(complete)
    except BadInput as error:
        return Problem(error.message)


def _work(
    kind: str,
    complete: dict[str, Any],
    project: Project,
    masters: Masters,
    limits: Mapping[str, ExpenseLimit],
) -> Problem | None:
    if not complete.get("resource_id"):
        return Problem(
            "the row's person has no employee id; add the external reference of the user in the PSA",
            "employee-id-missing",
        )
    resource = masters.resource
    complete["department"] = project.department
    complete["practice"] = project.practice
    complete["service_line"] = project.service_line
    complete["cost_center"] = resource.cost_center if resource else project.cost_center
    on = complete.get("work_date") if kind == "time_entry" else complete.get("expense_date")
    complete.setdefault("accounting_date", on)
    if kind == "expense_item":
        return _receipt(complete, limits)
    if resource is None:
        return Problem(
            f"person {complete['resource_id']} is not known; send the resource first, then replay",
            "resource-unknown",
        )
    complete.setdefault("role", resource.role)
    complete["currency"] = project.currency
    if not complete.get("billable", True):
        complete.setdefault("bill_rate", "0")
        return None
    return _price(complete, project, masters)


def _receipt(complete: dict[str, Any], limits: Mapping[str, ExpenseLimit]) -> Problem | None:
    """Why an expense can't be taken without a receipt; only a source that says there is none is held to it."""
    if complete.pop("receipt", True):
        return None
    category, currency = str(complete.get("category", "")), str(complete.get("currency", ""))
    try:
        amount = Money.parse(str(complete.get("amount", "")), currency)
    except ValueError:
        return None  # reading the document says what is wrong with it
    if not needs_receipt(amount, limits.get(category)):
        return None
    return Problem(
        f"expense {complete.get('document_id')}: {category} of {amount} {currency} needs a receipt; attach it to"
        " the expense in the PSA and have it approved again",
        NoReceipt.code,
    )


def _price(complete: dict[str, Any], project: Project, masters: Masters) -> Problem | None:
    contract, card = masters.contract, masters.rate_card
    if contract is None:
        return Problem(
            f"contract {project.contract_id} is not known; send the contract first, then replay",
            "contract-unknown",
        )
    if contract.rate_card_id is None:
        # Fixed fee: hours are recorded, milestones are billed.
        complete.setdefault("bill_rate", "0")
        return None
    if card is None:
        return Problem(
            f"rate card {contract.rate_card_id} is not known; send the rate card first, then replay",
            "rate-card-unknown",
        )
    if card.currency != project.currency:
        return Problem(
            f"rate card {card.document_id} is in {card.currency}, project {project.document_id} in"
            f" {project.currency}; give contract {contract.document_id} a rate card in {project.currency},"
            " then replay",
            "rate-card-currency",
        )
    on = complete["accounting_date"] if "work_date" not in complete else complete["work_date"]
    day = on if isinstance(on, date) else date.fromisoformat(str(on))
    rate = card.rate(complete["role"], day, complete["resource_id"])
    if rate is None:
        return Problem(
            f"rate card {card.document_id} has no rate for {complete['role']} on {on}; add one, then replay",
            "rate-missing",
        )
    complete["bill_rate"] = str(rate)
    return None


def _milestone_line(contract: Contract | None, data: Mapping[str, Any]) -> int | None:
    if contract is None:
        return None
    found = milestone_line(contract.lines, str(data.get("name", "")), str(data.get("amount", "")))
    return found.line if found is not None else None
