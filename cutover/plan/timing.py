"""When a plan's steps are planned, and how long its waves stand frozen by that. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cutover.plan.model import Plan
from cutover.plan.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when."""

    begins: datetime
    ends: datetime

    def meets(self, begins: datetime, ends: datetime) -> bool:
        """Whether it shares a moment with another span."""
        return self.begins < ends and begins < self.ends

    @property
    def minutes(self) -> int:
        """Its length in whole minutes."""
        return int((self.ends - self.begins).total_seconds()) // 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A planned freeze: what stands frozen, and for how long."""

    step: Step
    until: Step
    """The step that ends it: its wave's release, or its switch where nothing is released."""
    span: Span


def planned_times(plan: Plan) -> dict[str, Span]:
    """Step → when it is planned: at its instant, or when what it comes after is planned to end."""
    found: dict[str, Span] = {}
    for step in plan.order():
        begins = max([step.at or plan.start, *(found[name].ends for name in step.after)])
        found[step.id] = Span(begins=begins, ends=begins + timedelta(minutes=step.planned_minutes))
    return found


def planned_freezes(plan: Plan) -> list[Freeze]:
    """Every freeze step with the step of its wave (and kinds) that ends it; one that nothing ends is left out."""
    times, order = planned_times(plan), plan.order()
    found = []
    for at, step in enumerate(order):
        if step.kind != "freeze":
            continue
        later = [
            one
            for one in order[at + 1 :]
            if one.wave == step.wave and (not step.kinds or not one.kinds or set(step.kinds) & set(one.kinds))
        ]
        ends = next((one for one in later if one.kind == "release"), None)
        ends = ends or next((one for one in later if one.kind == "switch"), None)
        if ends is not None:
            span = Span(begins=times[step.id].begins, ends=times[ends.id].ends)
            found.append(Freeze(step=step, until=ends, span=span))
    return found
