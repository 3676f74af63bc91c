"""The shape of every cross-check: two figures a group, what accounts for the difference, totals that tie. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from router.canonical.money import Money
from router.dualrun.breaks import Break, BreakClass, Cause, Part

Verdict = Literal["pass", "fail", "inconclusive"]
MOST_DOCUMENTS = 50
"""Documents listed of a group; all of them count, and how many there are is said."""
EXPLAINED: tuple[Cause, ...] = ("timing", "in_doubt", "split")
"""Causes that need nobody to act: what is on its way, and what was agreed."""
TOLD: tuple[Cause, ...] = (*EXPLAINED, "refused")
"""Causes somebody was told of elsewhere too: what was refused or parked waits in the exceptions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A document, or all that was derived from it, with what either side has of it."""

    document_id: str
    left: int
    right: int
    cause: Cause = "unexplained"
    code: str = "unexplained"
    why: str = ""

    @property
    def difference(self) -> int:
        """Left less right."""
        return self.left - self.right

    def to_json(self) -> dict[str, Any]:
        """For a person who drills down."""
        return {
            "document_id": self.document_id,
            "left": self.left,
            "right": self.right,
            "cause": self.cause,
            "code": self.code,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One project, customer, pair or contract line in one period and currency."""

    key: Mapping[str, str]
    legal_entity: str = ""
    currency: str = ""
    """Empty: whole minutes."""
    left: int
    right: int
    shadow: int | None = None
    """What the ERP that does not decide holds, where both run."""
    items: tuple[Item, ...] = ()
    """The documents of which the sides differ."""

    @property
    def difference(self) -> int:
        """Left less right."""
        return self.left - self.right

    def parts(self) -> tuple[Item, ...]:
        """The items that differ, with the rest that none of them accounts for."""
        named = tuple(one for one in self.items if one.difference)
        rest = self.difference - sum(one.difference for one in named)
        if not rest:
            return named
        return (*named, Item(document_id="", left=rest, right=0, why="no document accounts for it"))

    def shown(self, value: int) -> str:
        """A figure as a person reads it."""
        return str(Money(value, self.currency)) if self.currency else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A cross-check that was made, or that could not be."""

    name: str
    """hours, invoices, intercompany, revenue."""
    kind: str
    """What its breaks are of."""
    what: BreakClass
    column: str
    left_name: str
    right_name: str
    period: str
    groups: tuple[Group, ...] = ()
    problem: str = ""
    """Why it can't be told; a check with a problem never passes."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else it counted, such as what it did not compare."""

    @property
    def mismatches(self) -> tuple[Group, ...]:
        """Groups whose figures differ, or of which single documents do though their sums agree."""
        return tuple(one for one in self.groups if one.parts())

    @property
    def open(self) -> tuple[Group, ...]:
        """Mismatches that somebody must look at."""
        return tuple(
            one for one in self.mismatches if any(part.cause not in EXPLAINED for part in one.parts())
        )

    @property
    def unexplained(self) -> tuple[Group, ...]:
        """Mismatches of which some part is neither explained nor waits as an exception."""
        return tuple(one for one in self.mismatches if any(part.cause not in TOLD for part in one.parts()))

    @property
    def verdict(self) -> Verdict:
        """Inconclusive when a system could not be read; fail when a mismatch needs somebody."""
        if self.problem:
            return "inconclusive"
        return "fail" if self.open else "pass"

    def totals(self) -> list[dict[str, Any]]:
        """A row a currency (empty: minutes); `ties`: left less right is what its parts sum to."""
        found: dict[str, list[int]] = {}
        for one in self.groups:
            row = found.setdefault(one.currency, [0, 0, 0])
            row[0] += one.left
            row[1] += one.right
            row[2] += sum(part.difference for part in one.parts())
        return [
            {
                "currency": currency,
                "left": left,
                "right": right,
                "difference": left - right,
                "ties": left - right == parts,
            }
            for currency, (left, right, parts) in sorted(found.items())
        ]

    def causes(self) -> dict[str, int]:
        """How many mismatching groups have a part of each cause."""
        counted: dict[str, int] = {}
        for group in self.mismatches:
            for cause in sorted({part.cause for part in group.parts()}):
                counted[cause] = counted.get(cause, 0) + 1
        return dict(sorted(counted.items()))

    def breaks(self) -> list[Break]:
        """A break of each mismatch; right less left, as cloud less legacy elsewhere."""
        return [self._break(group) for group in self.mismatches]

    def _break(self, group: Group) -> Break:
        parts = group.parts()
        first = worst(parts)
        names = ", ".join(one.document_id for one in parts[:3] if one.document_id)
        single = len({(one.cause, one.code) for one in parts}) == 1
        return Break(
            key={"check": self.name, **group.key},
            what=self.what,
            column=self.column,
            kind=self.kind,
            legacy=group.shown(group.left),
            cloud=group.shown(group.right),
            currency=group.currency,
            delta_minor=-group.difference,
            legal_entity=group.legal_entity,
            project_id=group.key.get("project_id", ""),
            customer_id=group.key.get("customer_id", ""),
            period=group.key.get("period", ""),
            cause=first.cause,
            code=first.code,
            evidence=f"{first.why}: {names}" if names else first.why,
            parts=()
            if single
            else tuple(
                Part(cause=one.cause, code=one.code, delta_minor=-one.difference) for one in _by_code(parts)
            ),
            # Its documents' own breaks are money already: a cross-check shows the same money again.
            counted=False,
            facts={"left": self.left_name, "right": self.right_name},
        )

    def to_json(self) -> dict[str, Any]:
        """The check with its mismatches, for the API and the report."""
        return {
            "name": self.name,
            "period": self.period,
            "verdict": self.verdict,
            "problem": self.problem,
            "left": self.left_name,
            "right": self.right_name,
            "groups": len(self.groups),
            "mismatches": len(self.mismatches),
            "open": len(self.open),
            "unexplained": len(self.unexplained),
            "totals": self.totals(),
            "causes": self.causes(),
            "facts": dict(self.facts),
            "rows": [_row(one) for one in self.mismatches],
        }


def worst(parts: Sequence[Item]) -> Item:
    """The part that stands for a mismatch: what nobody explained first, then the largest."""
    return min(
        parts, key=lambda one: (one.cause in EXPLAINED, one.cause != "unexplained", -abs(one.difference))
    )


def _by_code(parts: Sequence[Item]) -> list[Item]:
    found: dict[tuple[str, str], Item] = {}
    for one in parts:
        held = found.get((one.cause, one.code))
        found[(one.cause, one.code)] = Item(
            document_id="",
            left=one.left + (held.left if held else 0),
            right=one.right + (held.right if held else 0),
            cause=one.cause,
            code=one.code,
        )
    return list(found.values())


def _row(group: Group) -> dict[str, Any]:
    parts = group.parts()
    return {
        "key": dict(group.key),
        "legal_entity": group.legal_entity,
        "currency": group.currency,
        "left": group.shown(group.left),
        "right": group.shown(group.right),
        "difference": group.shown(group.difference),
        "shadow": None if group.shadow is None else group.shown(group.shadow),
        "documents": len(parts),
        "items": [one.to_json() for one in parts[:MOST_DOCUMENTS]],
    }
