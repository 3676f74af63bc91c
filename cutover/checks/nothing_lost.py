"""I1: everything accepted is in exactly one state, by count and by money; nothing approved is missing."""

from __future__ import annotations

from collections.abc import Iterable

from cutover.checks.facts import Facts, transaction_of

CLAIM = (
    "accepted = posted + parked + refused + dead + in flight, by count and by money per entity and currency"
)
NOT_CHECKED = "what a source system lost before it could be asked; whether an ERP forgot what it confirmed"

STATES = ("posted", "parked", "refused", "dead", "held", "queued", "in_flight", "in_doubt")


def check(facts: Facts) -> tuple[int, Iterable[str]]:
    """Every transaction has a known state, its authority job exists, the sums tie, sources are covered."""
    return len(facts.transactions) + len(facts.approved or ()), [
        *_states(facts),
        *_sums(facts),
        *_sources(facts),
    ]


def state_of(facts: Facts) -> dict[int, str]:
    """The state of each transaction: that of its authority job, else its own."""
    jobs = {job.job_id: job.state for job in facts.jobs if job.role == "authority"}
    return {
        row.seq: jobs.get(row.job_id, "lost") if row.job_id is not None else row.state
        for row in facts.transactions
    }


def _states(facts: Facts) -> Iterable[str]:
    owned = {transaction_of(job.job_id) for job in facts.jobs if job.role == "authority"}
    for row, state in zip(facts.transactions, state_of(facts).values(), strict=True):
        if state not in STATES:
            yield f"T{row.seq:012d} ({row.kind} {row.document_id}) is in no known state: {state}"
        if row.deliver and state not in ("held", "parked") and row.seq not in owned:
            yield f"T{row.seq:012d} ({row.kind} {row.document_id}) is {state}, but no authority job carries it"


def _sums(facts: Facts) -> Iterable[str]:
    accepted: dict[tuple[str, str], list[int]] = {}
    spread: dict[tuple[str, str], list[int]] = {}
    states = state_of(facts)
    for row in facts.transactions:
        key = (row.legal_entity, row.currency)
        for sums, counts in ((accepted, True), (spread, states[row.seq] in STATES)):
            if counts:
                total = sums.setdefault(key, [0, 0])
                total[0] += 1
                total[1] += row.amount_minor
    for key, total in sorted(accepted.items()):
        if spread.get(key) != total:
            yield f"{key[0]} {key[1]}: accepted {total}, found in all states {spread.get(key)}"


def _sources(facts: Facts) -> Iterable[str]:
    if facts.approved is None:
        return
    seen = {(row.source, row.document_id or "") for row in facts.transactions}
    seen_events = {(row.source, row.event_id.partition("@")[0]) for row in facts.transactions}
    for source, row_id in facts.approved:
        if (source, row_id) not in seen and (source, row_id) not in seen_events:
            yield f"{source} {row_id} was approved, but never accepted"
