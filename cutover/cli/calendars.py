"""What the calendars forbid of a plan, as lines said before it is rehearsed or run."""

from __future__ import annotations

from cutover.plan.calendar_checks import check_calendar
from cutover.plan.model import Plan
from router.landscape import Landscape


def forbidden(plan: Plan, landscape: Landscape) -> list[str]:
    """A line for each thing a calendar forbids; empty when there is none. Warnings are for `coexist cutover check`."""
    return [
        f"  calendar: {f'step {one.step} ' if one.step else ''}{one.what}; {one.mend}"
        for one in check_calendar(plan, landscape)
        if one.level == "error"
    ]
