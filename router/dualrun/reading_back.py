"""From the records of two ERPs to the tables that are compared: documents by our id, and their lines.

A document is a row of the first table, one of its lines a row of the second. Lines are compared only of
documents that stand once in both ERPs in one currency: the lines of a missing document are missing with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.canonical.money import Money, exponent
from router.connectors.port import Record
from router.dualrun.line_matching import matched
from router.dualrun.policy import Column, KindPolicy, Policy, Role, Side
from router.dualrun.workbench import Source, Workbench
from router.errors import BadConfig, VendorUnknown

KEY = "document_id"
LINE = "line"
PeriodOf = Callable[[str, str], str]
"""(legal entity, accounting date) to the name of the fiscal period."""
FIELDS: Mapping[str, str] = {
    "legal_entity": "legal_entity", "currency": "currency", "status": "status", "number": "number",
    "accounting_date": "accounting_date", "project_id": "project_id", "customer_id": "customer_id",
}  # fmt: skip
"""Columns that are text of a record."""
MONEY: Mapping[str, str] = {"net": "net_minor", "tax": "tax_minor", "total": "total_minor"}
CODING = ("department", "practice", "service_line", "cost_center", "tax_code", "counterparty")
"""Columns that are a dimension of a record or of its lines."""
KNOWN = frozenset({*FIELDS, *MONEY, *CODING, "minutes", "period"})
ALWAYS: Mapping[str, Column] = {
    "legal_entity": Column(type="dimension"),
    "period": Column(type="dimension"),
}
"""Compared whether the policy names them or not: they say which control total a document is part of."""
ROLES: Mapping[Role, str] = {
    "document": KEY,
    "customer": "customer_id",
    "project": "project_id",
    "quantity": "minutes",
}
PLACE = ("legal_entity", "currency", "period", "project_id", "customer_id")
"""What a line has of its document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """One table of both sides with the policy it is compared by."""

    policy: Policy
    legacy: Source
    cloud: Source


def documents(
    bench: Workbench, kind: KindPolicy, legacy: Sequence[Record], cloud: Sequence[Record], period: PeriodOf
) -> Tables:
    """The documents of one kind; raises VendorUnknown for an amount in a currency there is not."""
    policy = _policy(kind.columns, key=(KEY,))
    names = (KEY, *dict.fromkeys(("currency", *policy.columns)))

    def rows(records: Sequence[Record]) -> Iterable[list[str | int | None]]:
        return ([_cell(record, name, period) for name in names] for record in records)

    return _tables(bench, policy, names, rows(legacy), rows(cloud))


def lines(
    bench: Workbench, kind: KindPolicy, legacy: Sequence[Record], cloud: Sequence[Record], period: PeriodOf
) -> Tables | None:
    """The lines of documents that stand once on both sides; None where the policy names no columns of lines."""
    if not kind.lines:
        return None
    policy = _policy(kind.lines, key=(KEY, LINE), document=(KEY,))
    names = (KEY, LINE, *dict.fromkeys((*PLACE, *kind.lines)))
    old, new = _once(legacy), _once(cloud)
    sides: tuple[list[list[str | int | None]], list[list[str | int | None]]] = ([], [])
    for key, left in old.items():
        right = new.get(key)
        if right is None or left.currency != right.currency or not (left.lines or right.lines):
            continue
        for side, record, called in zip(sides, (left, right), matched(left.lines, right.lines), strict=True):
            side.extend(_line_rows(record, called, names, period))
    return _tables(bench, policy, names, *sides)


def compared_columns(kinds: Mapping[str, KindPolicy]) -> dict[tuple[str, str], frozenset[str]]:
    """By kind and level (`document`, `line`), the columns that are compared: not those that are ignored."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for kind, rules in kinds.items():
        found[(kind, "document")] = _not_ignored({**ALWAYS, **rules.columns}) | {"currency"}
        if rules.lines:
            found[(kind, "line")] = _not_ignored(rules.lines) | frozenset(PLACE)
    return found


def identity(record: Record) -> str:
    """Our id of a document; of one that carries none, the ERP's own, so that it pairs with nothing."""
    return record.external_id or f"{record.system}:{record.vendor_id}"


