"""Revenue, billed, unbilled and margin per entity, and whether PSA, both ERPs and the journal agree. Pure.

Each entity has one authority at a time, so its business is the sum over both ERPs of what each holds
as authority; shadow copies are left out. A tie compares two sides that were read apart; a difference
that rounding explains is shown with the rounding, and what is left must be zero.

    revenue  = billed, less what is deferred + unbilled + recognised + accrued
    margin   = revenue + intercompany revenue - cost of own people - expenses - intercompany cost
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from router.canonical.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A document as one side keeps it."""

    system: str
    kind: str
    document_id: str
    entity: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Kept):
    """Something done that a customer may pay for; amounts in minor units of `currency`."""

    minutes: int
    value_minor: int
    """What it is billed at; 0 when it is not billable."""
    employer: str
    """The entity that bears the cost of it."""
    cost: Money | None
    billed_by: str = ""
    """An ERP's row: the id, in that ERP, of the invoice it is on."""
    wip_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill(Kept):
    """An invoice (positive), a credit memo (negative) or a write-off, without tax."""

    net_minor: int
    deferred_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Kept):
    """A journal entry: minor units by account name, debit positive."""

    purpose: str
    lines: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Work in progress of one ERP, entity and currency: by its rows, and by its general ledger."""

    system: str
    entity: str
    currency: str
    rows_minor: int
    ledger_minor: int


@dataclass(slots=True)
class Books:
    """What one side knows."""

    work: list[Work] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    written_off: list[Bill] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    waiting: list[tuple[str, str, int]] = field(default_factory=list)
    """Time no ERP took: our id, entity and minutes. The journal has it, and an exception shows who must act."""


Convert = Callable[[Money, str], Money | None]
"""An amount in another currency at the rate of the period's end; None when no rate is known."""


class Key(NamedTuple):
    """What is summed by."""

    entity: str
    currency: str


def finance(
    *,
    journal: Books,
    erps: Books,
    held: Sequence[Held],
    psa: Mapping[str, int] | None,
    entities: Mapping[str, str],
    convert: Convert,
    group: str | None,
) -> dict[str, Any]:
    """The money of the month: one row per entity and currency, totals per entity, and the ties.

    `psa`: approved minutes by entry; None where the landscape has no PSA to ask.
    """
    own = _as_authority(journal, erps)
    rows = _rows(own, _billed_anywhere(journal, erps))
    costs = _costs(journal)
    return {
        "rows": [_shown(key, row) for key, row in sorted(rows.items())],
        "entities": _entities(rows, costs, entities, convert, group),
        "group_currency": group,
        "ties": _ties(journal, own, held, psa),
    }


def _as_authority(journal: Books, erps: Books) -> Books:
    """What the ERPs hold where the journal names them the authority: no shadow copies."""
    every: list[Kept] = [*journal.work, *journal.bills, *journal.written_off, *journal.entries]
    named = {(row.system, row.kind, row.document_id) for row in every}
    bills = [
        # An ERP keeps the request's id on an invoice it made; the journal calls the invoice by its own.
        replace(row, document_id=made)
        if (row.system, row.kind, made := f"INV-{row.document_id}") in named
        else row
        for row in erps.bills
    ]
    return Books(
        work=[row for row in erps.work if (row.system, row.kind, row.document_id) in named],
        bills=[row for row in bills if (row.system, row.kind, row.document_id) in named],
        written_off=[row for row in erps.written_off if (row.system, row.kind, row.document_id) in named],
        entries=[row for row in erps.entries if (row.system, row.kind, row.document_id) in named],
    )


@dataclass(slots=True)
class _Row:
    worked: int = 0
    billed: int = 0
    deferred: int = 0
    unbilled: int = 0
    left_behind: int = 0
    """Work in progress in the books of the ERP it was done under, billed by the other one."""
    recognised: int = 0
    accrued: int = 0
    written_off: int = 0
    intercompany_revenue: int = 0
    intercompany_cost: int = 0

    @property
    def revenue(self) -> int:
        return self.billed - self.deferred + self.unbilled + self.recognised + self.accrued


def _billed_anywhere(journal: Books, erps: Books) -> set[tuple[str, str]]:
    """(kind, id) of work that is on an invoice the journal knows, in whichever ERP that was made.

    After a switch the new ERP bills its copy of work that was done under the old one.
    """
    known = {(bill.system, bill.document_id) for bill in journal.bills}
    return {
        (row.kind, row.document_id)
        for row in erps.work
        if row.billed_by
        and ((row.system, row.billed_by) in known or (row.system, f"INV-{row.billed_by}") in known)
    }


