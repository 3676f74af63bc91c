"""The last safe moments: until when a wave may be switched, and until when one may still turn back. Pure.

Before a switch one must ask: if I switch now and the last check says no, is there time to roll back before the
window closes? So: closes minus P95 of (what is left from the switch to the wave's last step, plus the way back).
After it: closes minus P95 of the way back alone. How long the way back takes is measured where a run went it or
rehearsed it, else taken to be as long as that run's drain and release: the same documents, the other way. How many
runs measured it is told, and of fewer runs than `P95_NEEDS` that P95 is no more than the worst one seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cutover.montecarlo.statistics import percentile
from cutover.plan.model import Plan
from cutover.plan.steps import AFTER_WINDOW
from router.clock import from_text, to_text

Row = Mapping[str, Any]
CONFIDENCE = 95
"""Percent of the runs in which there was time enough."""
P95_NEEDS = 20
"""Runs from which on the nearest-rank P95 is another than the worst: 19 of 20."""
_WAY_BACK = ("drain", "release")


def last_safe_moments(rows: Sequence[Row], plan: Plan) -> list[dict[str, Any]]:
    """For each wave with a switch: switch by, turn back by, and what they rest on."""
    told: list[dict[str, Any]] = []
    for wave in plan.waves:
        kinds = {
            step.id: step.kind
            for step in plan.steps
            if step.wave == wave.id and step.kind not in AFTER_WINDOW
        }
        if "switch" not in kinds.values():
            continue
        left, back, planned, measured = _of_wave(rows, wave.id, kinds)
        if not back:
            continue
        ahead = percentile([one + other for one, other in zip(left, back, strict=True)], CONFIDENCE)
        way = percentile(back, CONFIDENCE)
        assert ahead is not None
        assert way is not None
        switched = percentile(planned, 50)
        switch_by = plan.window.closes - timedelta(minutes=ahead)
        told.append(
            {
                "wave": wave.id,
                "confidence_percent": CONFIDENCE,
                "runs": len(back),
                "switch_by": to_text(switch_by),
                "turn_back_by": to_text(plan.window.closes - timedelta(minutes=way)),
                "left_minutes": ahead,
                "way_back_minutes": way,
                "way_back": _taken_from(measured, len(back)),
                "rests_on": f"the worst of {len(back)} runs"
                if len(back) < P95_NEEDS
                else f"P{CONFIDENCE} of {len(back)} runs",
                "switch_p50": to_text(switched) if switched else None,
                "late_percent": round(sum(at > switch_by for at in planned) * 100 / len(planned), 1),
            }
        )
    return told


def _taken_from(measured: int, runs: int) -> str:
    """Where the minutes of the way back come from."""
    if measured == runs:
        return "measured"
    estimated = "as long as drain and release took"
    return f"measured in {measured} of {runs} runs, else {estimated}" if measured else estimated


def _of_wave(
    rows: Sequence[Row], wave: str, kinds: Mapping[str, str]
) -> tuple[list[int], list[int], list[datetime], int]:
    """Of each run that switched the wave: minutes left, minutes back, when it switched; how many were measured."""
    left: list[int] = []
    back: list[int] = []
    at: list[datetime] = []
    measured = 0
    for row in rows:
        mine = {one["id"]: one for one in row["steps"] if one["id"] in kinds}
        switches = [one for name, one in mine.items() if kinds[name] == "switch" and one["outcome"] == "done"]
        if not switches:
            continue
        began = min(from_text(one["start"]) for one in switches)
        ended = max(from_text(one["end"]) for one in mine.values() if one["end"])
        known: int | None = row.get("ways_back", {}).get(wave)
        measured += known is not None
        estimated = sum(one["minutes"] or 0 for name, one in mine.items() if kinds[name] in _WAY_BACK)
        left.append(-(-int((ended - began).total_seconds()) // 60))
        back.append(estimated if known is None else known)
        at.append(began)
    return left, back, at, measured