def _policy(columns: Mapping[str, Column], *, key: tuple[str, ...], document: tuple[str, ...] = ()) -> Policy:
    unknown = sorted(set(columns) - KNOWN)
    if unknown:
        # Compared as nothing on both sides it would always agree.
        raise BadConfig(
            f"an ERP's documents have no column {unknown[0][:40]!r}",
            file="comparison policy",
            mend="use one of " + ", ".join(sorted(KNOWN)),
        )
    named = {**({} if document else ALWAYS), **columns}
    roles = {role: name for role, name in ROLES.items() if name in named or name in key}
    if document:
        named |= {
            name: Column(type="dimension") for name in PLACE if name != "currency" and name not in named
        }
        roles |= {"line": LINE, "customer": "customer_id", "project": "project_id"}
    return Policy(
        key=key,
        columns=named,
        control_totals=(("legal_entity", "currency", "period"),),
        document=document,
        roles=roles,
    )


def _not_ignored(columns: Mapping[str, Column]) -> frozenset[str]:
    return frozenset(name for name, column in columns.items() if not column.ignore)


def _once(records: Sequence[Record]) -> dict[str, Record]:
    """Records by our id, without those that stand twice."""
    found: dict[str, Record] = {}
    twice: set[str] = set()
    for record in records:
        if record.external_id and record.external_id in found:
            twice.add(record.external_id)
        if record.external_id:
            found[record.external_id] = record
    return {key: record for key, record in found.items() if key not in twice}


def _cell(record: Record, name: str, period: PeriodOf) -> str | int | None:
    if name in MONEY:
        return _money(getattr(record, MONEY[name]), record)
    if name == "minutes":
        return record.minutes
    if name == KEY:
        return identity(record)
    if name == "period":
        return period(record.legal_entity, record.accounting_date) or None
    text = getattr(record, FIELDS[name]) if name in FIELDS else record.dimensions.get(name, "")
    return text or None


def _money(minor: int | None, record: Record) -> str | None:
    if minor is None:
        return None
    try:
        exponent(record.currency)
    except ValueError as error:
        raise VendorUnknown(
            f"{record.system} holds {record.kind} {identity(record)} in {record.currency[:12]!r},"
            " which is no currency of ISO 4217"
        ) from error
    return str(Money(minor, record.currency))


def _line_rows(
    record: Record, called: Sequence[str], names: Sequence[str], period: PeriodOf
) -> list[list[str | int | None]]:
    """A row for each name; of lines that share one the sums, and what they say apart side by side."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for name, line in zip(called, record.lines, strict=True):
        groups.setdefault(name, []).append(line)
    place = {name: _cell(record, name, period) for name in (KEY, *PLACE)}
    rows: list[list[str | int | None]] = []
    for name, group in groups.items():
        row = {**place, LINE: name or "(no text)"}
        rows.append([row[one] if one in row else _of_lines(record, group, one) for one in names])
    return rows


def _of_lines(record: Record, group: Sequence[Mapping[str, Any]], name: str) -> str | int | None:
    field = MONEY.get(name, name)
    values = [line[field] for line in group if line.get(field) not in (None, "")]
    if not values:
        return None
    if name in MONEY:
        return _money(sum(int(value) for value in values), record)
    if name == "minutes":
        return sum(int(value) for value in values)
    return " | ".join(sorted({str(value) for value in values}))


def _tables(
    bench: Workbench,
    policy: Policy,
    names: Sequence[str],
    legacy: Iterable[Sequence[str | int | None]],
    cloud: Iterable[Sequence[str | int | None]],
) -> Tables:
    def source(side: Side, rows: Iterable[Sequence[str | int | None]]) -> Source:
        return bench.source(side, side, names, rows)

    return Tables(policy=policy, legacy=source("legacy", legacy), cloud=source("cloud", cloud))
