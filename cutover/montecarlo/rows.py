"""One rehearsal as one row: what many of them are judged by. The same options give the same row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from cutover.montecarlo.limits import Levels, at_limits, seconds_within
from cutover.reading import reading
from cutover.rehearsal.options import Options
from cutover.rehearsal.rehearse import Rehearsal
from router.clock import from_text

PER_CALL = (
    "SELECT calls.target, calls.n, count(*) FROM (SELECT j.target AS target, a.exchange_id AS x, count(*) AS n"
    " FROM attempts a JOIN jobs j ON j.job_id = a.job_id WHERE a.exchange_id IS NOT NULL"
    " GROUP BY j.target, a.exchange_id) calls GROUP BY calls.target, calls.n ORDER BY calls.target, calls.n"
)
"""How many calls carried how many documents, by target."""
WHY_MOST = 400
"""Characters of a reason: a row is one line that is read."""


def row_of(done: Rehearsal, options: Options) -> dict[str, Any]:
    """The row of a finished rehearsal, JSON-able; minutes and seconds are virtual."""
    report = done.report
    window = report["window"]
    start, end = options.plan.start, options.plan.end
    levels = Levels(
        (job.target, from_text(job.waiting_since), from_text(job.settled_at) if job.settled_at else end)
        for job in done.facts.jobs
    )
    stood = done.world.at_limit
    return {
        "seed": options.seed,
        "verdict": report["verdict"],
        "because": [reason[:WHY_MOST] for reason in report["because"]],
        "spare_minutes": window["spare_minutes"],
        "ended": window["last_step_ended"],
        "steps": [_step(row, options, stood) for row in report["steps"]],
        "ways_back": _ways_back(report.get("rollback", {}).get("done", ())),
        "backlog": {name: max(rows["backlog"]) for name, rows in report["timeline"]["series"].items()},
        "limits": at_limits(stood, levels, start=start, end=end),
        "bulk": _bulk(done.journal, options),
        "throttled": report["resilience"]["attempts"].get("throttled", 0),
        "faults": report["resilience"]["faults_fired"],
        "crashes": report["resilience"]["router_lives"] - 1,
        "settled": report["resilience"]["settled"]["settled"],
        "violated": [row["name"] for row in report["invariants"] if not row["held"]],
        "transactions": report["transactions"]["total"],
        "reproduce": report["reproduce"],
    }


def _step(
    row: Mapping[str, Any], options: Options, stood: Mapping[tuple[str, str], Sequence[Sequence[datetime]]]
) -> dict[str, Any]:
    started, ended = row["started"], row["ended"]
    told: dict[str, Any] = {
        "id": row["id"],
        "outcome": row["outcome"],
        "start": started,
        "end": ended,
        "minutes": row["minutes"],
        "people_minutes": int(options.people(options.plan.step(row["id"])).total_seconds()) // 60,
    }
    if started and ended:
        span = (from_text(started), from_text(ended))
        held = {
            f"{system} {limit}": int(seconds)
            for (system, limit), stretches in sorted(stood.items())
            if (seconds := seconds_within(stretches, *span)) >= 1
        }
        told |= {"at_limit_s": held} if held else {}
    evidence = row["evidence"]
    if row["outcome"] == "failed":
        told["why"] = row["why"][:WHY_MOST]
    if "rolled_back" in evidence:
        told["unwind"] = "rolled_back"
    elif "unwound" in evidence:
        told["unwind"] = "given_back"
    return told


def _ways_back(done: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Wave → minutes its longest way back took, of those that came to an end."""
    minutes: dict[str, int] = {}
    for way in done:
        if way.get("begun") and way.get("ended"):
            took = -(-int((from_text(way["ended"]) - from_text(way["begun"])).total_seconds()) // 60)
            minutes[way["wave"]] = max(took, minutes.get(way["wave"], 0))
    return minutes


def _bulk(journal: Path, options: Options) -> dict[str, Any]:
    """Calls, documents, and how many calls were as full as they may be."""
    calls: dict[str, list[int]] = {}
    with reading(f"sqlite:///{journal}") as connection:
        for target, documents, count in connection.execute(text(PER_CALL)):
            most = options.landscape.systems[target].budget.bulk
            row = calls.setdefault(target, [0, 0, 0])
            row[0] += count
            row[1] += count * documents
            row[2] += count if most is not None and documents >= most else 0
    return {
        target: {"calls": row[0], "documents": row[1], "full_calls": row[2]}
        for target, row in sorted(calls.items())
    }


def broken_row(seed: int, error: str, reproduce: str) -> dict[str, Any]:
    """The row of a rehearsal that raised: a bug, never a verdict."""
    return {"seed": seed, "verdict": "broken", "because": [error[: 3 * WHY_MOST]], "reproduce": reproduce}
