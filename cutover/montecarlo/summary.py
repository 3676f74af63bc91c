"""What many runs say about a plan: a pure function of their rows and the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from cutover.montecarlo.critical import critical_path
from cutover.montecarlo.deciding import last_safe_moments
from cutover.montecarlo.statistics import percentile, share, spread
from cutover.plan.model import Plan
from router.clock import from_text, to_text

Row = Mapping[str, Any]
BINS = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440)
BINS_MOST = 24
FAILURES_SHOWN = 50
BOTTLENECK_PERCENT = 5.0
"""Less of its busy time at a limit is no bottleneck."""


def finished(rows: Sequence[Row]) -> list[Row]:
    """Those that ended with a verdict, not with a bug."""
    return [row for row in rows if row["verdict"] not in ("broken", "died")]


def fits(row: Row) -> bool:
    """Every step done, and before the window closed."""
    return row["spare_minutes"] is not None and row["spare_minutes"] >= 0


def summarise(rows: Sequence[Row], plan: Plan) -> dict[str, Any]:
    """Everything but the sensitivity, JSON-able, keys in a fixed order."""
    good = finished(rows)
    return {
        "runs": len(rows),
        "seeds": {"first": rows[0]["seed"], "last": rows[-1]["seed"]} if rows else None,
        "verdicts": dict(sorted(Counter(row["verdict"] for row in rows).items())),
        "fits": share(sum(map(fits, good)), len(good)).as_row(),
        "goes": share(sum(row["verdict"] == "go" for row in good), len(good)).as_row(),
        "ends": ends(good, plan),
        "steps": steps(good, plan),
        "critical": criticality(good, plan),
        "limits": limits(good),
        "bottleneck": bottleneck(good, plan),
        "unwound": share(
            sum(any("unwind" in one for one in row["steps"]) for row in good), len(good)
        ).as_row(),
        "failing_steps": failing_steps(good),
        "faults": faults(good),
        "decide": last_safe_moments(good, plan),
        "failures": failures(rows),
        "runs_with_a_violated_invariant": sum(bool(row.get("violated")) for row in rows),
        "spare_minutes": _spare(good),
    }


def _spare(rows: Sequence[Row]) -> dict[str, Any] | None:
    values = [row["spare_minutes"] for row in rows if row["spare_minutes"] is not None]
    return {"least": min(values), "median": percentile(values, 50)} if values else None


def ends(rows: Sequence[Row], plan: Plan) -> dict[str, Any]:
    """When the last step ended, of the runs that got through, as percentiles and as a histogram."""
    times = sorted(from_text(row["ended"]) for row in rows if row["spare_minutes"] is not None)
    told: dict[str, Any] = {
        "closes": to_text(plan.window.closes), "through": len(times), "stopped": len(rows) - len(times),
    }  # fmt: skip
    if not times:
        return told | {"bins": [], "bin_minutes": 0, "p50": None, "p90": None, "first": None, "last": None}
    minutes = max(1, int((times[-1] - times[0]).total_seconds()) // 60)
    width = next((size for size in BINS if minutes / size <= BINS_MOST), BINS[-1])
    step = timedelta(minutes=width)
    begin = plan.start + (times[0] - plan.start) // step * step
    counts = Counter((at - begin) // step for at in times)
    bins = [
        {"from": to_text(begin + at * step), "runs": counts.get(at, 0)}
        for at in range((times[-1] - begin) // step + 1)
    ]
    told |= {"bins": bins, "bin_minutes": width, "first": to_text(times[0]), "last": to_text(times[-1])}
    for percent in (50, 90):
        at = percentile(times, percent)
        told[f"p{percent}"] = to_text(at) if at else None
    return told


def steps(rows: Sequence[Row], plan: Plan) -> list[dict[str, Any]]:
    """Each step in the plan's order: its minutes, when it ended, and what held it."""
    found: list[dict[str, Any]] = []
    for step in plan.order():
        mine = [one for row in rows for one in row["steps"] if one["id"] == step.id]
        done = [one for one in mine if one["outcome"] == "done"]
        starts = [from_text(one["start"]) for one in done]
        stops = [from_text(one["end"]) for one in done]
        deadline = step.deadline_minutes
        found.append(
            {
                "id": step.id, "kind": step.kind, "wave": step.wave, "owner": step.owner,
                "planned_minutes": step.planned_minutes, "deadline_minutes": deadline,
                "done": len(done), "failed": sum(one["outcome"] == "failed" for one in mine), "of": len(mine),
                "minutes": spread([one["minutes"] for one in done]),
                "people_minutes": spread([one["people_minutes"] for one in done]),
                "start_p50": _text(percentile(starts, 50)), "end_p50": _text(percentile(stops, 50)),
                "end_p90": _text(percentile(stops, 90)),
            }
        )  # fmt: skip
    return found


def _text(at: Any) -> str | None:
    return to_text(at) if at is not None else None


