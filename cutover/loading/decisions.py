"""What a load stages, and whether it arrived. Pure: rows of two ERPs in, totals and gates out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cutover.plan.steps import LoadObject
from cutover.runner.gates import Gate
from router.canonical.billing import Invoice
from router.canonical.documents import Document
from router.canonical.kinds import Kind
from router.canonical.money import Money
from router.connectors.port import Record

KINDS_OF: Mapping[LoadObject, tuple[Kind, ...]] = {
    "resources": ("resource",),
    "rate_cards": ("rate_card",),
    "customers": ("customer",),
    "contracts": ("contract",),
    "projects": ("project",),
    "open_items": ("invoice", "credit_memo", "payment", "write_off"),
    "work_in_progress": ("time_entry", "expense_item", "milestone", "charge"),
}
"""Invoices that are open, with what was credited and paid of them; work that was not billed."""
APPLIED = ("credit_memo", "payment", "write_off")
"""Of an invoice: loaded with it."""
BY_JOBS = ("resources", "rate_cards", "customers", "contracts", "projects")
"""Objects of which all is loaded that was posted: masters."""
VALUED_BY_HOURS = ("time_entry",)
"""What such a row is worth an ERP reckons from hours as it keeps them: minutes must tie, money is shown."""
GONE = ("cancelled", "reversed")
SHOWN = 50
"""Rejected rows that are kept; all count."""
Key = tuple[str, str, str]
"""Object, legal entity, currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to load, as the old ERP has it (or as it arrived)."""

    kind: Kind
    external_id: str
    legal_entity: str
    currency: str = ""
    minor: int = 0
    minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What one object of a load comes to."""

    object: LoadObject
    rows: tuple[Row, ...]
    documents: Mapping[tuple[Kind, str], Document]
    """By kind and external id: what the router can deliver of it."""
    left_behind: int = 0
    """What of it stays in the old ERP alone: billed work, paid invoices, what is of a later day."""

    def unknown(self) -> list[Row]:
        """What stands in the old ERP and came there past the router: nobody can deliver it."""
        return [row for row in self.rows if (row.kind, row.external_id) not in self.documents]


def row_of(record: Record) -> Row:
    """A record of an ERP as a row to load. Masters have no money."""
    minor = record.total_minor if record.total_minor is not None else record.net_minor
    return Row(
        kind=record.kind,
        external_id=record.external_id or f"{record.system}:{record.vendor_id}",
        legal_entity=record.legal_entity,
        currency=record.currency if minor is not None else "",
        minor=minor or 0,
        minutes=record.minutes or 0,
    )


def open_invoices(records: Iterable[Record], as_of: str) -> list[Record]:
    """Invoices of the old ERP that are neither paid nor cancelled at the end of a day."""
    return [one for one in records if one.status not in ("paid", *GONE) and one.accounting_date[:10] <= as_of]


def unbilled(work: Iterable[Record], invoices: Iterable[Record], as_of: str) -> list[Record]:
    """Work of the old ERP that stands on no invoice, done by the end of a day."""
    billed = {
        (part.kind, part.external_id) for one in invoices if one.status not in GONE for part in one.billed
    }
    return [
        one
        for one in work
        if one.status not in GONE
        and one.accounting_date[:10] <= as_of
        and (one.kind, one.external_id) not in billed
    ]


def by_external_id(documents: Iterable[Document]) -> dict[tuple[Kind, str], Document]:
    """Documents by what an ERP knows them by: an invoice it made of a billing event, by that event."""
    found: dict[tuple[Kind, str], Document] = {}
    for one in documents:
        found[(one.kind, one.document_id)] = one
        if isinstance(one, Invoice) and one.billing_event_id:
            found.setdefault((one.kind, one.billing_event_id), one)
    return found


