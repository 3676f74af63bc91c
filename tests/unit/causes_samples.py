"""Hand-made pairs of rows for the tests of causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from router.canonical.money import Money
from router.dualrun.breaks import BreakClass, Explanation, PairedBy
from router.dualrun.causes.judge import ExtractJudge
from router.dualrun.policy import Policy, Side
from router.dualrun.results import Cell, Difference, DocumentView, Pair, Row

COLUMNS: Mapping[str, dict[str, Any]] = {
    "number": {"type": "text"},
    "customer": {"type": "dimension"},
    "legal_entity": {"type": "dimension"},
    "quantity": {"type": "decimal"},
    "rate": {"type": "decimal"},
    "net": {"type": "money"},
    "tax_code": {"type": "dimension"},
    "tax_rate": {"type": "decimal"},
    "tax": {"type": "money"},
    "total": {"type": "money"},
    "fx_rate": {"type": "decimal"},
    "fx_date": {"type": "date"},
    "base_amount": {"type": "money", "currency": "EUR"},
    "accounting_date": {"type": "date"},
    "period": {"type": "dimension"},
    "status": {"type": "status"},
    "cost_center": {"type": "dimension"},
    "department": {"type": "dimension"},
    "approved_by": {"type": "text"},
    "memo": {"type": "text"},
}
POLICY = Policy.model_validate({"key": ["document", "line"], "document": ["document"], "columns": COLUMNS})
CLASSES: Mapping[str, BreakClass] = {
    "money": "amount", "decimal": "amount", "count": "amount", "text": "text", "date": "date",
    "dimension": "dimension", "status": "status",
}  # fmt: skip
Given = Mapping[str, Any]


def policy(**columns: dict[str, Any] | None) -> Policy:
    """The policy with other columns; None leaves one out."""
    rules = {name: rule for name, rule in {**COLUMNS, **columns}.items() if rule is not None}
    return Policy.model_validate({"key": ["document", "line"], "document": ["document"], "columns": rules})


def row(number: int, given: Given) -> Row:
    """A row; amounts as minor units, texts that look like numbers or dates as those."""
    cells: dict[str, Cell] = {"document": "4711", "line": str(number), "currency": "GBP"}
    for name, value in given.items():
        kind = COLUMNS.get(name, {}).get("type", "text")
        if isinstance(value, str) and kind == "decimal":
            cells[name] = Decimal(value)
        elif isinstance(value, str) and kind == "date":
            cells[name] = date.fromisoformat(value)
        else:
            cells[name] = value
    return Row(number=number, cells=cells)


def difference(name: str, one: Row, other: Row, kind: str) -> Difference:
    """What the engine says of two cells."""
    legacy, cloud = one.cells.get(name), other.cells.get(name)
    delta = None
    currency = ""
    if kind == "money":
        currency = "EUR" if name == "base_amount" else str(one.cells["currency"])
        delta = (cloud if isinstance(cloud, int) else 0) - (legacy if isinstance(legacy, int) else 0)
    shown = [
        str(Money(cell, currency))
        if currency and isinstance(cell, int)
        else None
        if cell is None
        else str(cell)
        for cell in (legacy, cloud)
    ]
    return Difference(
        what=CLASSES[kind], column=name, legacy=shown[0], cloud=shown[1], currency=currency, delta_minor=delta
    )


def pair(number: int, both: Given, legacy: Given, cloud: Given, *, rules: Policy = POLICY) -> Pair:
    """A pair of two rows with everything in which they differ."""
    one, other = row(number, {**both, **legacy}), row(number, {**both, **cloud})
    found = [
        difference(name, one, other, column.type)
        for name, column in rules.columns.items()
        if one.cells.get(name) != other.cells.get(name)
    ]
    if one.cells["currency"] != other.cells["currency"]:
        found = [each for each in found if not each.currency or each.currency != one.cells["currency"]]
        currency = Difference(
            what="currency",
            column="currency",
            legacy=str(one.cells["currency"]),
            cloud=str(other.cells["currency"]),
        )
        found = [currency, *found]
    key = {"document": "4711", "line": str(number)}
    return Pair(key=key, legacy=(one,), cloud=(other,), paired_by="key", differences=tuple(found))


def lone(side: Side, number: int, given: Given, *, line: str = "") -> Pair:
    """A row that stands on one side only."""
    one = row(number, given)
    total = one.cells.get("total")
    amount = total if isinstance(total, int) else None
    sign = -1 if side == "legacy" else 1
    found = Difference(
        what="missing_in_cloud" if side == "legacy" else "missing_in_legacy",
        currency=str(one.cells["currency"]),
        delta_minor=None if amount is None else sign * amount,
    )
    key = {"document": str(one.cells["document"]), "line": line or str(number)}
    rows = (one,)
    by: PairedBy = ""
    return Pair(
        key=key,
        legacy=rows if side == "legacy" else (),
        cloud=rows if side == "cloud" else (),
        paired_by=by,
        differences=(found,),
    )


def document(pairs: Sequence[Pair], *, legacy: Sequence[Row] = (), cloud: Sequence[Row] = ()) -> DocumentView:
    """A document of these pairs, and of further rows that agree."""
    return DocumentView(
        document={"document": "4711"},
        pairs=tuple(pairs),
        legacy=(*(one for each in pairs for one in each.legacy), *legacy),
        cloud=(*(one for each in pairs for one in each.cloud), *cloud),
    )


def explain(
    both: Given, legacy: Given, cloud: Given, *, rules: Policy = POLICY, learn: Sequence[DocumentView] = ()
) -> dict[str, Explanation]:
    """What the judge says of one pair, by column."""
    one = pair(1, both, legacy, cloud, rules=rules)
    view = document([one])
    judge = ExtractJudge(rules)
    if learn:
        judge.learn([*learn, view])
    (said,) = judge.explain(view)
    return {each.column or each.what: reason for each, reason in zip(one.differences, said, strict=True)}


def codes(found: Mapping[str, Explanation]) -> dict[str, str]:
    """Cause and code by column."""
    return {name: f"{reason.cause}/{reason.code}" for name, reason in found.items()}


def parts(reason: Explanation) -> dict[str, int]:
    """The parts by code."""
    return {part.code: part.delta_minor for part in reason.parts}
