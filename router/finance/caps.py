"""Caps: what of an entry may still be billed, and what is delivered for nothing.

The room under a cap is counted by the journal in the commit that accepts an entry, so the sum of what
is billable never exceeds the cap, in whatever order entries come. An entry that crosses the cap is
split into whole minutes (an expense by amount): the first part keeps the id, the rest gets one of its
own, isn't billable and is worth nothing to the customer. A correction with negative minutes gives
room back; what was beyond the cap before stays beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from router.canonical.documents import Document
from router.canonical.masters import ContractLine
from router.canonical.money import Money, round_half_up
from router.canonical.work import ExpenseItem, TimeEntry
from router.errors import CapBelowBilled
from router.finance.identity import beyond_id
from router.journal.port import Draw, Split


def register_of(contract_id: str, line: int) -> str:
    """The journal's register of what was taken under a line's cap."""
    return f"cap:{contract_id}/{line}"


def refuse_below_taken(contract_id: str, lines: Sequence[ContractLine], taken: Mapping[str, int]) -> None:
    """Raise CapBelowBilled for a version that would cap a line below what was billable under it so far."""
    for line in lines:
        minor = taken.get(register_of(contract_id, line.line), 0)
        if line.cap is not None and minor > line.cap.minor:
            billed = Money(minor, line.cap.currency)
            raise CapBelowBilled(
                f"lines.{line.line}.cap: {line.cap} {line.cap.currency} is below the {billed} that was taken"
                f" under it of contract {contract_id}",
                mend=f"credit what is beyond it and take that work back first, or set the cap to at least {billed}",
            )


def cap_draw(contract_id: str, line: ContractLine) -> Draw | None:
    """What an entry that a line bills draws on; None when the line has no cap."""
    if line.cap is None or line.bills not in ("time", "expenses"):
        return None
    return Draw(
        register=register_of(contract_id, line.line),
        currency=line.cap.currency,
        bound_minor=line.cap.minor,
        split=split_time if line.bills == "time" else split_expense,
    )


def minutes_within(rate_minor: int, room_minor: int) -> int:
    """The most whole minutes at an hourly rate that are worth no more than the room (half up)."""
    if room_minor <= 0:
        return 0
    # value(m) <= room  <=>  m x rate / 60 < room + 1/2, in whole numbers
    return ((2 * room_minor + 1) * 30 - 1) // rate_minor


def split_time(document: Document, room_minor: int) -> Split:
    """A billable entry under a cap: what fits stays billable, the rest is not."""
    assert isinstance(document, TimeEntry)
    if not document.billable:
        return Split(within=document)
    value = document.money.minor
    if value <= max(room_minor, 0) or value <= 0:
        return Split(within=document, drawn_minor=value)
    fitting = _fitting(document, room_minor)
    if fitting == 0:
        return Split(within=_free(document))
    within = document.model_copy(update={"minutes": fitting})
    rest = _free(document).model_copy(
        update={
            "document_id": beyond_id(document.document_id),
            "minutes": document.minutes - fitting,
            "part_of": document.document_id,
        }
    )
    return Split(within=within, beyond=rest, drawn_minor=within.money.minor)


def split_expense(document: Document, room_minor: int) -> Split:
    """A billable expense under a cap: split by amount, cost in proportion to what is billed."""
    assert isinstance(document, ExpenseItem)
    billed = document.billed.minor
    if billed <= max(room_minor, 0) or billed <= 0:
        return Split(within=document, drawn_minor=billed)
    if room_minor <= 0:
        return Split(within=not_billed(document))
    cost = document.amount.minor
    kept = min(max(round_half_up(Fraction(cost * room_minor, billed)), 1), cost)
    within, rest = expense_parts(document, kept_minor=kept, billed_minor=room_minor)
    return Split(within=within, beyond=rest, drawn_minor=room_minor)


def expense_parts(
    item: ExpenseItem, *, kept_minor: int, billed_minor: int
) -> tuple[ExpenseItem, ExpenseItem | None]:
    """An expense as the part that is billed, at `billed_minor`, and the rest of its cost, which is not."""
    kept = Money(kept_minor, item.currency)
    billed = Money(billed_minor, item.currency)
    within = item.model_copy(update={"amount": kept, "bill_amount": None if billed == kept else billed})
    left = item.amount - kept
    if not left.minor:
        return within, None
    rest = not_billed(item).model_copy(
        update={
            "document_id": beyond_id(item.document_id),
            "amount": left,
            "part_of": item.document_id,
        }
    )
    return within, rest


def not_billed(item: ExpenseItem) -> ExpenseItem:
    """An expense the firm bears."""
    return item.model_copy(update={"billable": False, "bill_amount": None})


def _free(entry: TimeEntry) -> TimeEntry:
    return entry.model_copy(update={"billable": False, "bill_rate": Money(0, entry.currency)})


def _fitting(entry: TimeEntry, room_minor: int) -> int:
    if entry.minutes <= 0:
        return 0  # a negative rate on negative minutes: worth something, yet not to be cut
    return min(minutes_within(entry.bill_rate.minor, room_minor), entry.minutes)
