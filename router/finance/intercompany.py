"""Transfer prices: what one entity charges another for its people, as two legs in two books.

Work is charged at its cost on the work date plus the pair's mark-up, expenses at cost. Both legs carry
the same amount in the currency the person is paid in, which is their employer's; it is rounded once,
half up, so due-from and due-to agree to the cent whatever either ERP does with its own currency.

    time     provider  Dr due from           Cr intercompany revenue
             receiver  Dr intercompany cost  Cr due to
    expense  provider  Dr due from           Cr employee payable
             receiver  Dr employee payable   Cr due to

An expense is booked as cost and owed to the employee where the project is; the legs move that debt to
the employer, who pays the employee. A correction that takes back takes back what was charged, in
proportion, whatever the rates say by now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from router.canonical.ledger import Account, EntryLine, JournalEntry
from router.canonical.masters import Project, Resource
from router.canonical.money import Money, round_half_up
from router.canonical.reference import Intercompany
from router.canonical.work import ExpenseItem, TimeEntry
from router.finance.identity import derived

Work = TimeEntry | ExpenseItem
FROM, TO = ".from", ".to"
_WHOLE = 10_000
_ACCOUNTS: Mapping[str, tuple[Account, Account]] = {
    "time_entry": ("INTERCOMPANY_REVENUE", "INTERCOMPANY_COST"),
    "expense_item": ("EMPLOYEE_PAYABLE", "EMPLOYEE_PAYABLE"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One entity of a charge: where the leg is booked, and its rate to the leg's currency."""

    legal_entity: str
    region: str
    exchange_rate: Decimal | None = None
    """Units of its own currency for one of the leg's; None where they are the same, or no rate is known."""


def markup(terms: Intercompany, provider: str, receiver: str) -> int:
    """Basis points on cost that a provider charges a receiver."""
    return terms.by_pair.get(f"{provider}>{receiver}", terms.markup_basis_points)


def price(minutes: int, hourly_cost: Money, markup_basis_points: int) -> Money:
    """The transfer price of some minutes: cost plus mark-up, exact, rounded once."""
    exact = Fraction(hourly_cost.minor * minutes, 60) * (_WHOLE + markup_basis_points) / _WHOLE
    return Money(round_half_up(exact), hourly_cost.currency)


def taken_back(charged: Money, *, part: int, whole: int, before: int = 0) -> Money:
    """What a correction of `part` takes back of what `whole` was charged; all of it for minus the whole.

    `before` is the quantity of the parts that stand before it: parts together take back exactly the whole.
    """
    upto, since = (round_half_up(Fraction(charged.minor * at, whole)) for at in (before - part, before))
    return Money(since - upto, charged.currency)


def quantity(work: Work) -> int:
    """What is charged by: minutes of work, minor units of an expense."""
    return work.minutes if isinstance(work, TimeEntry) else work.amount.minor


def amount(work: Work, resource: Resource, markup_basis_points: int) -> Money:
    """What the employer charges for a piece of work."""
    if isinstance(work, ExpenseItem):
        return work.amount
    return price(work.minutes, resource.cost_rate_on(work.work_date), markup_basis_points)


def corrected(work: Work, *, whole: int, charged: Money | None, before: int = 0) -> Money | None:
    """What a correction that takes back takes back of the original's charge; None: it is priced by itself.

    `whole` is the quantity that was charged: of all parts, where the original was split at a cap; `before`
    that of the parts before the one it corrects.
    """
    if charged is None or quantity(work) * whole >= 0:
        return None
    return taken_back(charged, part=quantity(work), whole=whole, before=before)


def leg_ids(work_kind: str, work_id: str) -> tuple[str, str]:
    """The ids of both legs of a time entry or expense: the provider's, the receiver's."""
    stem = f"{'IC' if work_kind == 'time_entry' else 'ICX'}-{work_id}"
    return derived(stem, FROM), derived(stem, TO)


def legs(
    work: Work,
    *,
    charged: Money,
    provider: Side,
    receiver: Side,
    resource: Resource,
    project: Project | None,
    on: date,
    reverses: str | None,
) -> tuple[JournalEntry, JournalEntry]:
    """Both legs of a charge, dated the same day; `reverses`: the work whose legs they take back."""
    ids = leg_ids(work.kind, work.document_id)
    back = leg_ids(work.kind, reverses) if reverses else (None, None)
    earned, spent = _ACCOUNTS[work.kind]
    what = "time" if work.kind == "time_entry" else "expense"
    text = f"{resource.name[:60]} of {provider.legal_entity} for {receiver.legal_entity}: {what} {work.document_id}"
    own = {"department": resource.department, "cost_center": resource.cost_center}
    theirs = {
        "department": work.department,
        "practice": work.practice,
        "service_line": work.service_line,
        "cost_center": project.cost_center if project else None,
    }
    first = _leg(
        work, provider, receiver.legal_entity, ids[0], back[0], on, text, None,
        (("DUE_FROM", charged, {}), (earned, -charged, own)),
    )  # fmt: skip
    second = _leg(
        work, receiver, provider.legal_entity, ids[1], back[1], on, text, work.project_id,
        ((spent, charged, theirs), ("DUE_TO", -charged, {})),
    )  # fmt: skip
    return first, second


def _leg(
    work: Work,
    side: Side,
    counterparty: str,
    document_id: str,
    reverses: str | None,
    on: date,
    text: str,
    project_id: str | None,
    rows: tuple[tuple[Account, Money, Mapping[str, str | None]], ...],
) -> JournalEntry:
    return JournalEntry(
        kind="journal_entry",
        document_id=document_id,
        legal_entity=side.legal_entity,
        region=side.region,
        business_unit=work.business_unit,
        accounting_date=on,
        purpose="intercompany",
        project_id=project_id,
        currency=rows[0][1].currency,
        exchange_rate=side.exchange_rate,
        counterparty=counterparty,
        source_id=work.document_id,
        reverses=reverses,
        text=text,
        lines=tuple(
            EntryLine(line=at, account=account, amount=minor, text=text, **dimensions)
            for at, (account, minor, dimensions) in enumerate(rows, start=1)
        ),
    )


def owed(entry: JournalEntry) -> Money:
    """What a leg says is owed: due from the counterparty positive, due to it negative."""
    minor = sum(line.amount.minor for line in entry.lines if line.account in ("DUE_FROM", "DUE_TO"))
    return Money(minor, entry.currency)
