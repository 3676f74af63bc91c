"""Counts breaks as they stream by: by class, column, cause, entity, currency and level; money by currency.

Bounded: however many breaks there are, only groups are held, and a group beyond `GROUPS_MAX` is counted
under "(others)" rather than dropped. Money is integer minor units; two currencies are never added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from router.canonical.money import Money
from router.dualrun.breaks import Break
from router.dualrun.noise import QUIET

GROUPS_MAX = 5_000
OTHERS = "(others)"
LEVELS: Mapping[str, tuple[str, ...]] = {
    "count": (
        "missing_in_cloud", "missing_in_legacy", "duplicate_in_legacy", "duplicate_in_cloud", "crosswalk",
    ),
    "money": ("amount", "currency", "intercompany", "cross_check"),
    "status": ("status",),
    "dimension": ("dimension",),
    "text and date": ("text", "date"),
}  # fmt: skip
"""The four levels of a comparison with the classes of break that belong to each, and what is below them."""
LEVEL_OF: Mapping[str, str] = {what: level for level, classes in LEVELS.items() for what in classes}


@dataclass(slots=True)
class Group:
    """Breaks that have something in common, with the sum of their deltas."""

    breaks: int = 0
    accepted: int = 0
    noise: int = 0
    """Noise in fields that bear no money, and not accepted: no reason to fail."""
    net: dict[str, int] = field(default_factory=dict)
    absolute: dict[str, int] = field(default_factory=dict)

    def add(self, currency: str, delta_minor: int | None) -> None:
        """Add an amount; None and an unknown currency add nothing."""
        if delta_minor is not None and currency:
            self.net[currency] = self.net.get(currency, 0) + delta_minor
            self.absolute[currency] = self.absolute.get(currency, 0) + abs(delta_minor)

    def to_json(self) -> dict[str, Any]:
        """Amounts as decimal strings by currency, in the alphabet's order."""
        return {"breaks": self.breaks, "accepted": self.accepted, "money": money_of(self.net, self.absolute)}


def money_of(net: Mapping[str, int], absolute: Mapping[str, int]) -> dict[str, dict[str, str]]:
    """Net and absolute minor units by currency as decimal strings."""
    return {
        currency: {
            "net": str(Money(net.get(currency, 0), currency)),
            "absolute": str(Money(absolute[currency], currency)),
        }
        for currency in sorted(absolute)
    }


class Tally:
    """What a stream of breaks comes to.

    Money by class, cause, entity and currency is that of the breaks that say `counted`, one a pair, so
    that an invoice whose net, tax and total differ is not added thrice; by cause each part goes to its own.
    By column it is that of every break of the column.
    """

    def __init__(self) -> None:
        self.total = Group()
        self._groups: dict[str, dict[tuple[str, ...], Group]] = {name: {} for name in _WAYS}

    def add(self, one: Break) -> None:
        """Count a break once in each way of grouping."""
        accepted = one.state == "accepted"
        keys: tuple[tuple[str, ...], ...] = (
            (one.what,), (one.column, one.what), (one.cause,), (one.legal_entity,), (one.currency,),
            (LEVEL_OF[one.what], one.legal_entity), (one.state,), (one.cause, one.code, one.legal_entity),
        )  # fmt: skip
        groups = [self.total, *(self._group(way, key) for way, key in zip(_WAYS, keys, strict=True))]
        for way, group in zip(("total", *_WAYS), groups, strict=True):
            group.breaks += 1
            group.accepted += accepted
            group.noise += one.code == QUIET and not accepted
            if way != "cause" and (one.counted or way == "column"):
                group.add(one.currency, one.delta_minor)
        if one.counted and one.delta_minor is not None:
            for part in one.shares():
                self._group("cause", (part.cause,)).add(one.currency, part.delta_minor)

    def _group(self, way: str, key: tuple[str, ...]) -> Group:
        groups = self._groups[way]
        if key not in groups and len(groups) >= GROUPS_MAX:
            key = (*key[:-1], OTHERS)
        return groups.setdefault(key, Group())

    def ranked(self, way: str, names: Iterable[str]) -> list[dict[str, Any]]:
        """The groups of one way, most breaks first."""
        named = tuple(names)
        ranked = sorted(self._groups[way].items(), key=lambda item: (-item[1].breaks, item[0]))
        return [{**dict(zip(named, key, strict=True)), **group.to_json()} for key, group in ranked]

    def group(self, way: str, *key: str) -> Group:
        """One group; an empty one where there is none."""
        return self._groups[way].get(key, Group())

    def entities(self) -> list[str]:
        """The legal entities that have breaks, in the alphabet's order."""
        return sorted({entity for _, entity in self._groups["level"]})


_WAYS = ("class", "column", "cause", "entity", "currency", "level", "state", "cluster")
