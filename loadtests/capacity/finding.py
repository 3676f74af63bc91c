"""Finds the capacity of a deployment: probes in, capacity.json and a page out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from loadtests.capacity.decisions import PROBES_MAX, Known, Tried, Try, next_step
from loadtests.capacity.page import render
from loadtests.report.data import dumped
from loadtests.report.figures import percentiles
from loadtests.running.run import Run
from loadtests.verdict.model import Measured, Verdict

CAPACITY = "capacity.json"
CAPACITY_PAGE = "capacity.html"
SCHEMA = "coexist.load-capacity/1"
Probe = Callable[[Decimal, int], tuple[Verdict, Measured]]
"""Runs the scenario at a factor of its rate; the number of the probe, from 1, names its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The answer, as capacity.json has it."""

    told: Mapping[str, Any]
    page: Path

    @property
    def sentence(self) -> str:
        """The answer for a person."""
        return str(self.told["answer"])

    @property
    def exit_code(self) -> int:
        """0 a rate passes, 1 none does, 3 a probe lost or doubled something, 4 the generator could not measure any."""
        if any(probe["exit_code"] == 3 for probe in self.told["probes"]):
            return 3
        if self.told["passes"] is not None:
            return 0
        return 4 if self.told["why"] == "generator" else 1


def find_capacity(
    probe: Probe,
    *,
    run: Run,
    folder: Path,
    start: Decimal = Decimal(1),
    probes_max: int = PROBES_MAX,
    say: Callable[[str], None] = lambda _: None,
    pages: Callable[[int], str] = lambda _: "",
    command: str = "",
) -> Capacity:
    """Probe rates until the answer stands; capacity.json and its page are written after every probe.

    `run` is the run at factor 1: its peak gives the requests a second. `pages` gives the place of a probe's own report,
    from `folder`, if it has one. What a probe raises ends the search.
    """
    tried: list[Tried] = []
    rows: list[dict[str, Any]] = []
    while isinstance(step := next_step(tried, start=start, probes_max=probes_max), Try):
        verdict, measured = probe(step.rate, len(tried) + 1)
        tried.append(Tried(rate=step.rate, outcome=verdict.outcome))
        rows.append(_row(run, step.rate, verdict, measured, len(tried)) | {"page": pages(len(tried))})
        say(
            f"{rows[-1]['per_s']} requests/s: {verdict.outcome}"
            + (f" ({rows[-1]['why']})" if rows[-1]["why"] else "")
        )
        _write(folder, _told(run, rows, None, command))
    told = _told(run, rows, step, command)
    return Capacity(told=told, page=_write(folder, told))


def _row(run: Run, rate: Decimal, verdict: Verdict, measured: Measured, number: int) -> dict[str, Any]:
    latency, delivery = percentiles(measured.latency.get("")), percentiles(measured.delivery.get(""))
    return {
        "number": number,
        "rate": _text(rate),
        "per_s": _per_s(run, rate),
        "outcome": verdict.outcome,
        "exit_code": verdict.exit_code,
        "p50_ms": latency["p50_ms"],
        "p99_ms": latency["p99_ms"],
        "delivery_p99_ms": delivery["p99_ms"],
        "backlog_peak": measured.backlog_peak,
        "drained_s": measured.drained_s,
        "late": measured.generator.late,
        "planned": measured.generator.planned,
        "why": _why(verdict),
    }


def _why(verdict: Verdict) -> str:
    """The first thing that was not as it should be, and the names of others; nothing for a pass."""
    if verdict.outcome == "pass":
        return ""
    broken = [check for check in verdict.checks if check.outcome == verdict.outcome]
    if broken:
        first = broken[0]
        also = f" Also: {', '.join(check.name for check in broken[1:5])}." if len(broken) > 1 else ""
        return (first.why or f"{first.name}: {first.measured}, limit {first.limit}") + also
    return verdict.because[0] if verdict.because else "no reason was given"


def _told(run: Run, rows: list[dict[str, Any]], known: Known | None, command: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "scenario": run.scenario.name,
        "title": run.scenario.title,
        "seed": run.seed,
        "form": run.form,
        "minutes": run.minutes,
        "peak_per_s": run.peak_per_s,
        "gateway": run.gateway,
        "probes": rows,
        "why": "under way" if known is None else known.why,
        "passes": None if known is None else _rate(run, known.passes),
        "fails": None if known is None else _rate(run, known.fails),
        "unmeasured": None if known is None else _rate(run, known.unmeasured),
        "answer": "The search is under way." if known is None else answer(run, rows, known),
        "command": command,
    }
    return told | {"digest": hashlib.sha256(dumped(told)).hexdigest()}


def answer(run: Run, rows: list[dict[str, Any]], known: Known) -> str:
    """The answer in a sentence or two."""
    broken = [row for row in rows if row["exit_code"] == 3]
    told = _sentence(run, rows, known)
    if broken:
        told += (
            f" At {broken[0]['per_s']} requests/s documents were lost or doubled, or an invariant broke:"
            " that is a bug at any rate, not a limit of speed."
        )
    return told


def _sentence(run: Run, rows: list[dict[str, Any]], known: Known) -> str:
    passes = None if known.passes is None else f"{_per_s(run, known.passes)} requests/s"
    fails = None if known.fails is None else f"{_per_s(run, known.fails)} requests/s"
    because = next(
        (
            row["why"]
            for row in reversed(rows)
            if known.fails is not None and row["rate"] == _text(known.fails)
        ),
        "",
    )
    end = f" because: {because}" if because else ""
    if known.why == "generator":
        limit = _per_s(run, known.unmeasured) if known.unmeasured is not None else "?"
        what = f"Passes at {passes}" if passes else "No rate was measured to pass"
        fails_too = f", fails at {fails}" if fails else ""
        return (
            f"{what}{fails_too}; at {limit} requests/s the generator itself was the limit,"
            " so nothing can be said beyond. Give it more workers, or a machine of its own."
        )
    if known.why == "never fails":
        return f"Passes at {passes}, the highest rate that is tried; no rate failed."
    if passes is None:
        return f"No rate passed: the lowest tried, {fails}, failed{end}"
    if fails is None:
        return f"Passes at {passes}, the highest rate tried before the probes were spent; no rate failed."
    wide = " The probes were spent before the gap was small." if known.why == "probes spent" else ""
    return f"Passes at {passes}, fails at {fails}{end or '.'}{wide}"


def _rate(run: Run, rate: Decimal | None) -> dict[str, str] | None:
    return None if rate is None else {"rate": _text(rate), "per_s": _per_s(run, rate)}


def _per_s(run: Run, rate: Decimal) -> str:
    """Requests a second at the peak, to a tenth under a thousand."""
    value = Decimal(run.peak_per_s) * rate
    return _text(value.quantize(Decimal("0.1") if value >= 1 else Decimal("0.001")))


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _write(folder: Path, told: Mapping[str, Any]) -> Path:
    (folder / CAPACITY).write_bytes(dumped(told))
    page = folder / CAPACITY_PAGE
    page.write_text(render(told), encoding="utf-8")
    return page
