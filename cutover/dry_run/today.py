"""How things stand in a journal: what a dry run goes on from, and what it shows beside its perfect answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from cutover.plan.model import Plan
from cutover.runner.port import Backlog
from router.journal.port import Scope
from router.model import SystemId


class Asked(Protocol):
    """What of a router's controls is read, and nothing of it writes."""

    async def backlog(self, scope: Scope, targets: Sequence[SystemId]) -> Backlog:
        """What the scope has under way to these systems."""
        ...

    async def log(self, run_id: str) -> list[dict[str, Any]]:
        """The log of the run, oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """A journal as far as a plan is concerned."""

    table_version: int
    """The newest route table."""
    table: str
    """Its text."""
    base: str | None = None
    """The text of the table in force when the run began, or begins now; None: the plan's own beginning."""
    epochs: Mapping[str, int] = field(default_factory=dict)
    log: Sequence[dict[str, Any]] = ()
    """Of the run that a dry run goes on with; empty: it has not begun."""
    backlogs: Mapping[tuple[Scope, SystemId], Backlog] = field(default_factory=dict)

    def begins(self, plan: Plan) -> datetime:
        """When a dry run that goes on from here begins: at the plan's start, or after the last of its log."""
        last = [_instant(row["at"]) for row in self.log]
        return max([plan.start, *last])

    def told(self, scope: Scope, targets: Sequence[SystemId]) -> str:
        """What the scope has under way now, in words; empty where it was not asked."""
        found = [self.backlogs.get((scope, system)) for system in targets]
        known = [one for one in found if one is not None]
        if not known or len(known) < len(found):
            return ""
        waiting, doubt = sum(one.waiting for one in known), sum(one.in_doubt for one in known)
        return f"now {waiting} waiting, {doubt} in doubt, {known[0].held} held"


async def stands(
    plan: Plan,
    controls: Asked,
    *,
    run_id: str,
    table_version: int,
    table: str,
    epochs: Mapping[str, int],
    base: str | None = None,
) -> Today:
    """Read what the plan's steps would look at; reads only."""
    scopes = [*(wave.scope() for wave in plan.waves), *(plan.scope(step) for step in plan.steps)]
    return Today(
        table_version=table_version,
        table=table,
        base=base if base is not None else table,
        epochs=epochs,
        log=await controls.log(run_id),
        backlogs={
            (scope, system): await controls.backlog(scope, (system,))
            for scope in dict.fromkeys(scopes)
            for system in (plan.source, plan.target)
        },
    )


def _instant(at: Any) -> datetime:
    found = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
