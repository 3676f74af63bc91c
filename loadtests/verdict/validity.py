"""Whether a run is a measurement at all: its generator kept the schedule, and its clocks agree. Pure."""

from __future__ import annotations

from loadtests.verdict.model import Check, Measured
from loadtests.verdict.percentiles import percent

LATE_PER_MILLE = 1
"""A run with more late starts than this is no measurement (0.1%)."""
CLOCKS_OFF_S = 1.0
"""Clocks further apart say nothing of seconds; those of machines that ask one time server differ by milliseconds."""


def on_time(measured: Measured) -> Check:
    """Whether requests started when they were meant to; otherwise the run measured its generator."""
    it = measured.generator
    allowed = it.planned * LATE_PER_MILLE // 1000
    told = (
        f"{it.late:,} of {it.planned:,} starts late, {it.dropped:,} dropped, worst {it.worst_late_ms:,.0f} ms"
    )
    limit = "at most 0.1% of starts later than 50 ms, none dropped"
    name = "generator on time"
    if not it.planned or not it.started:
        why = f"Of {it.planned:,} planned requests none was sent: there is nothing to judge."
        return Check(name=name, outcome="invalid", measured=told, limit=limit, why=why)
    if not it.ended:
        why = "The generator was ended before it could say when it began and how it went."
        return Check(name=name, outcome="invalid", measured=told, limit=limit, why=why)
    if it.foreign:
        why = f"{it.foreign:,} rows of the ledger are of no start of this run's schedule, or at another moment: it is not this run's."
        return Check(name=name, outcome="invalid", measured=told, limit=limit, why=why)
    if it.lost_workers:
        why = f"{it.lost_workers:,} of {it.workers:,} workers were lost before their share was over: nobody knows what they still sent."
        return Check(name=name, outcome="invalid", measured=told, limit=limit, why=why)
    if it.dropped or it.started < it.planned:
        missing = max(it.dropped, it.planned - it.started)
        why = f"{missing:,} of {it.planned:,} planned requests were never sent: the generator was lost or had no room."
        return Check(name=name, outcome="invalid", measured=told, limit=limit, why=why)
    if it.late > allowed:
        share = percent(it.late, it.planned)
        why = (
            f"{it.late:,} of {it.planned:,} requests ({share}) started more than 50 ms late, the worst"
            f" {it.worst_late_ms:,.0f} ms: the generator was slow, not the gateway."
        )
        return Check(name=name, outcome="invalid", measured=told, limit=limit, why=why)
    why = f"All {it.planned:,} requests were sent, {it.late:,} of them late."
    return Check(name=name, outcome="pass", measured=told, limit=limit, why=why)


def clocks_agree(measured: Measured) -> Check:
    """Whether the gateway dates what it accepts between request and answer; deliveries are timed by both clocks."""
    name, off = "clocks agree", measured.clocks_off_s
    bound = f"at most {CLOCKS_OFF_S:g} s apart"
    if not measured.accepted:
        why = "no acceptance was dated."
        return Check(name=name, outcome="not asked", measured="unknown", limit=bound, why=why)
    good = abs(off) <= CLOCKS_OFF_S
    side = "ahead of" if off > 0 else "behind"
    why = (
        "Every acceptance is dated between its request and its answer."
        if good
        else f"The gateway's clock is at least {abs(off):,.1f} s {side} the generator's, or one was set meanwhile:"
        " how long deliveries took is unknown."
    )
    told = f"{abs(off):,.1f} s apart" if off else "together"
    return Check(name=name, outcome="pass" if good else "invalid", measured=told, limit=bound, why=why)
