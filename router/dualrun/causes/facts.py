"""One pair of rows as a cause sees it: typed values by role, what differs, what was found out so far.

Numbers are exact fractions in the major unit, whatever a column holds them in, so that hours, rates
and amounts can be multiplied; results are minor units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from router.canonical.money import Money, exponent
from router.dualrun.breaks import Cause, Explanation, Part
from router.dualrun.causes.learned import Learned
from router.dualrun.causes.table import Table
from router.dualrun.policy import Role, Side
from router.dualrun.results import DOCUMENT_ROWS, Difference, DocumentView, Pair, Row


@dataclass(kw_only=True)
class Case:
    """One pair in its document."""

    table: Table
    view: DocumentView
    pair: Pair
    learned: Learned
    reasons: dict[str, Explanation] = field(default_factory=dict)
    """What was found for columns that come earlier, by column."""

    @cached_property
    def differing(self) -> Mapping[str, Difference]:
        """What differs, by column."""
        return {difference.column: difference for difference in self.pair.differences}

    @cached_property
    def _hint(self) -> str:
        """The pair's currency, where its rows don't say it in a column."""
        return next((row.currency for row in self.pair.differences if row.currency), "")

    def rows(self, side: Side) -> tuple[Row, ...]:
        """The pair's rows of a side."""
        return self.pair.legacy if side == "legacy" else self.pair.cloud

    def document(self, side: Side) -> tuple[Row, ...]:
        """All rows of the document; empty where there are too many to be all."""
        rows = self.view.legacy if side == "legacy" else self.view.cloud
        return rows if len(rows) < DOCUMENT_ROWS else ()

    @property
    def one_to_one(self) -> bool:
        """Whether the pair is one row against one."""
        return len(self.pair.legacy) == len(self.pair.cloud) == 1

    def currency(self, row: Row, name: str) -> str:
        """The currency of a money column in a row."""
        return self.table.currency(row, name) or self._hint

    def places(self, row: Row, name: str) -> int:
        """Decimal places of a money column in a row; 0 where its currency can't be told."""
        code = self.currency(row, name)
        return exponent(code) if code else 0

    def number(self, row: Row, role: Role) -> Fraction | None:
        """A row's number in the major unit; None without value or role."""
        name = self.table.columns.get(role)
        return self.column_number(row, name) if name else None

    def column_number(self, row: Row, name: str) -> Fraction | None:
        """The same by the column's name."""
        cell = row.cells.get(name)
        column = self.table.column(name)
        if column is None or not isinstance(cell, int | Decimal) or not column.numeric:
            return None
        if isinstance(cell, Decimal):
            return Fraction(cell) if cell.is_finite() else None
        return Fraction(cell, 10 ** self.places(row, name)) if column.type == "money" else Fraction(cell)

    def minor(self, row: Row, role: Role) -> int | None:
        """A row's amount in minor units; None without value or role."""
        name = self.table.columns.get(role)
        cell = row.cells.get(name) if name else None
        return cell if isinstance(cell, int) and not isinstance(cell, bool) else None

    def total(self, side: Side, role: Role) -> int | None:
        """The pair's amount on one side in minor units, summed over its rows; None where one has no value."""
        amounts = [self.minor(row, role) for row in self.rows(side)]
        return sum(one for one in amounts if one is not None) if amounts and None not in amounts else None

    def text(self, side: Side, role: Role) -> str:
        """What the side's first row says in a role's column."""
        rows = self.rows(side)
        return self.table.text(rows[0], role) if rows else ""

    def differs(self, role: Role) -> bool:
        """Whether the role's column differs in this pair."""
        return self.table.columns.get(role, "") in self.differing

    def reason(self, role: Role) -> Explanation:
        """What was found for a role's column; a difference that a tolerance allows is that."""
        name = self.table.columns.get(role, "")
        found = self.reasons.get(name)
        if found is not None:
            return found
        return Explanation(
            cause="noise", code="within-tolerance", evidence=f"{name} differs within its tolerance"
        )

    def money(self, minor: int, name: str) -> str:
        """An amount of a column as a person reads it."""
        row = (*self.pair.legacy, *self.pair.cloud)[0]
        code = self.currency(row, name)
        return f"{Money(minor, code)} {code}" if code else str(minor)


def because(cause: Cause, code: str, evidence: str) -> Explanation:
    """An explanation by one cause."""
    return Explanation(cause=cause, code=code, evidence=evidence)


def added_up(shares: Sequence[tuple[Explanation, int]], delta: int | None) -> Explanation:
    """Several explanations with what each accounts for, as one: the largest names it, the parts sum to `delta`.

    Raises AssertionError when they don't; what nothing accounts for must be a share of its own.
    """
    merged: dict[tuple[str, str], tuple[Explanation, int]] = {}
    for reason, amount in shares:
        for part in _parts(reason, amount):
            first, before = merged.get((part.cause, part.code), (reason, 0))
            merged[part.cause, part.code] = (first, before + part.delta_minor)
    assert delta is None or sum(amount for _, amount in merged.values()) == delta, "shares sum to the delta"
    kept = {key: told for key, told in merged.items() if told[1]} or merged
    ordered = sorted(kept.items(), key=lambda one: -abs(one[1][1]))
    (cause, code), (first, _) = ordered[0]
    said = list(dict.fromkeys(reason.evidence for _, (reason, _) in ordered if reason.evidence))
    parts = tuple(Part(cause=key[0], code=key[1], delta_minor=told[1]) for key, told in ordered)
    return Explanation(
        cause=first.cause if (first.cause, first.code) == (cause, code) else _cause(cause),
        code=code,
        evidence="; ".join(said),
        parts=parts if len(parts) > 1 and delta is not None else (),
    )


def _parts(reason: Explanation, amount: int) -> tuple[Part, ...]:
    """The reason's own parts where they sum to the share, else all of it to its main cause."""
    if reason.parts and sum(part.delta_minor for part in reason.parts) == amount:
        return reason.parts
    return (Part(cause=reason.cause, code=reason.code, delta_minor=amount),)


def _cause(text: str) -> Cause:
    return text  # type: ignore[return-value]  # a part's cause comes from an explanation


def shown(value: Fraction) -> str:
    """An exact number as a decimal; more than eight decimals end in `…`."""
    scaled = abs(value) * 10**8
    digits = str(scaled.numerator // scaled.denominator).rjust(9, "0")
    part = digits[-8:].rstrip("0")
    sign = "-" if value < 0 else ""
    more = "…" if scaled.denominator != 1 else ""
    return f"{sign}{digits[:-8]}{'.' if part else ''}{part}{more}"
