"""Puts together what the report shows of the plan, the load, the differences and the money. Pure.

Each function takes the whole report and gives what one section needs, so that a template only lays
out. A report may lack any part (a run that stopped early, a smaller plan); then the part is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from cutover.report import charts, gantt, schedule
from cutover.report.headline import part
from cutover.report.wording import (
    FACTS,
    amount,
    instant,
    number,
    total,
    words,
)


def timeline(report: Mapping[str, Any]) -> dict[str, Any]:
    """The steps, planned against rehearsed, with what set the end and where the deadline was nearest."""
    plan, rows = part(report, "plan"), report.get("steps") or []
    start, end = instant(plan.get("start")), instant(plan.get("end"))
    if start is None or end is None or not rows:
        return {
            "steps": [],
            "chart": "",
            "chain": [],
            "tightest": None,
            "paced": None,
            "waves": [],
            "actual": False,
        }
    steps = schedule.schedule(rows, start)
    moments = gantt.moments_of(report, instant)
    near = schedule.tightest(steps)
    return {
        "steps": [
            {
                **step.row,
                "planned_start": step.start,
                "late": bool(step.ended and step.ended > step.end),
                "facts": _facts(step.row.get("evidence") or {}),
            }
            for step in steps
        ],
        "chart": gantt.gantt(steps, moments, start=start, end=end),
        "actual": any("actual_started" in row for row in rows),
        "chain": schedule.deciding_chain(steps),
        "tightest": near.row if near else None,
        "paced": _paced(report, steps, start),
        "waves": schedule.waves(plan, steps),
        "target": plan.get("to", "the cloud ERP"),
    }


def _paced(
    report: Mapping[str, Any], steps: list[schedule.Planned], start: datetime
) -> dict[str, Any] | None:
    end, closes = schedule.end_at_planned_pace(steps, start), instant(part(report, "window").get("closes"))
    if end is None or closes is None:
        return None
    return {"end": end, "spare": (closes - end) // timedelta(minutes=1)}


def _facts(evidence: Mapping[str, Any]) -> str:
    told = [f"{name} {number(evidence[key])}" for key, name in FACTS.items() if evidence.get(key) is not None]
    if "unwound" in evidence:
        told.append("the wave was given back to the legacy ERP")
    return ", ".join(told)


def gates(report: Mapping[str, Any]) -> dict[str, Any]:
    """Every gate, and how many stand how."""
    rows = list(report.get("gates") or ())
    order = ("fail", "inconclusive", "pass")
    return {
        "rows": rows,
        "counts": [(name, sum(row.get("verdict") == name for row in rows)) for name in order],
    }


def load(report: Mapping[str, Any]) -> dict[str, Any]:
    """Backlog and throughput of each system, as chart and as table."""
    over, options = part(report, "timeline"), part(report, "options")
    start = instant(over.get("start"))
    loads = charts.loads_of(over, options.get("faults") or {}, instant)
    if start is None or not loads:
        return {"chart": "", "rows": [], "bucket": None}
    minutes = int(over.get("bucket_minutes") or 60)
    moments = gantt.moments_of(report, instant)
    chart = charts.load_chart(
        loads,
        start=start,
        bucket_minutes=minutes,
        window=(moments.opens, moments.closes),
        crashes=moments.crashes,
    )
    parts = [charts.day_parts(one, start=start, bucket_minutes=minutes) for one in loads]
    rows = [{"at": row[0]["at"], "parts": row} for row in zip(*parts, strict=True)]
    return {"chart": chart, "systems": [one.system for one in loads], "rows": rows, "bucket": minutes}


def money(report: Mapping[str, Any]) -> dict[str, Any]:
    """Accepted money and where it is, per entity, currency and kind: posted, or in which other state."""
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in report.get("money") or ():
        key = (str(row.get("legal_entity")), str(row.get("currency")), str(row.get("kind")))
        groups.setdefault(key, []).append(row)
    entities: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for (entity, currency, kind), rows in groups.items():
        posted = [row for row in rows if row.get("state") == "posted"]
        others = [row for row in rows if row.get("state") != "posted"]
        entities.setdefault((entity, currency), []).append(
            {
                "kind": words(kind),
                "accepted": (_count(rows), amount(total(row.get("amount") for row in rows))),
                "posted": (_count(posted), amount(total(row.get("amount") for row in posted))),
                "others": [
                    (row.get("state"), number(row.get("count")), amount(row.get("amount"))) for row in others
                ],
            }
        )
    counts = part(report, "transactions")
    return {
        "entities": [{"entity": key[0], "currency": key[1], "rows": rows} for key, rows in entities.items()],
        "by_state": counts.get("by_state") or {},
        "by_kind": counts.get("by_kind") or {},
        "by_authority": counts.get("posted_by_authority") or {},
        "total": counts.get("total"),
    }


def _count(rows: list[Mapping[str, Any]]) -> str:
    return number(sum(int(row.get("count") or 0) for row in rows))