def criticality(rows: Sequence[Row], plan: Plan) -> dict[str, Any]:
    """How often each step is on the critical path, the minutes it gives it, and what held it there."""
    on: Counter[str] = Counter()
    minutes: dict[str, list[int]] = {}
    held: dict[str, Counter[str]] = {}
    paths: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        links = critical_path(row["steps"], plan)
        paths[tuple(link.step for link in links)] += 1
        for link in links:
            on[link.step] += 1
            minutes.setdefault(link.step, []).append(link.minutes)
            held.setdefault(link.step, Counter())[link.held_by] += 1
    return {
        "steps": [
            {
                "id": step.id,
                "on_path": share(on[step.id], len(rows)).as_row(),
                "minutes": spread(minutes[step.id]),
                "held_by": dict(sorted(held[step.id].items())),
            }
            for step in plan.order()
            if on[step.id]
        ],
        "paths": [
            {"steps": list(path), "runs": count}
            for path, count in sorted(paths.items(), key=lambda item: (-item[1], item[0]))[:5]
        ],
    }


def limits(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each system's limits: share of its busy time at it, what waited meanwhile, how full its calls were."""
    names = sorted(
        {(system, limit) for row in rows for system, found in row["limits"].items() for limit in found}
    )
    told: list[dict[str, Any]] = []
    for system, limit in names:
        mine = [row["limits"].get(system, {}).get(limit) for row in rows]
        met = [one for one in mine if one]
        told.append(
            {
                "system": system, "limit": limit, "met_in": share(len(met), len(rows)).as_row(),
                "share_percent": _mean([one["share_percent"] if one else 0.0 for one in mine]),
                "seconds": spread([one["seconds"] if one else 0 for one in mine]),
                "waiting": spread([one["waiting"] for one in met]),
            }
        )  # fmt: skip
    for system in sorted({system for row in rows for system in row["bulk"]}):
        mine_bulk = [row["bulk"][system] for row in rows if system in row["bulk"]]
        calls = sum(one["calls"] for one in mine_bulk)
        full = sum(one["full_calls"] for one in mine_bulk)
        told.append(
            {
                "system": system, "limit": "bulk", "calls": calls,
                "documents_a_call": round(sum(one["documents"] for one in mine_bulk) / calls, 1) if calls else 0.0,
                "share_percent": round(full / calls * 100, 1) if calls else 0.0,
            }
        )  # fmt: skip
    return told


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 1) if values else 0.0


def bottleneck(rows: Sequence[Row], plan: Plan) -> dict[str, Any]:
    """The step that gives the critical path most minutes, and the limit that was met longest; as measured."""
    minutes: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for row in rows:
        for link in critical_path(row["steps"], plan):
            minutes[link.step] += link.minutes
            held[link.held_by] += link.minutes
    whole = sum(minutes.values())
    if not whole:
        return {"says": "no run got through a step, so nothing held it up", "step": None, "limit": None}
    step, most = min(minutes.items(), key=lambda item: (-item[1], item[0]))
    what, its = min(held.items(), key=lambda item: (-item[1], item[0]))
    limit = max(
        (one for one in limits(rows) if one["share_percent"] >= BOTTLENECK_PERCENT),
        key=lambda one: (one["share_percent"], one["system"], one["limit"]),
        default=None,
    )
    says = (
        f"{step} gives the critical path most: {most * 100 // whole}% of its minutes;"
        f" {its * 100 // whole}% of all its minutes go to {what}"
    )
    if limit is None:
        says += "; no limit of a system was met for long enough to matter"
    elif limit["limit"] == "bulk":
        says += f"; {limit['share_percent']}% of the calls to {limit['system']} were as full as they may be"
    else:
        says += (
            f"; {limit['system']} stood at its {limit['limit'].replace('_', ' ')} limit"
            f" {limit['share_percent']}% of its busy time"
        )
    return {
        "says": says, "step": step, "step_percent": most * 100 // whole,
        "held_by": {name: count * 100 // whole for name, count in sorted(held.items())}, "limit": limit,
    }  # fmt: skip


def failing_steps(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Steps that failed in some run: how often, and why most often."""
    failed: dict[str, Counter[str]] = {}
    for row in rows:
        for one in row["steps"]:
            if one["outcome"] == "failed":
                failed.setdefault(one["id"], Counter())[one["why"]] += 1
    return [
        {
            "id": step,
            "chance": share(sum(why.values()), len(rows)).as_row(),
            "why": min(why.items(), key=lambda item: (-item[1], item[0]))[0],
        }
        for step, why in sorted(failed.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    ]


def faults(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each fault: in how many runs it fired, and how often those got through in time against the others."""
    names = sorted(
        {(system, name) for row in rows for system, fired in row["faults"].items() for name in fired}
    )
    told = []
    for system, name in names:
        hit = [row for row in rows if row["faults"].get(system, {}).get(name, 0)]
        told.append(
            {
                "system": system, "fault": name, "runs": len(hit),
                "fits_when_it_fired": share(sum(map(fits, hit)), len(hit)).as_row(),
            }
        )  # fmt: skip
    return told


def failures(rows: Sequence[Row]) -> dict[str, Any]:
    """Runs that were no go, the worst first, each with the line that rehearses it again."""
    rank = {"died": 0, "broken": 0, "no-go": 2, "inconclusive": 3}
    bad = sorted(
        (row for row in rows if row["verdict"] != "go"),
        key=lambda row: (1 if row.get("violated") else rank[row["verdict"]], row["seed"]),
    )
    return {
        "total": len(bad),
        "rows": [
            {
                "seed": row["seed"], "verdict": row["verdict"], "because": list(row["because"]),
                "violated": list(row.get("violated", ())), "reproduce": row.get("reproduce"),
            }
            for row in bad[:FAILURES_SHOWN]
        ],
    }  # fmt: skip
