"""From facts to gates, pure. What was not there to be measured, or is too old, is inconclusive: it never passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cutover.gates.port import Checked, Compared, Open
from cutover.plan.model import Plan
from cutover.plan.steps import Thresholds
from cutover.runner.gates import Gate, counted, variance, worst
from router.clock import from_text
from router.journal.gate_facts import Tally, Wait

WAITING = ("queued", "in_flight")
FAILED = ("refused", "dead")
MASTERS = ("resource", "rate_card", "customer", "contact", "contract", "project", "task", "assignment")
SKEW_S = 300
"""How far the clocks of two processes may be apart before what one measured says nothing to the other."""
SHOWN = 5
"""Examples a gate names; all count."""
Window = tuple[datetime, datetime]


def unmeasured(name: str, threshold: str, why: str) -> Gate:
    """A gate that had nothing to measure."""
    return Gate(name=name, verdict="inconclusive", measured="nothing", threshold=threshold, why=why)


def aged(gate: Gate, age: timedelta, most_minutes: int) -> Gate:
    """The gate with the age of its measure; one that is too old says nothing any more."""
    seconds = int(age.total_seconds())
    if seconds < -SKEW_S:
        why = f"measured {-seconds // 60} minutes from now: by another clock, or in a rehearsal"
        return replace(gate, verdict="inconclusive", why=why)
    seconds = max(0, seconds)
    if seconds <= most_minutes * 60:
        return replace(gate, age_s=seconds)
    why = (
        f"measured {seconds // 60} minutes ago, at most {most_minutes} are fresh; then it was: {gate.verdict}"
    )
    return replace(gate, age_s=seconds, verdict="inconclusive", why=why)


def drained(tallies: Sequence[Tally]) -> Gate:
    """Nothing of the scope is on its way to either ERP."""
    name = "queue-drained"
    if not tallies:
        return unmeasured(name, "at most 0", "nothing of the scope was ever on its way")
    waiting = [one for one in tallies if one.state in WAITING]
    return _with_kinds(counted(name, _sum(waiting)), waiting)


def in_doubt(tallies: Sequence[Tally]) -> Gate:
    """Of nothing of the scope is it unknown whether an ERP has it."""
    name = "nothing-in-doubt"
    if not tallies:
        return unmeasured(name, "at most 0", "nothing of the scope was ever on its way")
    doubtful = [one for one in tallies if one.state == "in_doubt"]
    return _with_kinds(counted(name, _sum(doubtful)), doubtful)


def masters(tallies: Sequence[Tally]) -> Gate:
    """The new ERP took every master it was given; what is still on its way is not taken yet."""
    name, threshold = "masters", "at most 0 not taken"
    given = [one for one in tallies if one.kind in MASTERS]
    if not given:
        return unmeasured(name, threshold, "the new ERP was given no masters of the scope")
    failed = [one for one in given if one.state in FAILED]
    moving = [one for one in given if one.state in (*WAITING, "in_doubt")]
    gate = Gate(
        name=name,
        verdict="fail" if failed else "inconclusive" if moving else "pass",
        measured=f"{_sum(failed)} of {_sum(given)} not taken, {_sum(moving)} on their way",
        threshold=threshold,
    )
    return _with_kinds(gate, [*failed, *moving])


def from_comparison(
    found: Compared | None, thresholds: Thresholds, now: datetime, build: Callable[[Compared], Iterable[Gate]], name: str
) -> tuple[Gate, ...]:  # fmt: skip
    """Gates of the newest comparison, with its age."""
    if found is None:
        return (unmeasured(name, "a comparison", "no comparison of these entities is on record"),)
    if not found.compared:
        return (unmeasured(name, "at least 1 pair", f"{found.run_id} had nothing to compare"),)
    gates = [replace(gate, evidence=(found.run_id,)) for gate in build(found)]
    if not gates:
        return (unmeasured(name, "at least 1 amount", f"{found.run_id} compared no amounts"),)
    return tuple(aged(gate, now - found.at, thresholds.evidence_age_minutes) for gate in gates)


def variances(found: Compared, thresholds: Thresholds) -> Iterable[Gate]:
    """One gate a currency: invoices of both ERPs in basis points of the legacy total."""
    for currency, row in sorted(found.invoices.items()):
        gate = variance(
            currency, row["legacy_minor"], row["variance_minor"], thresholds.variance_basis_points
        )
        yield replace(gate, name=f"variance {currency}")


def control_totals(found: Compared) -> Iterable[Gate]:
    """Every control total can be walked from one ERP to the other, and nothing waits to be judged."""
    yield counted("control-totals", found.untied)
    waits = found.pending + found.held_back
    if waits:
        yield Gate(
            name="control-totals settled",
            verdict="inconclusive",
            measured=f"{waits} not judged",
            threshold="at most 0",
            why="deliveries were under way when both ERPs were compared",
        )


def exceptions(found: Sequence[Open], seen: int, thresholds: Thresholds, now: datetime) -> Gate:
    """Exceptions of the scope beyond their age, by the queue that owns them."""
    name, minutes = "exceptions", thresholds.exception_age_minutes
    threshold = f"at most {thresholds.exceptions} older than {minutes} minutes"
    if not seen and not found:
        return unmeasured(name, threshold, "nothing of the scope was ever on its way")
    old = [one for one in found if now - one.since > timedelta(minutes=minutes)]
    queues: dict[str, int] = {}
    for one in old:
        queues[one.queue] = queues.get(one.queue, 0) + 1
    gate = counted(name, len(old), thresholds.exceptions)
    return replace(
        gate,
        measured=f"{len(old)} of {len(found)} open",
        threshold=threshold,
        why=", ".join(f"{queue} {count}" for queue, count in sorted(queues.items())),
        evidence=tuple(one.exception_id for one in sorted(old, key=lambda one: one.exception_id)[:SHOWN]),
    )


def sla(waits: Sequence[Wait], freezes: Sequence[Window], thresholds: Thresholds, now: datetime) -> Gate:
    """Deliveries that waited too long; the time their wave stood frozen does not count."""
    name, minutes = "sla", thresholds.sla_minutes
    threshold = f"at most {thresholds.sla_misses} beyond {minutes} minutes"
    if not waits:
        return unmeasured(name, threshold, "nothing of the scope was delivered lately")
    waited = sorted(
        (
            (_outside(from_text(one.begun), from_text(one.ended) if one.ended else now, freezes), one)
            for one in waits
        ),
        key=lambda pair: (-pair[0], pair[1].external_id),
    )
    late = [one for length, one in waited if length > timedelta(minutes=minutes)]
    gate = counted(name, len(late), thresholds.sla_misses)
    longest = int(waited[0][0].total_seconds())
    return replace(
        gate,
        measured=f"{len(late)} of {len(waits)}, the longest waited {-(-longest // 60)} minutes",
        threshold=threshold,
        evidence=tuple(f"{one.kind} {one.external_id}" for one in late[:SHOWN]),
    )


def freezes_of(log: Sequence[Mapping[str, Any]], plan: Plan | None, wave: str, now: datetime) -> list[Window]:
    """When a wave stood frozen, until its release was through or it was given back."""
    if plan is None:
        return []
    kinds = {step.id: step.kind for step in plan.steps if step.wave == wave}
    windows: list[Window] = []
    begun: datetime | None = None
    for row in log:
        kind, at = kinds.get(str(row["step"])), from_text(row["at"])
        if kind is None:
            continue
        if row["event"] == "stage" and row["data"].get("frozen") is True:
            begun = begun or at
        given_back = row["event"] == "stage" and kind != "switch" and row["data"].get("frozen") is False
        if begun is not None and (given_back or (kind == "release" and row["event"] in ("done", "failed"))):
            windows.append((begun, at))
            begun = None
    return [*windows, (begun, now)] if begun is not None else windows


def evidence_fresh(found: Compared | None, log: Sequence[Mapping[str, Any]], thresholds: Thresholds, now: datetime) -> tuple[Gate, ...]:  # fmt: skip
    """How old the newest comparison is, and the newest cross-check of the run where it made any."""
    most = thresholds.evidence_age_minutes
    gates = []
    if found is None:
        why = "no comparison of these entities is on record"
        gates.append(unmeasured("evidence-fresh comparison", f"at most {most} minutes", why))
    else:
        gates.append(_age("evidence-fresh comparison", found.at, now, most, found.run_id))
    checks = [
        row
        for row in log
        if any(
            str(gate["name"]).startswith("cross-check") and gate["measured"] != "nothing"
            for gate in row["data"].get("gates", ())
        )
    ]
    if checks:
        last = checks[-1]
        gates.append(_age("evidence-fresh cross-checks", from_text(last["at"]), now, most, str(last["step"])))
    return tuple(gates)


def _age(name: str, at: datetime, now: datetime, most: int, what: str) -> Gate:
    seconds = int((now - at).total_seconds())
    if seconds < -SKEW_S:
        return unmeasured(name, f"at most {most} minutes", f"{what} is of {-seconds // 60} minutes from now")
    seconds = max(0, seconds)
    return Gate(
        name=name,
        verdict="pass" if seconds <= most * 60 else "fail",
        measured=f"{-(-seconds // 60)} minutes",
        threshold=f"at most {most} minutes",
        age_s=seconds,
        evidence=(what,),
    )


def checked(prefix: str, found: Sequence[Checked], *, each: bool) -> tuple[Gate, ...]:
    """Gates of checks made now: one each, or all in one."""
    if not found:
        return (unmeasured(prefix, "0 wrong", "nothing could be checked"),)
    gates = tuple(_checked(f"{prefix} {one.name}", one) for one in found)
    if each:
        return gates
    bad = [gate for gate in gates if gate.verdict != "pass"]
    verdict = worst(gates)
    return (
        Gate(
            name=prefix,
            verdict=verdict,
            measured=f"{len(gates) - len(bad)} of {len(gates)} held, {sum(one.looked_at for one in found)} looked at",
            threshold="all held",
            why="; ".join(f"{one.name}: {one.problem or one.what}" for one in found if one.wrong or not one.looked_at),
            evidence=tuple(text for one in found for text in one.examples)[:SHOWN],
        ),
    )  # fmt: skip


def _checked(name: str, one: Checked) -> Gate:
    if one.problem or not one.looked_at:
        return unmeasured(name, "at most 0", one.problem or "there was nothing to check")
    gate = counted(name, one.wrong)
    return replace(
        gate, measured=f"{one.wrong} of {one.looked_at}", why=one.what, evidence=one.examples[:SHOWN]
    )


def armed(
    log: Sequence[Mapping[str, Any]], plan: Plan | None, wave: str, thresholds: Thresholds, now: datetime
) -> Gate:
    """An arm step of the wave has proved the way back, lately enough; once it was gone it is no more armed."""
    name, threshold = "rollback-armed", "armed and probed"
    steps = {step.id: step.kind for step in (plan.steps if plan else ()) if not wave or step.wave == wave}
    proved = [
        row for row in log if steps.get(str(row["step"])) == "arm" and row["event"] in ("done", "failed")
    ]
    if not proved:
        return unmeasured(name, threshold, "no step has armed a rollback of this wave")
    last = proved[-1]
    gone = [row for row in log if row["at"] >= last["at"] and _ends(row, steps, wave)]
    good = last["event"] == "done" and not gone
    gate = Gate(
        name=name,
        verdict="pass" if good else "fail",
        measured="armed" if good else "gone" if gone else "not armed",
        threshold=threshold,
        why=str(last["data"].get("why", ""))[:200],
        evidence=(str((gone or [last])[0]["step"]),),
    )
    return aged(gate, now - from_text(last["at"]), thresholds.evidence_age_minutes)


def _ends(row: Mapping[str, Any], steps: Mapping[str, str], wave: str) -> bool:
    """Whether there is no way back any more: it was gone, or the wave's point of no return is behind it."""
    # A rollback has a step of its own, which is none of the plan's: its rows say of which wave it is.
    gone = row["event"] == "rolled_back" and wave in ("", row["data"].get("wave"))
    mine = str(row["step"]) in steps or gone
    return mine and row["event"] in ("rolled_back", "final")


def back(now: datetime, minutes: int) -> datetime:
    """Some minutes before now."""
    return now - timedelta(minutes=minutes)


def _outside(begun: datetime, ended: datetime, windows: Sequence[Window]) -> timedelta:
    inside = timedelta(0)
    for first, last in windows:
        inside += max(timedelta(0), min(ended, last) - max(begun, first))
    return max(timedelta(0), ended - begun - inside)


def _sum(tallies: Iterable[Tally]) -> int:
    return sum(one.count for one in tallies)


def _with_kinds(gate: Gate, tallies: Sequence[Tally]) -> Gate:
    most = sorted(tallies, key=lambda one: (-one.count, one.target, one.kind, one.state, one.role))
    rows = tuple(f"{one.kind} to {one.target}: {one.count} {one.state.replace('_', ' ')}" for one in most)
    return replace(gate, why="; ".join(rows[:SHOWN]))
