"""Checks a plan against calendars: window, blackouts, payroll and billing runs, fiscal periods, intercompany. Pure.

By planned times; what really happens on the day is for gates and deadlines. An error would hurt somebody; a
warning is something a person should have thought of.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cutover.plan.model import Busy, Plan
from cutover.plan.steps import AFTER_WINDOW, Step
from cutover.plan.timing import Freeze, planned_freezes, planned_times
from router.configfile import ConfigFile, Place
from router.finance.calendar import Calendars
from router.landscape import Landscape

LATE_WORDS = {"refuse": "refuse", "next_period": "next_period", "reopen": "wait"}
"""What a fiscal calendar does with late entries, in the words of a plan's straddling policy."""
CHANGES = ("switch", "retire")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarFinding:
    """Something about the plan's times that somebody should change, or know."""

    level: Literal["error", "warning"]
    step: str
    what: str
    mend: str
    place: Place

    def as_row(self, file: ConfigFile | None = None) -> dict[str, Any]:
        """The finding as JSON; with the file it was read from, its line and column."""
        row: dict[str, Any] = {"level": self.level, "step": self.step, "what": self.what, "mend": self.mend}
        if file is not None:
            facts = file.error("", self.place).facts
            row |= {"file": file.name, "line": int(facts["line"]), "column": int(facts["column"])}
        return row


def check_calendar(plan: Plan, landscape: Landscape) -> list[CalendarFinding]:
    """Everything the calendars say about the plan; errors first, then in the order of the plan."""
    found = [
        *_window(plan),
        *_busy(plan),
        *_fiscal(plan, landscape),
        *_freezes(plan, landscape),
        *_partners(plan, landscape),
        *_policies(plan, landscape),
    ]
    return sorted(found, key=lambda one: one.level != "error")


def _at(plan: Plan, step: Step, field: str) -> Place:
    return ("steps", next(at for at, one in enumerate(plan.steps) if one.id == step.id), field)


def _window(plan: Plan) -> Iterable[CalendarFinding]:
    times = planned_times(plan)
    for step in plan.order():
        span = times[step.id]
        if step.kind == "switch" and span.begins < plan.window.opens:
            yield CalendarFinding(
                level="error", step=step.id, place=_at(plan, step, "at"),
                what=f"is planned to switch at {_said(span.begins)}, before the window opens at {_said(plan.window.opens)}",
                mend="give it a later `at`, or open the window earlier",
            )  # fmt: skip
        if step.kind in AFTER_WINDOW:
            continue
        if span.ends > plan.window.closes:
            late = int((span.ends - plan.window.closes).total_seconds()) // 60
            yield CalendarFinding(
                level="error", step=step.id, place=_at(plan, step, "planned_minutes"),
                what=f"is planned to end at {_said(span.ends)}, {late} minutes after the window closes",
                mend="start earlier, plan less time, or split the wave",
            )  # fmt: skip
        elif step.deadline_minutes is not None and span.begins >= plan.window.opens:
            last = span.begins + timedelta(minutes=step.deadline_minutes)
            if last > plan.window.closes:
                yield CalendarFinding(
                    level="warning", step=step.id, place=_at(plan, step, "deadline_minutes"),
                    what=f"may run until its deadline at {_said(last)}, after the window closes: it would not fail in time",
                    mend="shorten deadline_minutes",
                )  # fmt: skip


def _busy(plan: Plan) -> Iterable[CalendarFinding]:
    times, freezes = planned_times(plan), planned_freezes(plan)
    for busy in plan.calendar.busy:
        for step in plan.order():
            entities = _shared(busy, plan.wave(step.wave).entities)
            if step.kind in CHANGES and entities and times[step.id].meets(busy.opens, busy.closes):
                yield CalendarFinding(
                    level="error", step=step.id, place=_at(plan, step, "at"),
                    what=f"changes {', '.join(entities)} during {_named(busy)}",
                    mend=f"move it before {_said(busy.opens)} or after {_said(busy.closes)}",
                )  # fmt: skip
        for freeze in freezes:
            entities = _shared(busy, plan.wave(freeze.step.wave).entities)
            if entities and freeze.span.meets(busy.opens, busy.closes):
                forbidden = busy.forbids == "freeze"
                yield CalendarFinding(
                    level="error" if forbidden else "warning", step=freeze.step.id, place=_at(plan, freeze.step, "at"),
                    what=f"holds {', '.join(entities)} during {_named(busy)}",
                    mend=f"thaw before {_said(busy.opens)}, or freeze after {_said(busy.closes)}"
                    if forbidden
                    else "make sure that run needs nothing that is held",
                )  # fmt: skip


