"""Rows of the typed tables as `Row`, and differing cells as `Difference`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from typing import Any

from router.canonical.money import Money
from router.dualrun.engine.marking import Check
from router.dualrun.engine.plan import Field, Plan
from router.dualrun.results import Cell, Difference, Row

_EXACT = Context(prec=90)


class RowShape:
    """The columns of a typed table in the order they are fetched in, and what becomes of them."""

    def __init__(self, plan: Plan) -> None:
        self._words = list(plan.fields)
        self._texts = [one for one in plan.fields if one.worded or one.kind == "date"]
        self._names = [one.name for one in self._words]
        self._raw_names = [one.name for one in self._texts]
        self._split = 1 + len(self._words)
        self.width = self._split + len(self._texts)

    def select(self, alias: str) -> str:
        """The columns in SQL: row number, cells, texts."""
        return ", ".join(self.columns(alias))

    def columns(self, alias: str) -> list[str]:
        """The same one by one."""
        cells = [f"{alias}.{one.word}" for one in self._words] + [
            f"{alias}.{one.written}" for one in self._texts
        ]
        return [f"{alias}.rowid + 1", *cells]

    def row(self, fetched: Sequence[Any]) -> Row:
        """A row from what was fetched."""
        return Row(
            number=fetched[0],
            cells=dict(zip(self._names, fetched[1 : self._split], strict=True)),
            raw=dict(zip(self._raw_names, fetched[self._split :], strict=True)) if self._raw_names else {},
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What rows are worth and called, by the plan."""

    plan: Plan

    def key(self, row: Row) -> Mapping[str, str]:
        """The key as it was written; a row without one also tells its place."""
        key = {one.name: written(one, row) or "" for one in self.plan.key}
        if not any(key.values()) and "row" not in key:
            key["row"] = str(row.number)
        return key

    def currency(self, money: Field, row: Row) -> str:
        """The currency of a money cell; empty where the row has none."""
        assert money.rule is not None
        if money.currency is None:
            return money.rule.currency or ""
        return str(row.cells[money.currency.name] or "")

    def worth(self, row: Row) -> tuple[str, int] | None:
        """Currency and minor units of the row's main amount; None where it has none."""
        if self.plan.amount is None:
            return None
        minor = row.cells[self.plan.amount.name]
        return (self.currency(self.plan.amount, row), minor) if isinstance(minor, int) else None

    def difference(self, check: Check, legacy: Row, cloud: Row) -> Difference:
        """The difference of two rows in one column."""
        one = check.field
        if one.money:
            code = self.currency(one, legacy) or self.currency(one, cloud)
            return money_difference(one, legacy.cells[one.name], cloud.cells[one.name], code)
        if check.what == "amount":
            return number_difference(one, legacy.cells[one.name], cloud.cells[one.name])
        return Difference(
            what=check.what, column=one.name, legacy=written(one, legacy), cloud=written(one, cloud)
        )


def money_difference(one: Field, legacy: Cell, cloud: Cell, currency: str) -> Difference:
    """Two amounts in one currency; no value counts as nothing."""
    before, after = (minor if isinstance(minor, int) else None for minor in (legacy, cloud))
    return Difference(
        what="amount",
        column=one.name,
        legacy=None if before is None else str(Money(before, currency)),
        cloud=None if after is None else str(Money(after, currency)),
        currency=currency,
        delta_minor=(after or 0) - (before or 0),
    )


def number_difference(one: Field, legacy: Cell, cloud: Cell) -> Difference:
    """Two counts or decimals; the delta is told only where it is whole."""
    before, after = (number if isinstance(number, Decimal) else Decimal() for number in (legacy, cloud))
    delta = _EXACT.subtract(after, before)
    return Difference(
        what="amount",
        column=one.name,
        legacy=shown(legacy),
        cloud=shown(cloud),
        delta_minor=int(delta) if delta == delta.to_integral_value(context=_EXACT) else None,
    )


def written(one: Field, row: Row) -> str | None:
    """A cell as a person reads it: texts as they were written, dates as ISO 8601."""
    if one.worded:
        return row.raw[one.name]
    return shown(row.cells[one.name])


def shown(cell: Cell) -> str | None:
    """A cell as text."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, Decimal):
        plain = f"{cell:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return cell.isoformat() if isinstance(cell, date) else str(cell)
