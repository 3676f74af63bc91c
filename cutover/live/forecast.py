"""When a run will end, from how it stands now. Pure: the plan, the results and an instant in, instants out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cutover.plan.model import Plan
from cutover.plan.steps import Step
from cutover.runner.results import StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The expected end of the run, and what that leaves of the window."""

    ends: datetime
    spare_minutes: int
    """Until the window closes; negative: it is missed."""


def forecast(plan: Plan, results: Mapping[str, StepResult], now: datetime) -> Forecast:
    """What runs takes at least as long as planned, what comes later as long as planned."""
    ends: dict[str, datetime] = {}
    for step in plan.order():
        ends[step.id] = _end(step, results[step.id], now, [ends[name] for name in step.after])
    end = max(ends.values())
    return Forecast(ends=end, spare_minutes=int((plan.window.closes - end).total_seconds()) // 60)


def _end(step: Step, result: StepResult, now: datetime, before: list[datetime]) -> datetime:
    planned = timedelta(minutes=step.likely_minutes)
    if result.ended is not None:
        return result.ended
    if result.started is not None:
        return max(now, result.started + planned)
    return max([now, *before, *([step.at] if step.at is not None else [])]) + planned
