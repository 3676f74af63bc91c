"""Retainers: a fee paid in advance, and the work it covers.

Policy. Work draws on the fees of all periods up to and including the month of the work date, so an
unused retainer carries over and is never forfeited, and a future month's fee is never used up early.
What fits is covered: not billable, worth its rate. The rest is overage, billable at that rate under
an id of its own. A correction gives back what its original drew.
"""

from __future__ import annotations

from router.canonical.documents import Document
from router.canonical.masters import ContractLine
from router.canonical.work import TimeEntry
from router.finance.caps import minutes_within
from router.finance.identity import beyond_id
from router.journal.port import Draw, Split


def retainer_draw(contract_id: str, line: ContractLine, *, fees_minor: int, currency: str) -> Draw:
    """What an hour under a retainer draws on: the fees of its periods so far."""
    return Draw(
        register=f"retainer:{contract_id}/{line.line}",
        currency=currency,
        bound_minor=fees_minor,
        split=split_retainer,
    )


def split_retainer(document: Document, room_minor: int) -> Split:
    """An entry under a retainer: what is paid for already, and the overage."""
    assert isinstance(document, TimeEntry)
    value = document.money.minor
    if document.covered_by == "retainer" and value < 0:
        return Split(within=document, drawn_minor=value)
    if not document.billable:
        return Split(within=document)
    if value <= 0:
        if document.adjusts or not value:
            return Split(within=document)  # takes back overage, or is worth nothing
        return Split(within=_covered(document), drawn_minor=value)
    if value <= room_minor:
        return Split(within=_covered(document), drawn_minor=value)
    if document.minutes <= 0:
        return Split(within=document)
    fitting = min(minutes_within(document.bill_rate.minor, room_minor), document.minutes)
    if fitting == 0:
        return Split(within=document)
    within = _covered(document).model_copy(update={"minutes": fitting})
    overage = document.model_copy(
        update={
            "document_id": beyond_id(document.document_id),
            "minutes": document.minutes - fitting,
            "part_of": document.document_id,
        }
    )
    return Split(within=within, beyond=overage, drawn_minor=within.money.minor)


def _covered(entry: TimeEntry) -> TimeEntry:
    return entry.model_copy(update={"billable": False, "covered_by": "retainer"})
