"""What goes on which invoice: projects of an entity grouped as their contracts say, and why not.

Invoices are made per legal entity: contracts of one engagement in several entities are billed each by
its own. Grouped are projects of one customer and currency; by `project` each alone, by `contract` all
of a contract, by `customer` those of all the customer's contracts that say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from router.canonical.masters import Contract, Project
from router.finance.identity import derived


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What of one project is not billed yet, as far as the router knows."""

    project: Project
    contract: Contract
    unbilled_minor: int = 0
    """Billable work that is posted or ahead of the bill, and fees that fall due with it."""
    documents: int = 0
    left_out: tuple[str, ...] = ()
    """What an invoice would lack, a sentence a document: held, refused."""
    under_way: str = ""
    """A billing event of it that is not settled yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """One invoice to ask for, unless something is in its way."""

    key: str
    """What is grouped: stable, so that a repeat asks for the same."""
    contract: Contract
    projects: tuple[Project, ...]
    unbilled_minor: int
    documents: int
    left_out: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()
    """Why it is not asked for."""


def bills(rows: Sequence[Open], period: str) -> list[Bill]:
    """The invoices of some open projects, in the order of their keys, with those that can't be made."""
    groups: dict[str, list[Open]] = {}
    for row in rows:
        groups.setdefault(_key(row), []).append(row)
    return [_bill(key, groups[key], period) for key in sorted(groups)]


def event_id(legal_entity: str, period: str, key: str, run: int) -> str:
    """The id of the billing event for a group in a period; later runs of a period are numbered."""
    return derived(f"BE-{legal_entity}-{period}-{key}", "" if run == 1 else f"-{run}")


def _key(row: Open) -> str:
    contract = row.contract
    if contract.group_by == "customer":
        return f"{contract.customer_id}-{contract.currency}"
    return contract.document_id if contract.group_by == "contract" else row.project.document_id


def _bill(key: str, rows: Sequence[Open], period: str) -> Bill:
    ordered = sorted(rows, key=lambda row: row.project.document_id)
    billed = [row for row in ordered if row.documents] or ordered
    bill = Bill(
        key=key,
        contract=billed[0].contract,
        projects=tuple(row.project for row in billed),
        unbilled_minor=sum(row.unbilled_minor for row in ordered),
        documents=sum(row.documents for row in ordered),
        left_out=tuple(why for row in ordered for why in row.left_out),
    )
    return replace(bill, blockers=_blockers(bill, ordered, period))


def _blockers(bill: Bill, rows: Sequence[Open], period: str) -> tuple[str, ...]:
    found = [
        f"billing event {row.under_way} of project {row.project.document_id} is not settled yet: wait for it,"
        " or see its exception"
        for row in rows
        if row.under_way
    ]
    if not bill.documents:
        fixed = bill.contract.billing == "fixed_fee"
        found.append(
            f"no milestone of contract {bill.contract.document_id} is completed and unbilled: complete it in the PSA"
            if fixed
            else f"nothing is unbilled for {period}: approve time or expenses in the PSA"
        )
    elif bill.unbilled_minor <= 0:
        found.append("corrections outweigh what is unbilled: they go on the next invoice that is above zero")
    return tuple(dict.fromkeys(found))