def applied_to(documents: Iterable[Document], invoices: Iterable[Document]) -> frozenset[tuple[Kind, str]]:
    """Credit memos, payments and write-offs of some invoices, by kind and id."""
    ids = {one.document_id for one in invoices}
    return frozenset(
        (one.kind, one.document_id)
        for one in documents
        if one.kind in APPLIED and getattr(one, "invoice_id", "") in ids
    )


def totals(name: LoadObject, rows: Iterable[Row]) -> dict[Key, dict[str, int]]:
    """Control totals: count, minor units and minutes by object, entity and currency."""
    found: dict[Key, dict[str, int]] = {}
    for row in rows:
        one = found.setdefault(
            (name, row.legal_entity, row.currency), {"count": 0, "minor": 0, "exact_minor": 0, "minutes": 0}
        )
        one["count"] += 1
        one["minor"] += row.minor
        one["exact_minor"] += 0 if row.kind in VALUED_BY_HOURS else row.minor
        one["minutes"] += row.minutes
    return dict(sorted(found.items()))


def shown(found: Mapping[Key, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Control totals as they are recorded."""
    return [
        {
            "object": name, "legal_entity": entity, "currency": currency, "count": one["count"],
            "amount": str(Money(one["minor"], currency)) if currency else None, "minutes": one["minutes"],
        }
        for (name, entity, currency), one in found.items()
    ]  # fmt: skip


def tie_out(staged: Staged, arrived: Sequence[Row]) -> tuple[Gate, list[dict[str, Any]]]:
    """Whether all that was staged of an object stands in the new ERP, and both totals side by side.

    Counts, minutes and minor units must be the same for every entity and currency; there is no tolerance.
    """
    wanted = {(row.kind, row.external_id) for row in staged.rows}
    there = {(row.kind, row.external_id): row for row in arrived if (row.kind, row.external_id) in wanted}
    left, right = totals(staged.object, staged.rows), totals(staged.object, there.values())
    keys = sorted(left.keys() | right.keys())
    none = {"count": 0, "minor": 0, "exact_minor": 0, "minutes": 0}
    apart = [
        key
        for key in keys
        if any(
            left.get(key, none)[name] != right.get(key, none)[name]
            for name in ("count", "exact_minor", "minutes")
        )
    ]
    table = [
        {
            "object": key[0], "legal_entity": key[1], "currency": key[2], "ties": key not in apart,
            "staged": _side(left.get(key, none), key[2]), "loaded": _side(right.get(key, none), key[2]),
        }
        for key in keys
    ]  # fmt: skip
    gate = Gate(
        name=f"{staged.object.replace('_', ' ')} tie out",
        verdict="fail" if apart else "pass",
        measured=f"{len(there)} of {len(wanted)} loaded, {len(apart)} of {len(keys)} control totals differ",
        threshold="all, to the minor unit",
        why="; ".join(
            f"{entity} {currency}".strip() + f": {left.get(key, none)} staged, {right.get(key, none)} loaded"
            for key in apart[:3]
            for _, entity, currency in [key]
        ),
    )
    return gate, table


def rejected(
    staged: Staged, arrived: Sequence[Row], outcomes: Mapping[tuple[str, str], tuple[str, str]]
) -> list[dict[str, str]]:
    """What was staged and did not arrive, each with why."""
    there = {(row.kind, row.external_id) for row in arrived}
    found = []
    for row in staged.rows:
        key = (row.kind, row.external_id)
        if key in there:
            continue
        state, why = outcomes.get(key, ("", ""))
        if key not in staged.documents:
            why = "it came into the old ERP past the router, which has no document to deliver"
        found.append(
            {
                "object": staged.object, "kind": row.kind, "external_id": row.external_id, "legal_entity": row.legal_entity,
                "why": why or (f"its delivery is {state}" if state else "it was not delivered"),
            }
        )  # fmt: skip
    return found


def _side(one: Mapping[str, int], currency: str) -> dict[str, Any]:
    amount = str(Money(one["minor"], currency)) if currency else None
    return {"count": one["count"], "amount": amount, "minutes": one["minutes"]}
