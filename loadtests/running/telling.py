"""What a person reads on a terminal of scenarios, of a run before it begins and of its verdict. Facts in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from loadtests.running.run import REPORT, Run
from loadtests.running.stand import JOURNAL, Stand
from loadtests.running.whole import Done
from loadtests.scenario.model import Scenario


def summary(done: Done, place: Path, *, own: bool, command: str) -> str:
    """The verdict and where the rest is, for a terminal."""
    measured, verdict = done.measured, done.verdict
    every, service = measured.latency.get(""), measured.service.get("")
    counts: dict[str, int] = {}
    for check in verdict.checks:
        counts[check.outcome] = counts.get(check.outcome, 0) + 1
    lines = [f"Verdict: {verdict.outcome.upper()}", *(f"  - {reason}" for reason in verdict.because)]
    if every is not None and service is not None:
        lines.append(
            f"  {every.count:,} answers: p50 {every.p50_ms:,.1f} ms, p99 {every.p99_ms:,.1f} ms, slowest"
            f" {every.max_ms:,.1f} ms, from the moment each was due"
        )
    drained = "never" if measured.drained_s is None else f"{measured.drained_s:,.1f} s after the last start"
    lines.append(
        f"  {measured.accepted:,} documents accepted ({_states(measured.states)}); backlog at most"
        f" {measured.backlog_peak:,}, empty {drained}"
    )
    lines += [
        "  checks: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()),
        f"Report:  {done.page}  (data: {place / REPORT}{f', journal: {place / JOURNAL}' if own else ''})",
        f"Again:   {command}",
    ]
    return "\n".join(lines)


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in states.items() if count) or "none"


def announced(run: Run, stand: Stand) -> str:
    """What will be run, before it is."""
    scenario = run.scenario
    troubles = [fault.name for fault in scenario.faults]
    troubles += [f"wave {scenario.switch.wave} is switched"] if scenario.switch else []
    where = "a gateway of its own" if stand.own else run.gateway
    lines = [
        f"{scenario.title}, seed {run.seed}: {run.minutes} min, at most {run.peak_per_s} requests/s, against {where}",
        f"  {scenario.question}",
        f"  meanwhile: {'; '.join(troubles) or 'nothing goes wrong'}",
    ]
    if scenario.settings and not stand.own:
        lines.append(f"  meant for a landscape with {', '.join(scenario.settings)}")
    return "\n".join(lines)


def listed(scenarios: Sequence[Scenario]) -> str:
    """The scenarios with what each asks."""
    lines: list[str] = []
    for one in scenarios:
        short_s = one.short.minutes * 60
        lines.append(f"{one.name:<20} {one.title} ({one.long.minutes} min; --short {short_s:.0f} s)")
        lines.append(f"{'':<20} {one.question}")
    return "\n".join(lines)