def _fiscal(plan: Plan, landscape: Landscape) -> Iterable[CalendarFinding]:
    times = planned_times(plan)
    calendars = Calendars(landscape.legal_entities, landscape.calendars)
    for step in plan.order():
        if step.kind != "switch":
            continue
        for entity in plan.wave(step.wave).entities:
            on = _local(times[step.id].begins, entity, landscape)
            period = calendars.on(entity, on)
            if landscape.is_closed(entity, on):
                yield CalendarFinding(
                    level="error", step=step.id, place=_at(plan, step, "at"),
                    what=f"switches {entity} on {on}, in a period that is closed already",
                    mend="re-open the period, or switch after it",
                )  # fmt: skip
            if not plan.calendar.allow_closing_day and on in (period.first, period.last):
                which = "first" if on == period.first else "last"
                yield CalendarFinding(
                    level="error", step=step.id, place=_at(plan, step, "at"),
                    what=f"switches {entity} on {on}, the {which} day of its period {period.name}",
                    mend="move it, or set calendar.allow_closing_day: true",
                )  # fmt: skip


def _freezes(plan: Plan, landscape: Landscape) -> Iterable[CalendarFinding]:
    most = plan.calendar.freeze_most_minutes
    for freeze in planned_freezes(plan):
        if most is not None and freeze.span.minutes > most:
            yield CalendarFinding(
                level="error", step=freeze.step.id, place=_at(plan, freeze.step, "id"),
                what=f"freezes wave {freeze.step.wave} for {freeze.span.minutes} minutes until {freeze.until.id};"
                f" the business allows {most}",
                mend="shorten the steps between, or make the wave smaller",
            )  # fmt: skip
        yield from _cut_offs(plan, freeze, landscape)


def _cut_offs(plan: Plan, freeze: Freeze, landscape: Landscape) -> Iterable[CalendarFinding]:
    for entity in plan.wave(freeze.step.wave).entities:
        calendar = landscape.calendars[landscape.legal_entities[entity].calendar]
        first, last = (_local(moment, entity, landscape) for moment in (freeze.span.begins, freeze.span.ends))
        days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
        hit = next((day for day in days if day.day == calendar.payroll_cut_off_day), None)
        if hit is not None:
            yield CalendarFinding(
                level="warning", step=freeze.step.id, place=_at(plan, freeze.step, "at"),
                what=f"holds {entity}'s time on {hit}, its payroll cut-off day",
                mend="tell payroll, or freeze on another day",
            )  # fmt: skip


def _partners(plan: Plan, landscape: Landscape) -> Iterable[CalendarFinding]:
    """Entities that charge each other and move in different waves: their legs lie in two ERPs between."""
    home = {entity: wave.id for wave in plan.waves for entity in wave.entities}
    for at, wave in enumerate(plan.waves):
        apart = []
        for pair in landscape.intercompany.by_pair:
            provider, _, receiver = pair.partition(">")
            # Told once: by the provider's wave, or by the receiver's where the provider does not move at all.
            mine = home.get(provider, home.get(receiver)) == wave.id
            if mine and home.get(provider) != home.get(receiver):
                other = receiver if home.get(provider) == wave.id else provider
                apart.append(f"{provider} > {receiver} ({other}: {_whereabouts(home.get(other))})")
        if apart:
            yield CalendarFinding(
                level="warning", step="", place=("waves", at),
                what=f"wave {wave.id} parts intercompany partners: {', '.join(apart)}; their legs lie in two ERPs meanwhile",
                mend="move them together, or plan an intercompany match after each wave",
            )  # fmt: skip


def _whereabouts(wave: str | None) -> str:
    return "does not move" if wave is None else f"wave {wave}"


def _policies(plan: Plan, landscape: Landscape) -> Iterable[CalendarFinding]:
    stated = plan.straddling.closed_period
    for entity in dict.fromkeys(code for wave in plan.waves for code in wave.entities):
        name = landscape.legal_entities[entity].calendar
        does = LATE_WORDS[landscape.calendars[name].late]
        if does != stated:
            yield CalendarFinding(
                level="error", step="", place=("straddling", "closed_period"),
                what=f"says {stated} for what comes too late, but calendar {name} of {entity} does {does}",
                mend=f"state {does}, or change `late` of the calendar",
            )  # fmt: skip


def _shared(busy: Busy, entities: Iterable[str]) -> list[str]:
    return [code for code in entities if not busy.entities or code in busy.entities]


def _named(busy: Busy) -> str:
    return f"{busy.name} ({busy.kind}, {_said(busy.opens)} to {_said(busy.closes)})"


def _said(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%MZ")


def _local(at: datetime, entity: str, landscape: Landscape) -> date:
    return at.astimezone(ZoneInfo(landscape.legal_entities[entity].time_zone)).date()