def _rows(own: Books, billed: AbstractSet[tuple[str, str]]) -> dict[Key, _Row]:
    rows: dict[Key, _Row] = {}

    def at(entity: str, currency: str) -> _Row:
        return rows.setdefault(Key(entity, currency), _Row())

    for work in own.work:
        row = at(work.entity, work.currency)
        row.worked += work.value_minor
        if (work.kind, work.document_id) not in billed:
            row.unbilled += work.wip_minor
        elif not work.billed_by:
            row.left_behind += work.wip_minor
    for bill in own.bills:
        row = at(bill.entity, bill.currency)
        row.billed += bill.net_minor
        row.deferred += bill.deferred_minor
    for off in own.written_off:
        at(off.entity, off.currency).written_off += off.net_minor
    for entry in own.entries:
        row = at(entry.entity, entry.currency)
        if entry.purpose == "revenue":
            row.recognised -= entry.lines.get("REVENUE", 0)
        elif entry.purpose == "accrual":
            row.accrued -= entry.lines.get("REVENUE", 0)
        row.intercompany_revenue -= entry.lines.get("INTERCOMPANY_REVENUE", 0)
        row.intercompany_cost += entry.lines.get("INTERCOMPANY_COST", 0)
    return rows


def _costs(journal: Books) -> dict[Key, int]:
    """Cost of people by their employer, and of expenses by the project's entity, in their own currency."""
    costs: dict[Key, int] = {}
    for work in journal.work:
        if work.cost is not None:
            key = Key(work.employer, work.cost.currency)
            costs[key] = costs.get(key, 0) + work.cost.minor
    return costs


def _shown(key: Key, row: _Row) -> dict[str, Any]:
    def text(minor: int) -> str:
        return str(Money(minor, key.currency))

    return {
        "legal_entity": key.entity,
        "currency": key.currency,
        "worked": text(row.worked),
        "billed": text(row.billed),
        "deferred": text(row.deferred),
        "unbilled": text(row.unbilled),
        "left_behind": text(row.left_behind),
        "recognised": text(row.recognised),
        "accrued": text(row.accrued),
        "written_off": text(row.written_off),
        "revenue": text(row.revenue),
        "intercompany_revenue": text(row.intercompany_revenue),
        "intercompany_cost": text(row.intercompany_cost),
    }


def _entities(
    rows: Mapping[Key, _Row],
    costs: Mapping[Key, int],
    entities: Mapping[str, str],
    convert: Convert,
    group: str | None,
) -> list[dict[str, Any]]:
    found = []
    for entity, currency in entities.items():
        sums = dict.fromkeys(("revenue", "billed", "unbilled", "cost", "charged", "charged_by"), 0)
        missing: list[str] = []
        for key, row in sorted(rows.items()):
            if key.entity == entity:
                for name, minor in (
                    ("revenue", row.revenue), ("billed", row.billed), ("unbilled", row.unbilled),
                    ("charged", row.intercompany_revenue), ("charged_by", row.intercompany_cost),
                ):  # fmt: skip
                    _add(sums, name, Money(minor, key.currency), currency, convert, missing)
        for key, minor in sorted(costs.items()):
            if key.entity == entity:
                _add(sums, "cost", Money(minor, key.currency), currency, convert, missing)
        margin = sums["revenue"] + sums["charged"] - sums["cost"] - sums["charged_by"]
        in_group = convert(Money(margin, currency), group) if group else None
        base = sums["revenue"] + sums["charged"]
        found.append(
            {
                "legal_entity": entity,
                "currency": currency,
                **{name: str(Money(minor, currency)) for name, minor in sums.items()},
                "margin": str(Money(margin, currency)),
                "margin_percent": f"{margin * 1000 // base / 10:.1f}" if base else None,
                "group_currency": group,
                "margin_in_group": _text(in_group),
                "billed_in_group": _text(convert(Money(sums["billed"], currency), group) if group else None),
                "unbilled_in_group": _text(
                    convert(Money(sums["unbilled"], currency), group) if group else None
                ),
                "without_rate": sorted(set(missing)),
            }
        )
    return found


def _text(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)


def _add(
    sums: dict[str, int], name: str, amount: Money, currency: str, convert: Convert, missing: list[str]
) -> None:
    if not amount.minor:
        return
    found = convert(amount, currency)
    if found is None:
        missing.append(amount.currency)
    else:
        sums[name] += found.minor


# --- ties ------------------------------------------------------------------------------------------


def _ties(
    journal: Books, own: Books, held: Sequence[Held], psa: Mapping[str, int] | None
) -> list[dict[str, Any]]:
    return [
        *_hours(journal, own, psa),
        *_values(journal, own),
        *_billed(journal, own),
        *(
            _tie(
                "unbilled work", row.system, "general ledger", Key(row.entity, row.currency),
                row.rows_minor, row.ledger_minor,
            )
            for row in held
        ),
        *_entries(journal, own),
    ]  # fmt: skip


