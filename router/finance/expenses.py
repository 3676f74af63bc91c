"""Expenses: mark-up and policy, before any cap.

Mark-up is basis points on the cost, half up. Policy by category: some are never passed on, others
only up to a limit an item; what is over it is the firm's own cost, under an id of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from router.canonical.documents import Document
from router.canonical.masters import ContractLine
from router.canonical.money import Money, round_half_up
from router.canonical.reference import ExpenseLimit
from router.canonical.work import ExpenseItem
from router.finance.caps import expense_parts, not_billed, split_expense
from router.finance.identity import beyond_id
from router.journal.port import Split

BASIS = 10_000


def marked_up(cost_minor: int, basis_points: int) -> int:
    """Cost plus mark-up in minor units, half up."""
    return round_half_up(Fraction(cost_minor * (BASIS + basis_points), BASIS))


def priced(item: ExpenseItem, line: ContractLine | None) -> ExpenseItem:
    """The item at what the customer pays by the contract; a price it came with stays."""
    if line is None or not line.markup_basis_points or item.bill_amount is not None or not item.billable:
        return item
    price = Money(marked_up(item.amount.minor, line.markup_basis_points), item.currency)
    return item.model_copy(update={"bill_amount": price})


def passable(item: ExpenseItem, limit: ExpenseLimit | None) -> ExpenseItem:
    """The item as policy lets it be billed at all: a category that isn't passed on is the firm's."""
    return not_billed(item) if limit is not None and not limit.billable and item.billable else item


def over_limit(item: ExpenseItem, limit: ExpenseLimit | None) -> bool:
    """Whether only part of the item may be billed."""
    return (
        item.billable
        and limit is not None
        and limit.most is not None
        and item.amount.minor > Money.of(limit.most, item.currency).minor
    )


def needs_receipt(amount: Money, limit: ExpenseLimit | None) -> bool:
    """Whether policy asks for a receipt for an amount."""
    return (
        limit is not None
        and limit.receipt_above is not None
        and amount.minor > Money.of(limit.receipt_above, amount.currency).minor
    )


def within_policy(limit: ExpenseLimit, *, capped: bool, markup: int = 0) -> Callable[[Document, int], Split]:
    """A split of an item over its limit; under a cap, what policy leaves is then split by the room.

    `markup`: the contract's, in basis points. An item that has its price by it is marked up anew on what
    is left of its cost, so that it is rounded once; a price of its own is passed on in proportion.
    """

    def split(document: Document, room_minor: int) -> Split:
        assert isinstance(document, ExpenseItem)
        assert limit.most is not None
        most = Money.of(limit.most, document.currency).minor
        cost = document.amount.minor
        if document.billed.minor == marked_up(cost, markup):
            billed = marked_up(most, markup)
        else:
            billed = round_half_up(Fraction(document.billed.minor * most, cost))
        within, _ = expense_parts(document, kept_minor=most, billed_minor=billed)
        if most == 0:
            return Split(within=not_billed(document))
        drawn = billed
        if capped:
            found = split_expense(within, room_minor)
            assert isinstance(found.within, ExpenseItem)
            within, drawn = found.within, found.drawn_minor
            if not within.billable:
                return Split(within=not_billed(document))
        rest = not_billed(document).model_copy(
            update={
                "document_id": beyond_id(document.document_id),
                "amount": document.amount - within.amount,
                "part_of": document.document_id,
            }
        )
        return Split(within=within, beyond=rest, drawn_minor=drawn)

    return split
