"""Lays a live run beside its rehearsal: planned, rehearsed and actual times of every step. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHOWN = ("started", "ended", "minutes", "outcome", "why")


def with_actual(report: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """The report with `actual_started`, `actual_ended`, `actual_minutes`, `actual_outcome`, `actual_why` of each step.

    `run` is the JSON of a live run; steps it does not know stay without. Whether both are of the same plan is
    said in `actual`.
    """
    went = {row["id"]: row for row in run.get("steps", ())}
    steps = [
        {**row, **{f"actual_{name}": went[row["id"]].get(name) for name in SHOWN}}
        if row["id"] in went
        else dict(row)
        for row in report["steps"]
    ]
    same = (run.get("plan") or {}).get("digest") == report["plan"]["digest"]
    return {**report, "steps": steps, "actual": {"run": run.get("run_id", ""), "same_plan": same}}
