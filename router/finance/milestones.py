"""Fixed fee: milestones never come to more than the fee that was agreed."""

from __future__ import annotations

from router.canonical.documents import Document
from router.canonical.masters import ContractLine
from router.canonical.money import Money
from router.canonical.work import Milestone
from router.journal.port import Draw, Split

CODE = "fee-exceeded"


def fee_draw(contract_id: str, line: ContractLine) -> Draw | None:
    """What a milestone of a line draws on; None when the line states no fee."""
    if line.fee is None or line.bills != "milestones":
        return None
    return Draw(
        register=f"fee:{contract_id}/{line.line}",
        currency=line.fee.currency,
        bound_minor=line.fee.minor,
        split=take_milestone,
    )


def take_milestone(document: Document, room_minor: int) -> Split:
    """All of a milestone or nothing: one beyond the fee is parked, for half a step can't be billed."""
    assert isinstance(document, Milestone)
    if document.amount.minor > max(room_minor, 0):
        return Split(within=document, problem=beyond_fee(document, room_minor), problem_code=CODE)
    return Split(within=document, drawn_minor=document.amount.minor)


def beyond_fee(milestone: Milestone, room_minor: int) -> str:
    """Why a milestone can't be taken, and what to do."""
    left = Money(max(room_minor, 0), milestone.currency)
    return (
        f"milestone {milestone.document_id} is {milestone.amount} {milestone.currency}, line"
        f" {milestone.contract_line} of contract {milestone.contract_id} has {left} left of its fee: correct the"
        " amount in the PSA, or raise the fee by a change order, then replay"
    )


def milestone_line(lines: tuple[ContractLine, ...], name: str, amount: str) -> ContractLine | None:
    """The line a milestone is of: described by its name, else of its amount, else the first."""
    fitting = [line for line in lines if line.bills == "milestones"]
    named = [line for line in fitting if line.description == name]
    priced = [line for line in fitting if line.fee is not None and str(line.fee) == amount]
    return next(iter(named or priced or fitting), None)
