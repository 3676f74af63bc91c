"""Builds `report.json` from what was rehearsed; nothing here depends on the machine or the process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cutover.checks import Facts, Finding, gates_kept
from cutover.checks.facts import transaction_of
from cutover.checks.nothing_lost import state_of
from cutover.freeze.observed import freezes
from cutover.plan.steps import AFTER_WINDOW
from cutover.rehearsal.options import Options
from cutover.rehearsal.population import Tally
from cutover.rehearsal.turned_back import TurnedBack
from cutover.report.mends import mends
from cutover.report.rollback_rows import rollback_rows
from cutover.runner.results import StepResult
from cutover.runner.runner import Runner
from cutover.straddling.cases import reasons
from router.canonical.money import Money
from router.clock import from_text, to_text

BUCKET_MINUTES = 60
EXCEPTIONS_SHOWN = 200
"""Exceptions listed one by one; all are counted, and truncation is said."""


def build_report(
    *,
    options: Options,
    runner: Runner,
    findings: Sequence[Finding],
    facts: Facts,
    tally: Tally,
    row_errors: Sequence[Mapping[str, Any]],
    assumptions: Sequence[str],
    lives: int,
    settled: Mapping[str, Any],
    fired: Mapping[str, Mapping[str, int]],
    finance: Mapping[str, Any],
    cross_checks: Sequence[Mapping[str, Any]] = (),
    straddlers: Mapping[str, Any] | None = None,
    home: TurnedBack | None = None,
) -> dict[str, Any]:
    """The whole report, JSON-able, keys in a fixed order. `home`: it was turned back on purpose."""
    steps = [runner.results[step.id] for step in options.plan.order()]
    states = state_of(facts)
    exceptions = _exceptions(facts, states)
    window = _window(options, steps)
    audit = _gate_audit(facts, options)
    verdict, because = judge(
        steps,
        findings,
        settled,
        window,
        exceptions,
        finance["ties"],
        cross_checks,
        [*audit["violations"], *(reasons(straddlers) if straddlers is not None else ())],
        home,
    )
    plan = options.plan
    return {
        "verdict": verdict,
        "because": because,
        "mends": mends({"start": to_text(plan.start)}, window, [result.as_row() for result in steps]),
        "seed": options.seed,
        "plan": {
            "name": plan.name,
            "version": plan.version,
            "title": plan.title,
            "digest": plan.digest(),
            "start": to_text(plan.start),
            "end": to_text(plan.end),
            "from": plan.source,
            "to": plan.target,
            "waves": [{"id": wave.id, "entities": list(wave.entities)} for wave in plan.waves],
        },
        "window": window,
        "options": options.as_row(),
        "steps": [result.as_row() for result in steps],
        "gates": [{"step": result.step.id, **gate.as_row()} for result in steps for gate in result.gates],
        "gate_audit": audit,
        "invariants": [finding.as_row() for finding in findings],
        "transactions": _transactions(facts, states),
        "differences": [result.evidence["comparison"] for result in steps if "comparison" in result.evidence],
        "money": _money(facts, states),
        "finance": dict(finance),
        "cross_checks": [dict(one) for one in cross_checks],
        "freezes": freezes(facts, plan),
        **({"straddlers": dict(straddlers)} if straddlers is not None else {}),
        "exceptions": {
            "total": len(exceptions),
            "truncated": len(exceptions) > EXCEPTIONS_SHOWN,
            "rows": exceptions[:EXCEPTIONS_SHOWN],
        },
        "rollback": rollback_rows(options, runner.ways_back, facts, home),
        "timeline": timeline(facts, plan.start, plan.end),
        "resilience": {
            "router_lives": lives,
            "faults_fired": {name: dict(rows) for name, rows in fired.items()},
            "attempts": _attempts(facts),
            "people_retried": tally.retries,
            "settled": dict(settled),
        },
        "input": {
            "row_errors": list(row_errors),
            "assumptions": list(assumptions),
            "refused_by_gateway": tally.refused[:EXCEPTIONS_SHOWN],
            "never_billed": sorted(tally.unpaid),
        },
        "reproduce": options.command,
        **({"noise": options.noise.to_json()} if options.noise is not None else {}),
    }


def judge(
    steps: Sequence[StepResult],
    findings: Sequence[Finding],
    settled: Mapping[str, Any],
    window: Mapping[str, Any],
    exceptions: Sequence[Mapping[str, Any]],
    ties: Sequence[Mapping[str, Any]],
    cross_checks: Sequence[Mapping[str, Any]] = (),
    more: Sequence[str] = (),
    home: TurnedBack | None = None,
) -> tuple[str, list[str]]:
    """The verdict and its reasons: what failed is no-go, what could not be told is inconclusive.

    A plan that was turned back on purpose is `rolled-back` when nothing speaks against it: `home` says how it went.

    A cross-check fails the cutover where nothing explains a mismatch; what was refused or parked is an exception.
    `more` are reasons against it that were found elsewhere.
    """
    no = [
        f"{finding.name} is violated {finding.violations} times" for finding in findings if not finding.held
    ]
    no += [f"step {result.step.id} failed: {result.why}" for result in steps if result.outcome == "failed"]
    if not settled["settled"]:
        no.append(f"not everything came to rest without faults: {settled['left']}")
    apart = sum(not row["ties"] for row in ties)
    if apart:
        no.append(f"{apart} of {len(ties)} comparisons of PSA, journal and ERPs do not tie")
    no += [
        f"nothing explains {one['unexplained']} of {one['groups']} figures in the cross-check of {one['name']}"
        for one in cross_checks
        if one["unexplained"]
    ]
    no += [
        f"the totals of the cross-check of {one['name']} do not tie"
        for one in cross_checks
        if not all(row["ties"] for row in one["totals"])
    ]
    no += more
    no += home.reasons() if home is not None else ()
    if window["fits"] is False:
        no.append(f"the cutover ended {-window['spare_minutes']} minutes after the window closed")
    if no:
        return "no-go", no
    if home is not None:
        return "rolled-back", home.kept()
    unsure = [
        f"step {result.step.id} was not run: {result.why}" for result in steps if result.outcome == "not run"
    ]
    unsure += [
        f"gate {gate.name} of {result.step.id} is inconclusive"
        for result in steps
        for gate in result.gates
        if gate.verdict == "inconclusive"
    ]
    unsure += [
        f"the cross-check of {one['name']} could not be made: {one['problem']}"
        for one in cross_checks
        if one["verdict"] == "inconclusive"
    ]
    if unsure:
        return "inconclusive", unsure
    kept = [
        "every step was done within its deadline, every gate passed and every invariant held",
        f"the cutover ended {window['spare_minutes']} minutes before the window closed",
    ]
    if exceptions:
        kept.append(f"{len(exceptions)} transactions wait for a person")
    return "go", kept


def _gate_audit(facts: Facts, options: Options) -> dict[str, Any]:
    """The gates, looked at a second time."""
    checked, violations = gates_kept.check(facts, options.plan)
    return {
        "claim": gates_kept.CLAIM,
        "not_checked": gates_kept.NOT_CHECKED,
        "checked": checked,
        "violations": violations,
    }


def _window(options: Options, steps: Sequence[StepResult]) -> dict[str, Any]:
    window = options.plan.window
    steps = [result for result in steps if result.step.kind not in AFTER_WINDOW]
    last = max((result.ended for result in steps if result.ended is not None), default=None)
    # A plan that did not get through fits no window, however early it stopped.
    through = last is not None and all(result.outcome == "done" for result in steps)
    spare = int((window.closes - last).total_seconds()) // 60 if last is not None and through else None
    return {
        "opens": to_text(window.opens),
        "closes": to_text(window.closes),
        "last_step_ended": None if last is None else to_text(last),
        "spare_minutes": spare,
        "fits": None if spare is None else spare >= 0,
    }


def _transactions(facts: Facts, states: Mapping[int, str]) -> dict[str, Any]:
    by_state: dict[str, int] = {}
    by_kind: dict[str, dict[str, int]] = {}
    by_authority: dict[str, int] = {}
    for row in facts.transactions:
        state = states[row.seq]
        by_state[state] = by_state.get(state, 0) + 1
        kind = by_kind.setdefault(row.kind, {})
        kind[state] = kind.get(state, 0) + 1
    for job in facts.jobs:
        if job.role == "authority" and job.state == "posted":
            by_authority[job.target] = by_authority.get(job.target, 0) + 1
    return {
        "total": len(facts.transactions),
        "by_state": dict(sorted(by_state.items())),
        "by_kind": {kind: dict(sorted(counts.items())) for kind, counts in sorted(by_kind.items())},
        "posted_by_authority": dict(sorted(by_authority.items())),
        "deliveries": len(facts.jobs),
    }


def _money(facts: Facts, states: Mapping[int, str]) -> list[dict[str, Any]]:
    sums: dict[tuple[str, str, str, str], list[int]] = {}
    for row in facts.transactions:
        if row.currency and row.amount_minor:
            key = (row.legal_entity, row.currency, row.kind, states[row.seq])
            total = sums.setdefault(key, [0, 0])
            total[0] += 1
            total[1] += row.amount_minor
    return [
        {
            "legal_entity": entity,
            "currency": currency,
            "kind": kind,
            "state": state,
            "count": count,
            "amount": str(Money(minor, currency)),
        }
        for (entity, currency, kind, state), (count, minor) in sorted(sums.items())
    ]


def _exceptions(facts: Facts, states: Mapping[int, str]) -> list[dict[str, Any]]:
    why = {
        transaction_of(job.job_id): (job.target, job.code, job.why)
        for job in facts.jobs
        if job.state in ("refused", "dead")
    }
    decided = {row.seq: row.why for row in facts.decisions}
    rows: list[dict[str, Any]] = []
    for row in facts.transactions:
        state = states[row.seq]
        target, code, reason = why.get(row.seq, ("", "", ""))
        if not reason and state in ("parked", "held"):
            reason = row.problem or decided.get(row.seq, "")
        if state in ("parked", "refused", "dead", "held") or target:
            rows.append(
                {
                    "transaction_id": f"T{row.seq:012d}",
                    "kind": row.kind,
                    "document_id": row.document_id,
                    "legal_entity": row.legal_entity,
                    "state": state,
                    "target": target,
                    "code": code,
                    "why": reason,
                    "amount": str(Money(row.amount_minor, row.currency)) if row.currency else None,
                    "currency": row.currency or None,
                }
            )
    return rows


def _attempts(facts: Facts) -> dict[str, int]:
    counts: dict[str, int] = {}
    for attempt in facts.attempts:
        name = attempt.event or "unanswered"
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def timeline(facts: Facts, start: datetime, end: datetime) -> dict[str, Any]:
    """Per system and hour: deliveries that arrived, were settled, the most that waited, what was left."""
    hours = max(1, -(-int((end - start).total_seconds()) // (BUCKET_MINUTES * 60)))
    series: dict[str, dict[str, list[int]]] = {}
    moves: dict[str, list[tuple[str, int]]] = {}
    for job in facts.jobs:
        rows = series.setdefault(job.target, {"arrived": [0] * hours, "settled": [0] * hours})
        moved = moves.setdefault(job.target, [])
        rows["arrived"][_bucket(job.waiting_since, start, hours)] += 1
        moved.append((job.waiting_since, 1))
        if job.settled_at is not None:
            rows["settled"][_bucket(job.settled_at, start, hours)] += 1
            moved.append((job.settled_at, -1))
    for target, rows in series.items():
        rows["backlog"], rows["left"] = _levels(sorted(moves[target]), start, hours)
    return {
        "bucket_minutes": BUCKET_MINUTES,
        "start": to_text(start),
        "buckets": [to_text(start + timedelta(minutes=BUCKET_MINUTES * at)) for at in range(hours)],
        "series": dict(sorted(series.items())),
    }


def _levels(moves: Sequence[tuple[str, int]], start: datetime, hours: int) -> tuple[list[int], list[int]]:
    """The most that waited at one moment of each hour, and what waited at its end."""
    most, left = [0] * hours, [0] * hours
    level, current = 0, 0
    for at, change in moves:
        hour = _bucket(at, start, hours)
        for between in range(current, hour):
            left[between] = level
            most[between + 1] = level
        current = hour
        level += change
        most[hour] = max(most[hour], level)
    for after in range(current, hours):
        left[after] = level
        most[after] = max(most[after], level) if after > current else most[after]
    return most, left


def _bucket(at: str, start: datetime, hours: int) -> int:
    passed = int((from_text(at) - start).total_seconds()) // (BUCKET_MINUTES * 60)
    return min(max(passed, 0), hours - 1)