def _hours(journal: Books, own: Books, psa: Mapping[str, int] | None) -> list[dict[str, Any]]:
    """Minutes by entity: what the PSA approved, what the journal has of it and delivered, what the ERPs hold."""
    kept: dict[str, int] = {}
    ours: dict[str, int] = {}
    theirs: dict[str, int] = {}
    seen: dict[str, int] = {}
    entity_of: dict[str, str] = {}
    for row in journal.work:
        if row.kind == "time_entry":
            ours[row.entity] = ours.get(row.entity, 0) + row.minutes
            entity_of[row.document_id.split(".")[0]] = row.entity
    kept.update(ours)
    for document_id, entity, minutes in journal.waiting:
        kept[entity] = kept.get(entity, 0) + minutes
        entity_of.setdefault(document_id.split(".")[0], entity)
    for row in own.work:
        if row.kind == "time_entry":
            theirs[row.entity] = theirs.get(row.entity, 0) + row.minutes
    for document_id, minutes in (psa or {}).items():
        entity = entity_of.get(document_id, "not in the journal")
        seen[entity] = seen.get(entity, 0) + minutes
    found = []
    for entity in sorted({*kept, *theirs, *seen}):
        if psa is not None:
            found.append(
                _minutes("hours", "PSA", "journal", entity, seen.get(entity, 0), kept.get(entity, 0))
            )
        found.append(_minutes("hours", "journal", "ERPs", entity, ours.get(entity, 0), theirs.get(entity, 0)))
    return found


def _values(journal: Books, own: Books) -> list[dict[str, Any]]:
    """Value of work by entity and currency; an ERP that keeps hundredths of an hour rounds its rows."""
    there = {(row.system, row.kind, row.document_id): row for row in own.work}
    sums: dict[Key, list[int]] = {}
    for row in journal.work:
        other = there.get((row.system, row.kind, row.document_id))
        total = sums.setdefault(Key(row.entity, row.currency), [0, 0, 0])
        total[0] += row.value_minor
        if other is not None:
            total[1] += other.value_minor
            total[2] += other.value_minor - row.value_minor if _is_rounding(row, other) else 0
    return [
        _tie("value of work", "journal", "ERPs", key, total[0], total[1], rounding=total[2])
        for key, total in sorted(sums.items())
    ]


def _is_rounding(ours: Work, theirs: Work) -> bool:
    if ours.kind != "time_entry" or not ours.minutes or ours.minutes != theirs.minutes:
        return False
    # Half a hundredth of an hour is three tenths of a minute.
    most = 3 * abs(ours.value_minor) // (10 * abs(ours.minutes)) + 1
    return abs(ours.value_minor - theirs.value_minor) <= most


def _billed(journal: Books, own: Books) -> list[dict[str, Any]]:
    found = []
    for what, ours, theirs in (
        ("billed", journal.bills, own.bills),
        ("written off", journal.written_off, own.written_off),
    ):
        left, right = _by_key(ours), _by_key(theirs)
        found += [
            _tie(what, "journal", "ERPs", key, left.get(key, 0), right.get(key, 0))
            for key in sorted({*left, *right})
        ]
    return found


def _by_key(rows: Sequence[Bill]) -> dict[Key, int]:
    sums: dict[Key, int] = {}
    for row in rows:
        key = Key(row.entity, row.currency)
        sums[key] = sums.get(key, 0) + row.net_minor
    return sums


def _entries(journal: Books, own: Books) -> list[dict[str, Any]]:
    """Entries by purpose, and what entities owe each other: due-from against due-to by currency."""
    found = []
    sums: dict[tuple[str, Key], list[int]] = {}
    for side, rows in enumerate((journal.entries, own.entries)):
        for row in rows:
            debits = sum(minor for minor in row.lines.values() if minor > 0)
            sums.setdefault((row.purpose, Key(row.entity, row.currency)), [0, 0])[side] += debits
    for (purpose, key), total in sorted(sums.items()):
        found.append(_tie(f"{purpose} entries", "journal", "ERPs", key, total[0], total[1]))
    due: dict[str, list[int]] = {}
    for row in own.entries:
        total = due.setdefault(row.currency, [0, 0])
        total[0] += row.lines.get("DUE_FROM", 0)
        total[1] -= row.lines.get("DUE_TO", 0)
    for currency, total in sorted(due.items()):
        if any(total):
            found.append(_tie("intercompany", "due from", "due to", Key("all", currency), total[0], total[1]))
    return found


def _tie(
    what: str, left: str, right: str, key: Key, ours: int, theirs: int, *, rounding: int = 0
) -> dict[str, Any]:
    rest = theirs - ours - rounding
    return {
        "what": what,
        "left": left,
        "right": right,
        "legal_entity": key.entity,
        "unit": key.currency,
        "left_amount": str(Money(ours, key.currency)),
        "right_amount": str(Money(theirs, key.currency)),
        "rounding": str(Money(rounding, key.currency)),
        "unexplained": str(Money(rest, key.currency)),
        "ties": rest == 0,
    }


def _minutes(what: str, left: str, right: str, entity: str, ours: int, theirs: int) -> dict[str, Any]:
    return {
        "what": what,
        "left": left,
        "right": right,
        "legal_entity": entity,
        "unit": "minutes",
        "left_amount": str(ours),
        "right_amount": str(theirs),
        "rounding": "0",
        "unexplained": str(theirs - ours),
        "ties": ours == theirs,
    }
