"""The plan: waves, steps, window, calendar, load and faults (`cutover.plan.reading` reads and checks it)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from graphlib import TopologicalSorter
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field

from cutover.plan.steps import Hook, Instant, Slug, Step
from router.canonical.documents import Code
from router.canonical.kinds import KINDS, Kind
from router.canonical.reference import Reference
from router.journal.port import Scope
from router.model import SystemId


class Window(Reference):
    """When the business lets the cutover happen."""

    opens: Instant
    closes: Instant


class Wave(Reference):
    """What moves together: entities or regions, of them all or some business units and kinds of document."""

    id: Slug
    entities: tuple[Code, ...] = ()
    """Filled from `regions` when the plan is read, so that every later reader finds them here."""
    regions: tuple[Code, ...] = ()
    business_units: tuple[Code, ...] = ()
    """Empty: all."""
    kinds: tuple[Kind, ...] = ()
    """Empty: all."""

    @property
    def all_kinds(self) -> tuple[Kind, ...]:
        """The kinds of document it moves, in the order of the path."""
        return tuple(kind for kind in KINDS if not self.kinds or kind in self.kinds)

    def scope(self, kinds: tuple[Kind, ...] = ()) -> Scope:
        """The wave, or some kinds of it, as the journal is asked."""
        return Scope(entities=self.entities, business_units=self.business_units, kinds=kinds or self.kinds)


class Busy(Reference):
    """A time in which something else must not be disturbed: a payroll or billing run, a blackout."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    kind: Literal["blackout", "payroll", "billing", "close"] = "blackout"
    opens: Instant
    closes: Instant
    entities: tuple[Code, ...] = ()
    """Empty: all."""
    forbids: Literal["change", "freeze"] = "change"
    """`change`: nothing may be switched in it. `freeze`: nothing may stand frozen in it either."""


class Calendar(Reference):
    """What the plan is checked against, beside the fiscal calendars of the landscape."""

    busy: tuple[Busy, ...] = ()
    freeze_most_minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """The longest the business lets an entity stand frozen."""
    allow_closing_day: bool = True
    """False: no switch on the first or last day of a fiscal period of an entity it moves."""


class Straddling(Reference):
    """What becomes of documents that lie across the switch. Each is stated; a rehearsal shows where each went."""

    back_dated: Literal["new_erp", "old_erp"] = "new_erp"
    """Time and expenses of the old days that are approved after the switch."""
    cut_date: date | None = None
    """For `old_erp`: accounting dates before it stay with the old ERP, until that is retired.

    What a closed period moved on counts by its new date.
    """
    followers: Literal["follow"] = "follow"
    """Payments, credit memos and re-rates go where the document is that they refer to (lineage)."""
    closed_period: Literal["next_period", "refuse", "wait"] = "next_period"
    """Back-dated corrections into a closed period; must say what the entity's fiscal calendar does."""
    intercompany: Literal["each_own_erp"] = "each_own_erp"
    """With one entity on each side, each leg goes to its entity's ERP and is matched across."""
    milestones: Literal["new_erp", "old_erp"] = "new_erp"
    """Milestones reached before and billed after the switch."""

    @property
    def stays(self) -> tuple[Kind, ...]:
        """Kinds whose documents of the old days stay with the old ERP, with a copy in the new one that bills them."""
        work: tuple[Kind, ...] = ("time_entry", "expense_item") if self.back_dated == "old_erp" else ()
        return (*work, "milestone") if self.milestones == "old_erp" else work


class Crash(Reference):
    """The router process dies here and is started again from its journal."""

    at: Instant
    down_s: Annotated[int, Field(ge=0, le=86_400)] = 90


class Plan(Reference):
    """A cutover plan with the load and the faults it is rehearsed under."""

    name: Slug
    version: Annotated[int, Field(ge=1)] = 1
    title: str = ""
    start: Instant
    end: Instant
    window: Window
    source: SystemId = Field(alias="from")
    target: SystemId = Field(alias="to")
    size: Literal["small", "default", "large"] = "default"
    waves: Annotated[tuple[Wave, ...], Field(min_length=1)]
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    business_units: tuple[Code, ...] = ()
    """All the firm has, filled from the landscape when the plan is read: what no wave names stays behind."""
    calendar: Calendar = Calendar()
    straddling: Straddling = Straddling()
    hooks: tuple[Hook, ...] = ()
    """Asked at every step."""
    faults: Mapping[SystemId, tuple[Mapping[str, Any], ...]] = {}
    crashes: tuple[Crash, ...] = ()

    def wave(self, wave_id: str) -> Wave:
        """A wave by its id."""
        return next(wave for wave in self.waves if wave.id == wave_id)

    def step(self, step_id: str) -> Step:
        """A step by its id."""
        return next(step for step in self.steps if step.id == step_id)

    def scope(self, step: Step) -> Scope:
        """What a step acts on."""
        return self.wave(step.wave).scope(step.kinds)

    def order(self) -> tuple[Step, ...]:
        """The steps in an order that respects `after`, the file's order among equals."""
        by_id = {step.id: step for step in self.steps}
        sorter = TopologicalSorter({step.id: step.after for step in self.steps})
        rank = {step.id: at for at, step in enumerate(self.steps)}
        sorter.prepare()
        ordered: list[Step] = []
        while sorter.is_active():
            for name in sorted(sorter.get_ready(), key=lambda name: rank[name]):
                ordered.append(by_id[name])
                sorter.done(name)
        return tuple(ordered)

    def digest(self) -> str:
        """SHA-256 of the plan's content: what approvals and reports are bound to."""
        data = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()
