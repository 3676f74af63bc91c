"""The critical path of one run: which steps set its end, and what each of them waited for. Pure.

Walked back from the step of the window that ended last (a watch goes on after it): a step began when the last step it comes after was done, or at its own
time (`at`), whichever was later. On the path, a step's minutes are those of people, of a system at a limit, or
of the machines' own pace: what held it for most of its time, as measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cutover.plan.model import Plan
from cutover.plan.steps import AFTER_WINDOW
from router.clock import from_text

SLACK = timedelta(seconds=60)
"""A step that began within a minute of something waited for that."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A step on the critical path; minutes it took, and what it waited for to begin and to end."""

    step: str
    minutes: int
    began_after: str
    """The step it came after, `its time` or `the start`."""
    held_by: str
    """`people`, a system's limit like `netsuite concurrency`, or `machines`."""


def critical_path(steps: Sequence[Row], plan: Plan) -> list[Link]:
    """First to last; empty when no step ended."""
    ended = {
        row["id"]: row
        for row in steps
        if row["start"] and row["end"] and plan.step(row["id"]).kind not in AFTER_WINDOW
    }
    row = max(ended.values(), key=lambda row: (row["end"], row["id"]), default=None)
    chain: list[Link] = []
    while row is not None:
        step = plan.step(row["id"])
        before = [ended[name] for name in step.after if name in ended]
        latest = max(before, key=lambda one: (one["end"], one["id"]), default=None)
        started = from_text(row["start"])
        if latest is not None and _waited(started, from_text(latest["end"]), step.at):
            began_after = latest["id"]
        else:
            began_after, latest = ("its time" if step.at is not None else "the start"), None
        chain.append(
            Link(step=step.id, minutes=row["minutes"] or 0, began_after=began_after, held_by=held_by(row))
        )
        row = latest
    return chain[::-1]


def _waited(started: datetime, ready: datetime, at: datetime | None) -> bool:
    return started - ready <= SLACK and (at is None or at <= ready + SLACK)


def held_by(row: Row) -> str:
    """What most of a step's minutes went into."""
    minutes, people = row["minutes"] or 0, min(row.get("people_minutes", 0), row["minutes"] or 0)
    if people * 2 >= minutes and people:
        return "people"
    machines_s = max(1, (minutes - people) * 60)
    limits: Mapping[str, int] = row.get("at_limit_s") or {}
    worst = max(limits, key=lambda name: (limits[name], name), default=None)
    return worst if worst is not None and limits[worst] * 2 >= machines_s else "machines"
