"""The verdict on a run: measured facts in, checks out. Pure.

Invalid beats pass and fail, for a run nobody can measure by says nothing of the gateway's speed; what it lost is
said all the same. No data never passes: a question nobody could answer is `not asked` and told, one that had
nothing to look at has failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from loadtests.running.run import Run
from loadtests.scenario.model import Latency, Scenario
from loadtests.verdict.model import BROKEN, Check, CheckOutcome, Measured, Outcome, Verdict
from loadtests.verdict.percentiles import percent
from loadtests.verdict.validity import clocks_agree, on_time

REPEATS_EXPECTED = 20
"""Where so many repeats are to be expected, none is no chance (one in five hundred million)."""
TOLD = 3
"""Examples told in a sentence; the lists have all."""
STILL_RUNNING = "409"
METERS = "the ERPs' meters can be read of simulators only."
RESTING = ("parked", "refused", "dead")
OPEN = ("held", "queued", "in_flight", "in_doubt")
_QUANTILES: tuple[tuple[str, str], ...] = (
    ("p50_ms", "p50"), ("p95_ms", "p95"), ("p99_ms", "p99"), ("p999_ms", "p99.9"), ("max_ms", "max"),
)  # fmt: skip


def judge(scenario: Scenario, run: Run, measured: Measured) -> Verdict:
    """Pass, fail or invalid, with every check behind it, in a fixed order."""
    checks = (
        on_time(measured),
        clocks_agree(measured),
        *(check for limit in scenario.limits.latency for check in latency(limit, measured)),
        errors(scenario.limits.errors_percent, measured),
        nothing_lost(measured),
        nothing_doubled(measured),
        invariants(measured),
        *late_for_sla(scenario, measured),
        drained(run, measured),
        limits_kept(scenario.limits.erp_refusals, measured),
        *limits_used(scenario, measured),
        refused(scenario.limits.refused_documents, measured),
        *repeated(scenario, measured),
    )
    outcome = outcome_of(checks)
    return Verdict(outcome=outcome, because=because(outcome, checks), checks=checks)


def outcome_of(checks: Iterable[Check]) -> Outcome:
    """Invalid if any check is, else fail if any is; a check nobody could ask decides nothing."""
    outcomes = {check.outcome for check in checks}
    if "invalid" in outcomes:
        return "invalid"
    return "fail" if "fail" in outcomes else "pass"


def because(outcome: Outcome, checks: Sequence[Check]) -> tuple[str, ...]:
    """What a person reads first: what decided, then whatever else must not be overlooked."""
    bad = [check for check in checks if check.outcome in ("invalid", "fail")]
    bad.sort(key=lambda check: (check.outcome != "invalid", check.name not in BROKEN))
    unknown = [f"Not asked: {check.name}: {check.why}" for check in checks if check.outcome == "not asked"]
    if outcome == "pass":
        asked = sum(check.outcome == "pass" for check in checks)
        return (f"All {asked} checks that could be made passed.", *unknown)
    first = ("The run is no measurement of the gateway.",) if outcome == "invalid" else ()
    return (*first, *(check.why for check in bad), *unknown)


# Answers


def latency(limit: Latency, measured: Measured) -> Iterable[Check]:
    """A check a percentile that has a limit; no answers at all fail."""
    found = measured.latency.get(limit.stream)
    of = f"stream {limit.stream}" if limit.stream else "all streams"
    for field, word in _QUANTILES:
        most: Decimal | None = getattr(limit, field)
        if most is None:
            continue
        name = f"latency {limit.stream or 'all'} {word}"
        bound = f"at most {most:,f} ms from the intended start"
        if found is None or not found.count:
            why = f"No request of {of} was sent, so its latency is unknown."
            yield Check(name=name, outcome="fail", measured="none sent", limit=bound, why=why)
            continue
        value: float = getattr(found, field)
        good = Decimal(str(value)) <= most
        why = (
            f"The {word} of {of} is {value:,.1f} ms from the intended start;"
            f" {'within' if good else 'above'} the limit of {most:,f} ms."
        )
        yield Check(name=name, outcome=_good(good), measured=f"{value:,.1f} ms", limit=bound, why=why)


def errors(most: Decimal, measured: Measured) -> Check:
    """Answers that are not of success, answers of success that say nothing, and refused lines of batches.

    Of second sendings as well, but for 409: so the gateway answers while the first is under way.
    """
    again = {status: count for status, count in measured.repeat_answers.items() if status != STILL_RUNNING}
    answers = {
        status: measured.answers.get(status, 0) + again.get(status, 0)
        for status in sorted({*measured.answers, *again} - {"dropped"})
    }
    sent = sum(answers.values())
    bad = {status: count for status, count in answers.items() if not _is_success(status)}
    count = sum(bad.values()) + measured.without_promise
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(bad.items()))
    words = [f"{count:,} of {sent:,} requests"]
    if told:
        words.append(told)
    if measured.without_promise:
        words.append(f"{measured.without_promise:,} answered with success and without a transaction")
    if measured.refused_documents:
        words.append(
            f"{measured.refused_documents:,} of {measured.planned_documents:,} documents refused in batches"
        )
    bound = f"at most {most:f}% of requests, and of documents"
    shown = "; ".join(words)
    if not sent:
        why = "Nobody answered anything, for nothing was sent."
        return Check(name="errors", outcome="fail", measured="no answers", limit=bound, why=why)
    good = not _above(count, sent, most) and not _above(
        measured.refused_documents, measured.planned_documents, most
    )
    why = (
        f"Errors: {shown}."
        if count or measured.refused_documents
        else f"All {sent:,} requests were answered with success."
    )
    return Check(name="errors", outcome=_good(good), measured=shown, limit=bound, why=why)


# What became of the documents


def nothing_lost(measured: Measured) -> Check:
    """Whether all that was promised is in the journal, and all that was confirmed in the ERPs."""
    name, bound = "nothing lost", "none"
    if not measured.journal_asked:
        why = "Nobody could say what became of the documents: neither the journal nor the gateway answered."
        return Check(name=name, outcome="invalid", measured="unknown", limit=bound, why=why)
    if measured.lost:
        why = f"{len(measured.lost):,} documents are lost: {_some(measured.lost)}."
        return Check(name=name, outcome="fail", measured=f"{len(measured.lost):,}", limit=bound, why=why)
    if not measured.accepted:
        why = "The journal has none of the run's documents, so nothing shows that none was lost."
        return Check(name=name, outcome="fail", measured="nothing accepted", limit=bound, why=why)
    posted = measured.states.get("posted", 0)
    why = f"All {measured.documents:,} documents that were answered with success are in the journal"
    if measured.erps_asked:
        return Check(
            name=name, outcome="pass", measured="0", limit=bound,
            why=f"{why}, and the {posted:,} that it calls posted are in the ERPs.",
        )  # fmt: skip
    return Check(
        name=name, outcome="pass", measured="0 by the journal", limit=bound,
        why=f"{why}; whether the ERPs have the {posted:,} posted ones was not asked.",
    )  # fmt: skip


def nothing_doubled(measured: Measured) -> Check:
    """Whether each document stands once in the journal and once in all ERPs together."""
    name, bound = "nothing doubled", "none"
    double = (*measured.doubled, *measured.strangers)
    if double:
        words = [f"{len(measured.doubled):,} documents are doubled"] if measured.doubled else []
        words += (
            [f"{len(measured.strangers):,} stand in the journal and nobody sent them"]
            if measured.strangers
            else []
        )
        why = f"{' and '.join(words)}: {_some(double)}."
        return Check(name=name, outcome="fail", measured=f"{len(double):,}", limit=bound, why=why)
    if not measured.journal_asked:
        return _unknown(name, bound, "neither the journal nor the gateway answered.")
    if not measured.accepted:
        return _unknown(name, bound, "no document was accepted that could be doubled.")
    if not measured.erps_asked:
        why = "the journal has each document once; whether the ERPs have it once was not asked."
        return Check(name=name, outcome="not asked", measured="0 in the journal", limit=bound, why=why)
    if measured.states.get("posted", 0) and not measured.erp_documents:
        why = "The ERPs hold nothing at all, so nothing shows that they hold each document once."
        return Check(name=name, outcome="fail", measured="no documents", limit=bound, why=why)
    why = f"Each document stands once in the journal, and once in the {measured.erp_documents:,} of the ERPs."
    return Check(name=name, outcome="pass", measured="0", limit=bound, why=why)


def invariants(measured: Measured) -> Check:
    """Whether the invariant checkers found the journal in order."""
    name, bound = "invariants", "all hold"
    broken = [row for row in measured.invariants if not row["held"]]
    if broken:
        why = "; ".join(f"{row['name']} does not hold: {_some(row['examples'])}" for row in broken)
        return Check(name=name, outcome="fail", measured=f"{len(broken)} broken", limit=bound, why=f"{why}.")
    if not measured.invariants:
        return _unknown(name, bound, "the journal could not be read by the checkers.")
    names = ", ".join(str(row["name"]) for row in measured.invariants)
    return Check(name=name, outcome="pass", measured=names, limit=bound, why=f"{names} hold.")


def refused(most: int, measured: Measured) -> Check:
    """Documents that an ERP said no to, or that wait for a person."""
    name, bound = "refused by an ERP", f"at most {most:,} documents refused, parked or dead"
    if not measured.accepted:
        return _unknown(name, bound, "no document was accepted that could be refused.")
    counts = {state: measured.states.get(state, 0) for state in RESTING}
    count = sum(counts.values())
    told = ", ".join(f"{number:,} {state}" for state, number in counts.items() if number)
    why = (
        f"{count:,} documents came to no good end: {told}."
        if count
        else "Every document that was sent on was taken."
    )
    return Check(name=name, outcome=_good(count <= most), measured=told or "0", limit=bound, why=why)


def repeated(scenario: Scenario, measured: Measured) -> Iterable[Check]:
    """Whether a second sending got the first answer; asked where the scenario repeats requests."""
    expected = sum((stream.share * stream.repeats for stream in scenario.streams), Decimal(0)) / 10_000
    if not expected and not measured.repeats_sent:
        return
    name, bound = "replays got the first answer", "all"
    count, differ = measured.repeats, len(measured.repeats_differ)
    if differ:
        why = (
            f"{differ:,} of {count:,} repeated requests got another answer: {_some(measured.repeats_differ)}."
        )
        yield Check(name=name, outcome="fail", measured=f"{differ:,} differ", limit=bound, why=why)
    elif count:
        why = f"All {count:,} requests that were sent and answered twice got the same transactions twice."
        yield Check(name=name, outcome="pass", measured=f"{count:,} the same", limit=bound, why=why)
    elif measured.repeats_sent or expected * measured.generator.planned >= REPEATS_EXPECTED:
        why = f"Of {measured.repeats_sent:,} requests that were sent twice none was answered twice with success."
        yield Check(name=name, outcome="fail", measured="none", limit=bound, why=why)
    else:
        yield _unknown(name, bound, "chance chose no request of so short a run to be sent twice.")


# Time and limits


def late_for_sla(scenario: Scenario, measured: Measured) -> Iterable[Check]:
    """A check an SLA: how many of the accepted documents stood in their ERP in time."""
    for sla in scenario.limits.sla:
        of = f"stream {sla.stream}" if sla.stream else "all streams"
        late = measured.sla_misses.get(sla.stream, 0)
        count = measured.owed.get(sla.stream, 0)
        in_time = count - late
        name = "late for its SLA" if not sla.stream else f"late for its SLA {sla.stream}"
        bound = f"{sla.share_percent:f}% within {sla.seconds:f} s"
        if not count:
            why = f"No document of {of} was delivered or owed, so its SLA shows nothing."
            yield Check(name=name, outcome="fail", measured="nothing to deliver", limit=bound, why=why)
            continue
        good = Fraction(100 * in_time, count) >= Fraction(sla.share_percent)
        why = (
            f"{late:,} of {count:,} documents of {of} were not in their ERP within {sla.seconds:f} s"
            f" of their intended start ({percent(in_time, count)} in time)"
            f"{', or not yet when the measurement ended' if late and measured.drained_s is None else ''}."
        )
        yield Check(name=name, outcome=_good(good), measured=f"{late:,} late", limit=bound, why=why)


def drained(run: Run, measured: Measured) -> Check:
    """Whether nothing waited any more at the cut-off."""
    name, within = "drained before the cut-off", Decimal(run.drained_within_s)
    bound = f"{within:f} s after the last start"
    if not measured.accepted:
        why = "Nothing was accepted, so nothing could drain."
        return Check(name=name, outcome="fail", measured="nothing accepted", limit=bound, why=why)
    if measured.drained_s is None:
        waiting = sum(measured.states.get(state, 0) for state in OPEN)
        what = f"{waiting:,} documents" if waiting else "What the other ERP, CRM or PSA is to be told"
        why = (
            f"{what} still waited when the measurement ended, {within:f} s after the last start"
            f" (the backlog was {measured.backlog_peak:,} at its peak)."
        )
        return Check(name=name, outcome="fail", measured="never", limit=bound, why=why)
    good = Decimal(str(measured.drained_s)) <= within
    why = (
        f"The backlog, {measured.backlog_peak:,} at its peak, was empty {measured.drained_s:,.1f} s after the last"
        f" start; the cut-off is at {within:f} s."
    )
    return Check(
        name=name, outcome=_good(good), measured=f"{measured.drained_s:,.1f} s", limit=bound, why=why
    )


def limits_kept(most: int, measured: Measured) -> Check:
    """Whether the ERPs had to refuse calls because a limit of theirs was exceeded."""
    name, bound = "ERP limits kept", f"at most {most:,} calls refused"
    if not measured.erps_asked:
        return _unknown(name, bound, METERS)
    if not measured.erps:
        return _unknown(name, bound, "no ERP was called.")
    count = sum(erp.refused for erp in measured.erps)
    told = ", ".join(
        f"{erp.system} {erp.refused:,} of {erp.calls:,} (peak {erp.peak:,}, {erp.limit})"
        for erp in measured.erps
    )
    why = f"ERPs refused {count:,} calls because a limit of theirs was exceeded: {told}." if count else (
        f"No ERP had to refuse a call for its limit: {told}."
    )  # fmt: skip
    return Check(name=name, outcome=_good(count <= most), measured=f"{count:,} refused", limit=bound, why=why)


def limits_used(scenario: Scenario, measured: Measured) -> Iterable[Check]:
    """A check an ERP whose limit must be used while work waits for it."""
    known: Mapping[str, float | None] = {erp.system: erp.used_percent for erp in measured.erps}
    for use in scenario.limits.erps:
        name = f"ERP limit used {use.system}"
        bound = f"at least {use.used_percent:f}% while work waits"
        if not measured.erps_asked:
            yield _unknown(name, bound, METERS)
            continue
        used = known.get(use.system)
        if used is None:
            why = f"Never did enough work wait for {use.system} to fill its limit, so its use shows nothing."
            yield Check(name=name, outcome="fail", measured="never full", limit=bound, why=why)
            continue
        good = Decimal(str(used)) >= use.used_percent
        why = f"While work waited for {use.system}, {used:.1f}% of its limit was used; {use.used_percent:f}% is asked for."
        yield Check(name=name, outcome=_good(good), measured=f"{used:.1f}%", limit=bound, why=why)


# Words and numbers


def _unknown(name: str, bound: str, why: str) -> Check:
    return Check(name=name, outcome="not asked", measured="unknown", limit=bound, why=why)


def _above(part: int, whole: int, most: Decimal) -> bool:
    return Fraction(100 * part, max(whole, 1)) > Fraction(most)


def _is_success(status: str) -> bool:
    return status.isdigit() and 200 <= int(status) < 300


def _good(good: bool) -> CheckOutcome:  # noqa: FBT001 - private
    return "pass" if good else "fail"


def _some(rows: Sequence[str]) -> str:
    more = f" and {len(rows) - TOLD:,} more" if len(rows) > TOLD else ""
    return "; ".join(str(row) for row in rows[:TOLD]) + more
