"""The steps of a plan: what each kind is, whose it is, how long it takes, what it must prove."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from cutover.plan.durations import Duration, Minutes, likely_minutes
from router.canonical.documents import Code
from router.canonical.kinds import Kind
from router.canonical.reference import Reference

StepKind = Literal[
    "manual",
    "approval",
    "load",
    "dual_run",
    "arm",
    "rollback_rehearsal",
    "freeze",
    "drain",
    "reconcile",
    "gate",
    "switch",
    "release",
    "smoke",
    "verify",
    "hypercare",
    "retire",
]
"""In the order of a weekend. `retire` ends the reverse shadow: from then on there is only forward."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,47}$")]
LoadObject = Literal[
    "customers", "projects", "contracts", "resources", "rate_cards", "open_items", "work_in_progress", "opening_balances"
]  # fmt: skip
Unwind = Literal["give_back", "roll_back", "stop"]
"""What a failed step does to its wave: before the switch give it back to the old ERP, after it roll back to
the old ERP (up to the point of no return), or stop and leave it to people."""


def _utc(value: Any) -> Any:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return value


Instant = Annotated[datetime, BeforeValidator(_utc)]


class Thresholds(Reference):
    """What a reconcile gate lets pass; money in basis points of the legacy total."""

    variance_basis_points: Annotated[int, Field(ge=0, le=10_000)] = 50
    unexplained: Annotated[int, Field(ge=0)] = 0
    """Breaks without a cause."""
    count_differences: Annotated[int, Field(ge=0)] = 0
    """Documents that stand in one ERP only."""
    exceptions: Annotated[int, Field(ge=0)] = 0
    """Open exceptions of the wave's entities beyond `exception_age_minutes`."""
    exception_age_minutes: Minutes = 240
    sla_minutes: Minutes = 60
    """The longest anything of the wave may wait for its delivery, outside a freeze."""
    sla_misses: Annotated[int, Field(ge=0)] = 0
    evidence_age_minutes: Minutes = 240
    """How old what a gate rests on may be: a comparison, a rollback rehearsal, an approval."""


class GateUse(Reference):
    """A named gate of a step (`coexist cutover gate NAME`)."""

    name: Slug
    decides: bool = True
    """False: measured and shown, but the step does not hang on it."""


class Hook(Reference):
    """Somebody else's say: an executable or URL that is told what is about to happen and may veto it."""

    when: Literal["before", "after"] = "before"
    run: Annotated[tuple[str, ...], Field(max_length=20)] = ()
    """An executable with arguments; exit code 0 agrees."""
    url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """POSTed to; 2xx agrees."""
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 60


class Step(Reference):
    """One step of the plan. Durations in minutes."""

    id: Slug
    kind: StepKind
    wave: Slug
    title: Annotated[str, Field(max_length=200)] = ""
    """What is to be done, for people."""
    owner: str = "cutover lead"
    at: Instant | None = None
    """Not before this instant."""
    after: tuple[Slug, ...] = ()
    kinds: tuple[Kind, ...] = ()
    """Only these kinds of document of the wave; empty: all of the wave's."""
    planned_minutes: Minutes = 30
    people_minutes: Duration = 0
    """What people need on top of the machines: reviews, signatures, phone calls. Rehearsed as drawn."""
    deadline_minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """From its start; a step that is not done by then fails and its wave is unwound."""
    unwind: Unwind | None = None
    """None: give back before the switch, roll back after it while that is armed, else stop."""
    point_of_no_return: bool = False
    """Once this step is done, its wave can only go forward."""
    thresholds: Thresholds = Thresholds()
    gates: tuple[GateUse, ...] = ()
    """Besides those the kind has by itself; a step of kind `gate` has only these."""
    hooks: tuple[Hook, ...] = ()
    approvals: Annotated[int, Field(ge=1, le=10)] = 1
    """`approval`: by how many people, none of whom proposed the run."""
    objects: tuple[LoadObject, ...] = ()
    """`load`: what is extracted and loaded, in this order."""
    as_of: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    """`load`: balances and open items as of the end of this day; None: of the day it runs."""
    reverse: bool = False
    """`switch`: keep the old ERP as a shadow of the new one (stage `live`), so that a rollback finds all in it."""
    watch_minutes: Minutes = 0
    """`hypercare`: how long the gates must hold."""
    samples: Annotated[int, Field(ge=1, le=1000)] = 5
    """`smoke`: how many transactions of each kind are followed to the ERP."""
    accounts: tuple[Code, ...] = ()
    """`load` of opening balances: only these accounts; empty: all."""

    @property
    def likely_minutes(self) -> int:
        """What the machines are planned to take and people likely take, whichever is longer."""
        return max(self.planned_minutes, likely_minutes(self.people_minutes))


AFTER_WINDOW: tuple[StepKind, ...] = ("hypercare", "retire")
"""What is watched and tidied up once the business works again: it need not end within the window."""
ONLY_FOR: Mapping[str, tuple[StepKind, ...]] = {
    "objects": ("load",), "as_of": ("load",), "accounts": ("load",), "reverse": ("switch",),
    "watch_minutes": ("hypercare",), "samples": ("smoke",), "approvals": ("approval",),
}  # fmt: skip
"""Fields that only some kinds of step have."""
