"""I4: within a lane, what depends on what went before is posted after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cutover.checks.facts import Decided, Facts, JobRow, transaction_of

CLAIM = "order kept within a lane; only documents of a commuting kind share a batch"
NOT_TAKEN = "not taken, try later"
NOT_CHECKED = "order between lanes; the order in which a vendor works inside one batch"


def check(facts: Facts) -> tuple[int, Iterable[str]]:
    """No job is first sent before an earlier job of its lane was settled, unless both commute."""
    first: dict[int, str] = {}
    for attempt in facts.attempts:
        # What was certainly not taken was not sent: it waits for a prerequisite, or the system was busy.
        if attempt.purpose == "send" and attempt.event != NOT_TAKEN:
            first.setdefault(attempt.job_id, attempt.claimed_at)
    held, loaded = _held(facts), _loaded(facts)
    lanes: dict[tuple[str, str], list[JobRow]] = {}
    for job in facts.jobs:
        lanes.setdefault((job.target, job.lane), []).append(job)
    for jobs in lanes.values():
        loads = sorted(
            (loaded.get(key, job.waiting_since), job.job_id)
            for job in jobs
            if job.role == "shadow"
            and ((key := (transaction_of(job.job_id), job.target)) in loaded or key[0] in held)
        )
        jobs.sort(
            key=lambda job, loads=loads: _behind(  # type: ignore[misc]
                loads, job, first.get(job.job_id), _entered(job, first.get(job.job_id), held)
            )
        )
    return len(lanes), [row for key in sorted(lanes) for row in _lane(key, lanes[key], first)]


class _Held(NamedTuple):
    """What a freeze held: where it was let go to, and until when that was so."""

    accepted_at: str
    authority: str | None
    until: str
    """The next decision (a rollback's): what is sent after it was not what the release let go. Empty: none."""


def _held(facts: Facts) -> dict[int, _Held]:
    released = {row.seq: row.at for row in facts.history if row.detail.get("event") == "released"}
    decided: dict[int, list[Decided]] = {}
    for row in facts.decisions:
        if row.seq in released:
            decided.setdefault(row.seq, []).append(row)
    found: dict[int, _Held] = {}
    for one in facts.transactions:
        rows = sorted(row for row in decided.get(one.seq, ()) if row.at >= released[one.seq])
        if rows:
            found[one.seq] = _Held(one.accepted_at, rows[0].authority, rows[1].at if rows[1:] else "")
    return found


def _entered(job: JobRow, sent: str | None, held: Mapping[int, _Held]) -> tuple[str, int]:
    """When a job took its place in the lane: what was parked takes it when it is completed.

    A job replayed by hand waits anew, but was sent from its first place. What a freeze held keeps the place it was
    accepted at: what came between switch and release waits behind it at the gate.
    """
    since, one = job.waiting_since, held.get(transaction_of(job.job_id))
    # A shadow's lane has no gate: there it takes its place when it is released, as does what a rollback enters again.
    if one is not None and job.target == one.authority and (not one.until or (sent or since) < one.until):
        since = one.accepted_at
    return (min(since, sent) if sent is not None else since, job.job_id)


def _loaded(facts: Facts) -> dict[tuple[int, str], str]:
    """(transaction, system) → when a dual run gave the system what had been posted before."""
    return {
        (row.seq, str(row.detail["target"])): row.at
        for row in facts.history
        if row.seq is not None and row.detail.get("event") == "dual run started"
    }


def _behind(
    loads: Sequence[tuple[str, int]], job: JobRow, sent: str | None, place: tuple[str, int]
) -> tuple[str, int]:
    """The place of a job behind what was put at the head of its lane before it was sent: by a dual run, or a release.

    A lane goes by job id, and what is loaded or let go has the id of its older transaction: new work waits behind it.
    """
    for at, loaded in loads:
        if loaded < job.job_id and place[0] < at and (sent is None or sent >= at):
            place = (at, job.job_id)
    return place


def _lane(key: tuple[str, str], jobs: list[JobRow], first: dict[int, str]) -> Iterable[str]:
    # `settled` is the latest settlement among earlier jobs; a job replayed by hand later is no witness.
    settled, settled_commuting, kind = "", "", ""
    for job in jobs:
        sent = first.get(job.job_id)
        if sent is not None:
            bound = settled if job.commutes and job.kind == kind else max(settled, settled_commuting)
            if sent < bound:
                yield f"{key[0]} lane {key[1]}: job {job.job_id} ({job.kind}) was sent before an earlier one was settled"
        if job.settled_at is None:
            continue
        if job.commutes and (job.kind == kind or not kind):
            settled_commuting = max(settled_commuting, job.settled_at)
        else:
            settled = max(settled, settled_commuting, job.settled_at if not job.commutes else "")
            settled_commuting = job.settled_at if job.commutes else ""
        kind = job.kind if job.commutes else ""
