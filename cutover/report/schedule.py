"""Reads a run's steps as a schedule: what was planned when, what belongs together, what set the end. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cutover.plan.steps import AFTER_WINDOW
from cutover.report.wording import instant

TOGETHER = timedelta(hours=3)
"""Steps less far apart than this are drawn on one axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A step of the report with its times, planned and rehearsed."""

    row: Mapping[str, Any]
    after: tuple[str, ...]
    start: datetime
    end: datetime
    began: datetime | None
    ended: datetime | None
    actual_began: datetime | None = None
    """When it began on the real weekend; None: not shown beside a live run, or not begun."""
    actual_ended: datetime | None = None

    @property
    def id(self) -> str:
        """The step's id."""
        return str(self.row.get("id", ""))

    @property
    def deadline(self) -> datetime | None:
        """When the step would have failed."""
        minutes = self.row.get("deadline_minutes")
        return None if minutes is None else (self.began or self.start) + timedelta(minutes=minutes)

    @property
    def last_seen(self) -> datetime:
        """When it ended in the rehearsal; for a step that did not end, when it was planned to."""
        return self.ended or self.end

    @property
    def first(self) -> datetime:
        """The earliest of its times."""
        return min(self.start, self.began or self.start, self.actual_began or self.start)

    @property
    def last(self) -> datetime:
        """The latest of its times."""
        return max(self.end, self.ended or self.end, self.actual_ended or self.end)


def schedule(steps: Sequence[Mapping[str, Any]], start: datetime) -> list[Planned]:
    """When each step was planned: at its instant, or when what it comes after is planned to end."""
    found: dict[str, Planned] = {}
    before: dict[str, str] = {}
    for row in steps:
        # A report without `after` still reads: then the steps of a wave follow one another.
        wave = str(row.get("wave", ""))
        names = row.get("after", [before[wave]] if wave in before else [])
        begins = [found[name].end for name in names if name in found]
        at = max([instant(row.get("planned_at")) or start, *begins])
        minutes = row.get("planned_minutes") or 0
        found[str(row.get("id", ""))] = Planned(
            row=row,
            after=tuple(names),
            start=at,
            end=at + timedelta(minutes=minutes),
            began=instant(row.get("started")),
            ended=instant(row.get("ended")),
            actual_began=instant(row.get("actual_started")),
            actual_ended=instant(row.get("actual_ended")),
        )
        before[wave] = str(row.get("id", ""))
    return list(found.values())


def stretches(steps: Sequence[Planned]) -> list[list[Planned]]:
    """Steps that lie close together in time, in order; hours in which nothing happens part them."""
    groups: list[list[Planned]] = []
    until: datetime | None = None
    for step in sorted(steps, key=lambda step: (step.first, step.last)):
        if until is None or step.first > until + TOGETHER:
            groups.append([])
            until = step.last
        groups[-1].append(step)
        until = max(until, step.last)
    rank = {step.id: at for at, step in enumerate(steps)}
    waves: dict[str, int] = {}
    for step in steps:
        waves.setdefault(str(step.row.get("wave", "")), len(waves))
    return [
        sorted(group, key=lambda step: (waves[str(step.row.get("wave", ""))], rank[step.id]))
        for group in groups
    ]


def deciding_chain(steps: Sequence[Planned]) -> list[str]:
    """The steps that set the end of the window's work, first to last: each waited for the one before it.

    What goes on after the window (a watch, the old ERP retired) sets no end that the window has to hold.
    """
    by_id = {step.id: step for step in steps}
    within = [step for step in steps if step.ended and step.row.get("kind") not in AFTER_WINDOW]
    step = max(within, key=lambda step: step.last_seen, default=None)
    chain: list[str] = []
    while step is not None and step.id not in chain:
        chain.append(step.id)
        waited = [by_id[name] for name in step.after if name in by_id and by_id[name].ended]
        latest = max(waited, key=lambda step: step.last_seen, default=None)
        began = step.began
        held_by_clock = latest is None or began is None or began > latest.last_seen + timedelta(minutes=1)
        step = None if held_by_clock else latest
    return chain[::-1]


def end_at_planned_pace(steps: Sequence[Planned], start: datetime) -> datetime | None:
    """When the window's last step ends if each takes what was planned for it, or what it took where that was longer.

    What goes on after the window is left out: it need not end within it. A rehearsal knows what systems take; people reading and signing are only in the planned minutes.
    """
    ends: dict[str, datetime] = {}
    for step in steps:
        begins = [ends[name] for name in step.after if name in ends]
        at = max([instant(step.row.get("planned_at")) or start, *begins])
        minutes = max(step.row.get("planned_minutes") or 0, step.row.get("minutes") or 0)
        ends[step.id] = at + timedelta(minutes=minutes)
    within = [ends[step.id] for step in steps if step.row.get("kind") not in AFTER_WINDOW]
    return max(within, default=None)


def tightest(steps: Sequence[Planned]) -> Planned | None:
    """The step that used the largest share of its deadline."""
    timed = [
        step for step in steps if step.row.get("deadline_minutes") and step.row.get("minutes") is not None
    ]
    return max(timed, key=lambda step: step.row["minutes"] / step.row["deadline_minutes"], default=None)


def waves(plan: Mapping[str, Any], steps: Sequence[Planned]) -> list[dict[str, Any]]:
    """For each wave: from when it was frozen, when it switched, when it was open again, and for how long not."""
    rows: list[dict[str, Any]] = []
    for wave in plan.get("waves", ()):
        mine = {str(step.row.get("kind")): step for step in steps if step.row.get("wave") == wave.get("id")}
        freeze, switch, release = (mine.get(kind) for kind in ("freeze", "switch", "release"))
        frozen = freeze.began if freeze else None
        done = switch.ended if switch and switch.row.get("outcome") == "done" else None
        opened = release.ended if release and release.row.get("outcome") == "done" else None
        given_back = any(
            "given_back" in (step.row.get("evidence") or {})
            for step in steps
            if step.row.get("wave") == wave.get("id")
        )
        rows.append(
            {
                "id": wave.get("id"),
                "entities": list(wave.get("entities", ())),
                "frozen": frozen,
                "switched": done,
                "opened": opened,
                "minutes": None
                if frozen is None or opened is None
                else int((opened - frozen).total_seconds()) // 60,
                "given_back": given_back,
            }
        )
    return rows
