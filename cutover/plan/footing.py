"""Which kinds of document stand on which: what must move together, and which masters both ERPs need. Pure.

An ERP makes invoices of the work it holds, and settles the invoices it made. So work, billing and what settles
it move together; a plan that tears them apart is refused when it is read. Masters may move before or after what
stands on them, and the business units of an entity share some: while anything of an entity stands on another
side than a master, that master is fed to the other ERP as well, or new work would wait there in vain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from cutover.plan.model import Plan
from router.canonical.kinds import KINDS, Kind
from router.journal.port import Scope

BILLED: tuple[Kind, ...] = (
    "time_entry", "expense_item", "milestone", "charge", "billing_event", "invoice", "credit_memo", "payment",
    "write_off",
)  # fmt: skip
"""Work, its billing, and what settles that: in the ERP that holds the one, or nothing can be made of the other."""
SHARED: tuple[Kind, ...] = ("resource", "rate_card", "customer")
"""Masters without a business unit of their own: they carry one, but the projects of every unit stand on them."""
MASTERS: tuple[Kind, ...] = (*SHARED, "contract", "project", "change_order")
"""What everything else stands on."""


def masters_of(scope: Scope) -> Scope:
    """The masters a part of an entity stands on, whichever wave moves them."""
    return Scope(entities=scope.entities, kinds=MASTERS)


def torn(kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """The kinds that are missing beside these: empty when all or none of what is billed together is among them."""
    given = frozenset(kinds)
    mine = [kind for kind in BILLED if kind in given]
    return tuple(kind for kind in BILLED if kind not in given) if mine else ()


class Feed(NamedTuple):
    """Masters that both ERPs are given: by whom they are owned, and of which units (empty: all)."""

    owner: Literal["old", "new"]
    entities: tuple[str, ...]
    units: tuple[str, ...]
    kinds: tuple[Kind, ...]


def feeds(plan: Plan, stage_at: Mapping[tuple[str, str, Kind], str]) -> list[Feed]:
    """What both ERPs must be given because of what stands on it; `stage_at` is by wave, entity and kind."""
    units = _units(plan)
    alike: dict[tuple[Literal["old", "new"], tuple[tuple[Kind, tuple[str, ...]], ...]], list[str]] = {}
    for entity in dict.fromkeys(entity for wave in plan.waves for entity in wave.entities):
        at = _cells(plan, stage_at, entity, units)
        for owner in ("old", "new"):
            found = tuple(
                (kind, of)
                for kind in MASTERS
                if (of := tuple(u for u in units if _owner(at, u, kind, units) == owner))
            )
            if found:
                alike.setdefault((owner, found), []).append(entity)
    rows: list[Feed] = []
    for (owner, found), entities in alike.items():
        by_units: dict[tuple[str, ...], list[Kind]] = {}
        for kind, of in found:
            by_units.setdefault(of, []).append(kind)
        for of, kinds in by_units.items():
            rows.append(Feed(owner, tuple(entities), () if of == units else of, tuple(kinds)))
    return rows


def _units(plan: Plan) -> tuple[str, ...]:
    """All business units there are; a plan that names none need not tell them apart."""
    named = tuple(dict.fromkeys(unit for wave in plan.waves for unit in wave.business_units))
    if not named:
        return ("",)
    return (*named, *(unit for unit in plan.business_units if unit not in named))


def _cells(
    plan: Plan, stage_at: Mapping[tuple[str, str, Kind], str], entity: str, units: tuple[str, ...]
) -> dict[tuple[str, Kind], str]:
    """Where each unit and kind of an entity stands; what no wave moves stays in the old ERP."""
    at: dict[tuple[str, Kind], str] = {(unit, kind): "legacy" for unit in units for kind in KINDS}
    for wave in plan.waves:
        if entity in wave.entities:
            for kind in wave.all_kinds:
                for unit in wave.business_units or units:
                    at[(unit, kind)] = stage_at[(wave.id, entity, kind)]
    return at


def _owner(
    at: Mapping[tuple[str, Kind], str], unit: str, kind: Kind, units: tuple[str, ...]
) -> Literal["old", "new", ""]:
    """Who owns a master that the other ERP needs too; empty where its own stage says all there is to say."""
    mine = at[(unit, kind)]
    standing = {at[(one, other)] for one in (units if kind in SHARED else (unit,)) for other in KINDS}
    if mine == "legacy" and standing != {"legacy"}:
        return "old"
    if mine == "cloud" and standing != {"cloud"}:
        return "new"
    return ""
