"""What would make a plan fit that did not: minutes, steps and instants, from what was rehearsed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cutover.report.schedule import Planned, deciding_chain, schedule
from cutover.report.wording import duration, instant, when

LONGEST = 3
"""Steps of the critical path that are named."""


def mends(
    plan: Mapping[str, Any], window: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What would fix a plan that missed its window or a deadline, one sentence each; empty where nothing did."""
    start = instant(plan["start"])
    if start is None:
        return []
    planned = schedule(steps, start)
    found = [sentence for one in planned if (sentence := _deadline(one)) is not None]
    if window.get("fits") is False:
        found += _window(window, planned)
    return found


def _window(window: Mapping[str, Any], planned: Sequence[Planned]) -> list[str]:
    late = -int(window["spare_minutes"])
    chain = deciding_chain(planned)
    by_id = {one.id: one for one in planned}
    path = [by_id[name] for name in chain]
    ended = instant(window["last_step_ended"])
    closes, opens = instant(window["closes"]), instant(window["opens"])
    assert ended is not None
    assert closes is not None
    assert opens is not None
    found = [f"close the window at {when(ended)} or later instead of {when(closes)}: {duration(late)} more"]
    first = path[0].began
    if first is not None:
        earlier = first - timedelta(minutes=late)
        opening = f", for which the window must open by {when(earlier)}" if earlier < opens else ""
        found.append(f"or start {path[0].id} {duration(late)} earlier, at {when(earlier)}{opening}")
    longest = sorted(path, key=lambda one: -(one.row.get("minutes") or 0))[:LONGEST]
    told = ", ".join(
        f"{one.id} {duration(one.row.get('minutes'))} (planned {duration(one.row.get('planned_minutes'))})"
        for one in longest
    )
    found.append(f"or win {duration(late)} on the critical path, where the longest are {told}")
    return found


def _deadline(one: Planned) -> str | None:
    """What a step that failed at its deadline would have needed at least, by what it did until then."""
    minutes = int(one.row.get("deadline_minutes") or 0)
    if one.row.get("outcome") != "failed" or "deadline" not in str(one.row.get("why")):
        return None
    people = one.row.get("people_minutes") or 0
    needs = f"; its people alone are planned to need {duration(people)}" if people >= minutes else ""
    return f"give {one.id} more than its {duration(minutes)}, or fewer documents to work through (a smaller wave){needs}"
