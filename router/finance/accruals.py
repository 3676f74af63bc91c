"""Accruals: revenue for approved, unbilled work that its ERP does not hold yet, and its reversal.

Work that an ERP holds, or is about to, is in its work in progress. What is held, parked or refused when
the books close is accrued per project: Dr accrued revenue, Cr revenue, and the other way round on the
first day of the next period, where the work itself arrives. Each line names the document it is for, so
that a second run sees what the first one covered, in our books and in the ERP's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from router.canonical.documents import Document
from router.canonical.ledger import EntryLine, JournalEntry
from router.canonical.masters import Bills, Contract
from router.canonical.money import Money
from router.canonical.work import Charge, ExpenseItem, Milestone, TimeEntry
from router.finance.identity import derived

KINDS = ("time_entry", "expense_item", "milestone", "charge")
"""What becomes revenue when it reaches its ERP."""
MOST_LINES = 150
"""Documents in one entry, well under what an entry may hold."""


@dataclass(frozen=True, slots=True)
class Unposted:
    """A document that is approved but not in its ERP, and what it will be worth there."""

    document: Document
    worth: Money

    @property
    def key(self) -> tuple[str, str]:
        """(kind, document id)."""
        return self.document.kind, self.document.document_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Which books are accrued, and when the accrual and its reversal are booked."""

    legal_entity: str
    period: str
    last: date
    """Last day of the period: the accrual's accounting date."""
    then: date
    """First day of the next period: the reversal's."""

    @property
    def source_id(self) -> str:
        """What its entries name as their source."""
        return f"{self.legal_entity}/{self.period}"


def revenue_of(document: Document, contract: Contract | None) -> Money | None:
    """What a document will earn when it arrives; None when that is nothing, or is deferred.

    Time and expenses earn where the contract bills them; one that is not known is taken to.
    """
    if isinstance(document, TimeEntry):
        earns = document.billable and document.covered_by is None and _bills(contract, "time")
        return document.money if earns else None
    if isinstance(document, ExpenseItem):
        return document.billed if _bills(contract, "expenses") else None
    if isinstance(document, Milestone | Charge):
        lines = contract.lines if contract else ()
        deferred = any(line.line == document.contract_line and line.revenue != "as_billed" for line in lines)
        return None if deferred else document.amount
    return None


def _bills(contract: Contract | None, what: Bills) -> bool:
    return contract is None or contract.line_for(what) is not None


def covered_by(entry: JournalEntry) -> tuple[tuple[str, str], ...]:
    """(kind, document id) of what an accrual is for."""
    if entry.purpose != "accrual" or entry.reverses is not None:
        return ()
    found = [line.text.partition(" ") for line in entry.lines if line.account == "REVENUE"]
    return tuple((kind, document_id) for kind, _, document_id in found)


def accruals(
    run: Run, unposted: Iterable[Unposted], earlier: Sequence[JournalEntry], rates: dict[str, Decimal | None]
) -> list[tuple[JournalEntry, JournalEntry]]:
    """Entries and their reversals for what no earlier entry of the run covers.

    `rates`: by currency, its rate into the entity's own; None where it is the entity's own.
    """
    done = {key for entry in earlier for key in covered_by(entry)}
    made: dict[tuple[str, str], list[Unposted]] = {}
    for one in unposted:
        if one.key not in done and one.worth.minor:
            made.setdefault((one.document.ordering_key, one.worth.currency), []).append(one)
    entries: list[tuple[JournalEntry, JournalEntry]] = []
    for (project_id, currency), rows in sorted(made.items()):
        before = sum(one.project_id == project_id and not one.reverses for one in earlier)
        before += sum(pair[0].project_id == project_id for pair in entries)
        for number, start in enumerate(range(0, len(rows), MOST_LINES), start=before + 1):
            part = rows[start : start + MOST_LINES]
            entries.append(_pair(run, project_id, number, part, rates.get(currency)))
    return entries


def _pair(
    run: Run, project_id: str, number: int, rows: Sequence[Unposted], rate: Decimal | None
) -> tuple[JournalEntry, JournalEntry]:
    stem = f"AC-{run.legal_entity}-{run.period}-{project_id}"
    currency = rows[0].worth.currency
    total = Money(sum(one.worth.minor for one in rows), currency)
    head = rows[0].document
    text = f"Accrued revenue {run.period}: {len(rows)} documents not yet in the ERP"
    lines = [EntryLine(line=1, account="ACCRUED_REVENUE", amount=total, text=text)]
    lines += [_line(at, one) for at, one in enumerate(rows, start=2)]
    entry = JournalEntry(
        kind="journal_entry",
        document_id=derived(stem, f".{number}"),
        legal_entity=run.legal_entity,
        region=head.region,
        business_unit=head.business_unit,
        accounting_date=run.last,
        purpose="accrual",
        project_id=project_id,
        currency=currency,
        exchange_rate=rate,
        source_id=run.source_id,
        text=text,
        lines=tuple(lines),
    )
    back = tuple(line.model_copy(update={"amount": -line.amount}) for line in lines)
    reversal = entry.model_copy(
        update={
            "document_id": derived(stem, f".{number}R"),
            "accounting_date": run.then,
            "reverses": entry.document_id,
            "text": f"Reversal of {text[0].lower()}{text[1:]}",
            "lines": back,
        }
    )
    return entry, reversal


def _line(at: int, one: Unposted) -> EntryLine:
    document = one.document
    named = ("department", "practice", "service_line", "cost_center")
    dimensions = {name: getattr(document, name, None) for name in named}
    kind, document_id = one.key
    return EntryLine(
        line=at, account="REVENUE", amount=-one.worth, text=f"{kind} {document_id}", **dimensions
    )
