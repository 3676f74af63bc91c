"""What to do with an answer, a batch, a budget or a circuit: facts in, decisions out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from router.canonical.kinds import Kind
from router.connectors.port import (
    Answer,
    Capabilities,
    LookUpAnswer,
    Missing,
    NoAnswer,
    NotThere,
    Posted,
    SaidNo,
    TryLater,
)
from router.delivery.policy import DeliveryPolicy
from router.journal.port import Job, Settlement
from router.model import Event, State

Ref = tuple[Kind, str]
"""(kind, document id), as the crosswalk is asked."""
FINAL = frozenset({Event.ACCEPTED, Event.FOUND, Event.SAID_NO, Event.EXHAUSTED})
"""After these nothing more happens by itself: follow-ups are due, and the lane goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a decision about one job may depend on besides its answer."""

    now: datetime
    policy: DeliveryPolicy
    draw: float
    """Uniform in [0, 1), from the seeded source; spreads retries."""
    can_look_up: bool = True
    stood: bool = False
    """The system had the document before this job: a look-up may find what an earlier one left there."""
    systemic: bool = False
    """The system as a whole is out (circuit not closed, credentials rejected): no fault of the document."""
    waits: int = 0
    """How often in a row this job has waited for this same reason (prerequisite, doubt)."""
    exchange: int | None = None
    """Index of the wire exchange this answer came from."""


def back_off(attempt: int, policy: DeliveryPolicy, draw: float) -> float:
    """Seconds until the try after `attempt` (from 1): exponential, bounded, ± jitter."""
    plain = min(policy.delay_max_s, policy.first_delay_s * 2.0 ** min(max(attempt, 1) - 1, 30))
    return plain * (1.0 + policy.jitter * (2.0 * draw - 1.0))


def bounded(after_s: float | None, policy: DeliveryPolicy) -> float:
    """A vendor's Retry-After as seconds we believe; 0 when absent, negative or not a number."""
    return min(after_s, policy.retry_after_max_s) if after_s is not None and after_s > 0 else 0.0


def after_answer(job: Job, answer: Answer, facts: Facts) -> Settlement:
    """What becomes of a job that was sent."""
    if isinstance(answer, Posted):
        return Settlement(
            job_id=job.job_id, event=Event.ACCEPTED, vendor_id=answer.vendor_id,
            created=answer.created, exchange=facts.exchange,
        )  # fmt: skip
    if isinstance(answer, SaidNo):
        place = f"{answer.field}: " if answer.field else ""
        return refused(job, answer.code, place + answer.message, exchange=facts.exchange)
    if isinstance(answer, Missing):
        return after_missing(job, (answer.kind, answer.document_id), facts)
    if isinstance(answer, NoAnswer):
        return _after_no_answer(job, answer, facts)
    counts = not answer.throttled and not facts.systemic
    if _exhausted(job, facts, counts=counts):
        return dead(job, "exhausted", f"gave up after {job.attempts} attempts: {answer.reason}", facts)
    delay = max(bounded(answer.after_s, facts.policy), back_off(job.attempts, facts.policy, facts.draw))
    return Settlement(
        job_id=job.job_id, event=Event.TRY_LATER, why=answer.reason, counts=counts,
        code="throttled" if answer.throttled else "try-later",
        due=facts.now + timedelta(seconds=delay), exchange=facts.exchange,
    )  # fmt: skip


def _after_no_answer(job: Job, answer: NoAnswer, facts: Facts) -> Settlement:
    if not facts.can_look_up:
        return no_look_up(job, answer.reason, facts)
    # Attempts are not checked here: a call that may have acted is looked up before it is given up.
    return Settlement(
        job_id=job.job_id, event=Event.NO_ANSWER, why=answer.reason, code="in-doubt",
        counts=not facts.systemic,
        due=facts.now + timedelta(seconds=facts.policy.look_up_delay_s), exchange=facts.exchange,
    )  # fmt: skip


def after_look_up(job: Job, answer: LookUpAnswer, facts: Facts) -> Settlement:
    """What becomes of a job in doubt whose system was asked about it.

    Of a master that stood there before, a look-up does not say which state of it is there: the change may
    not have arrived. Masters are written by our id and may be sent again, so they are.
    """
    sent = job.attempts - 1  # the look-up under way is counted too, until it is settled
    if isinstance(answer, Posted) and facts.stood and _is_master(job) and sent < facts.policy.attempts_max:
        delay = back_off(sent, facts.policy, facts.draw)
        return Settlement(
            job_id=job.job_id, event=Event.NOT_FOUND, why="looked up: it is there, perhaps as it was before; sent again",
            counts=False, due=facts.now + timedelta(seconds=delay), exchange=facts.exchange,
        )  # fmt: skip
    if isinstance(answer, Posted):
        return Settlement(
            job_id=job.job_id, event=Event.FOUND, vendor_id=answer.vendor_id,
            created=answer.created, exchange=facts.exchange,
        )  # fmt: skip
    if isinstance(answer, NotThere):
        if sent >= facts.policy.attempts_max:
            return dead(job, "exhausted", f"not there after {sent} attempts", facts)
        delay = back_off(sent, facts.policy, facts.draw)
        return Settlement(
            job_id=job.job_id, event=Event.NOT_FOUND, why="looked up, not there: sent again",
            counts=False, due=facts.now + timedelta(seconds=delay), exchange=facts.exchange,
        )  # fmt: skip
    # Asking again harms nobody, so a look-up that fails is bounded by time, not by tries.
    if _exhausted(job, facts, counts=False):
        return dead(job, "in-doubt", f"nobody can tell: {answer.reason}; a person decides", facts)
    delay = back_off(facts.waits, facts.policy, facts.draw)
    return Settlement(
        job_id=job.job_id, event=Event.CANNOT_TELL, why=answer.reason, code="in-doubt",
        counts=False, due=facts.now + timedelta(seconds=delay), exchange=facts.exchange,
    )  # fmt: skip


def _is_master(job: Job) -> bool:
    """Whether it is a master on its way to an ERP, which may have it in an earlier state."""
    return job.operation == "create" and job.role != "feedback" and not job.document.transactional


def after_missing(job: Job, ref: Ref, facts: Facts) -> Settlement:
    """Waits for a prerequisite, with short growing delays; refused when it never came."""
    waited = (facts.now - job.waiting_since).total_seconds()
    policy = facts.policy
    if waited >= policy.prerequisite_wait_s:
        return refused(
            job, "prerequisite-missing", f"{ref[0]} {ref[1]} never came to {job.target}",
            exchange=facts.exchange,
        )  # fmt: skip
    delay = min(policy.prerequisite_max_s, policy.prerequisite_first_s * 2.0 ** min(facts.waits, 30))
    return Settlement(
        job_id=job.job_id, event=Event.TRY_LATER, counts=False, code="prerequisite",
        why=f"waits for {ref[0]} {ref[1]} in {job.target}",
        due=facts.now + timedelta(seconds=min(delay, policy.prerequisite_wait_s - waited)),
        exchange=facts.exchange,
    )  # fmt: skip


def no_look_up(job: Job, reason: str, facts: Facts) -> Settlement:
    """In doubt at a system that can't be asked: dead, a person decides (D8)."""
    return dead(
        job, "in-doubt", f"{reason}; {job.target} offers no look-up: a person decides", facts
    )  # fmt: skip


def refused(job: Job, code: str, why: str, *, exchange: int | None = None) -> Settlement:
    """A business refusal; final until somebody mends something and replays it."""
    return Settlement(job_id=job.job_id, event=Event.SAID_NO, code=code, why=why, exchange=exchange)


def dead(job: Job, code: str, why: str, facts: Facts) -> Settlement:
    """A dead letter."""
    return Settlement(job_id=job.job_id, event=Event.EXHAUSTED, code=code, why=why, exchange=facts.exchange)


def give_back(job: Job, *, code: str, why: str, due: datetime | None) -> Settlement:
    """Not tried after all: back to where it was, no attempt counted."""
    event = Event.CANNOT_TELL if job.state is State.IN_DOUBT else Event.TRY_LATER
    return Settlement(job_id=job.job_id, event=event, code=code, why=why, due=due, counts=False)


def _exhausted(job: Job, facts: Facts, *, counts: bool) -> bool:
    if counts:
        return job.attempts >= facts.policy.attempts_max
    return (facts.now - job.waiting_since).total_seconds() >= facts.policy.give_up_s


# --- what may be sent, and together with what -----------------------------------------------------


def supported(job: Job, capabilities: Capabilities) -> bool:
    """Whether the connector takes this kind for this operation."""
    if job.operation == "create":
        return job.kind in capabilities.kinds
    return job.kind in (capabilities.cancels if job.operation == "cancel" else capabilities.feedback)


def references(job: Job, kinds: frozenset[Kind]) -> tuple[tuple[Ref, ...], tuple[Ref, ...]]:
    """(required, wanted): references without which a job waits, and those handed over if known.

    Only what the system takes at all can be waited for: an ERP that keeps no rate cards would never
    get one. Cancelling and feedback act on the document itself, so its own vendor id is wanted.
    """
    document = job.document
    lineage = document.refers_to
    extra = () if lineage is None else (lineage,)
    if job.operation == "create":
        needs = document.needs
        required = tuple([ref for ref in needs if ref[0] in kinds])
        if not extra and len(required) == len(needs):
            return required, ()
        return required, _once(extra if len(required) == len(needs) else needs + extra)
    return (), _once(((job.kind, document.document_id), *document.needs, *extra))


def _once(refs: Iterable[Ref]) -> tuple[Ref, ...]:
    """Each once: a correction both needs and refers to what it corrects."""
    return tuple(dict.fromkeys(refs))


def batches(jobs: Sequence[Job]) -> list[list[Job]]:
    """A lane's jobs as steps: each step waits for the one before, jobs inside a step are independent.

    What is in doubt comes first, all of it: asking has no side effect, and nothing of the lane may
    overtake it. Then runs of commuting documents with one operation; everything else is alone in its
    step. A document that refers to another of the run, or stands in it already, begins a new one.
    """
    in_doubt = [job for job in jobs if job.state is State.IN_DOUBT]
    steps = [in_doubt] if in_doubt else []
    run: list[Job] = []
    seen: dict[Ref, None] = {}
    for job in jobs:
        if job.state is State.IN_DOUBT:
            continue
        document = job.document
        own = (job.kind, document.document_id)
        joins = (
            run
            and document.commutes
            and run[0].document.commutes
            and run[0].operation == job.operation
            and own not in seen
            and document.refers_to not in seen
        )
        if not joins:
            run = []
            steps.append(run)
            seen = {}
        run.append(job)
        seen[own] = None
    return steps


def bulk_of(kind: Kind, *, looks_up: bool, capabilities: Capabilities, bulk: int | None, look_up: int) -> int:
    """How many documents of a kind one call takes, at least 1."""
    most = look_up if looks_up else capabilities.bulk.get(kind, 1)
    return max(1, most if bulk is None else min(most, bulk))


# --- budgets and circuits -------------------------------------------------------------------------


def after_throttle(limit: float) -> float:
    """Multiplicative decrease: half the concurrency, at least one call."""
    return max(1.0, limit / 2.0)


def after_success(limit: float, ceiling: int) -> float:
    """Additive increase: about one more call per round of calls, up to the configured ceiling."""
    return min(float(ceiling), limit + 1.0 / limit)


def bucket(per_minute: int) -> tuple[float, float]:
    """(burst, refill per second) so that no window of 60 s sees more than `per_minute` calls."""
    burst = max(1, per_minute // 10)
    return float(burst), max(per_minute - burst, 1) / 60.0


class Circuit(StrEnum):
    """Whether calls go out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Sign(StrEnum):
    """What was seen of the system."""

    ALIVE = "alive"
    FAILED = "failed"
    TRIPPED = "failed too often"
    PROBED = "probe sent"


BREAKER: Mapping[tuple[Circuit, Sign], Circuit] = {
    (Circuit.CLOSED, Sign.ALIVE): Circuit.CLOSED,
    (Circuit.CLOSED, Sign.FAILED): Circuit.CLOSED,
    (Circuit.CLOSED, Sign.TRIPPED): Circuit.OPEN,
    (Circuit.OPEN, Sign.PROBED): Circuit.HALF_OPEN,
    (Circuit.HALF_OPEN, Sign.ALIVE): Circuit.CLOSED,
    (Circuit.HALF_OPEN, Sign.FAILED): Circuit.OPEN,
}
"""The circuit's life; any other pair is a bug of ours."""


def is_alive(answers: Sequence[Answer | LookUpAnswer]) -> bool:
    """Whether a call shows that the system works: one answer about a document, or a 429, is enough.

    A throttled system is up; its pace is the budget's matter, not the circuit's.
    """
    return any(
        answer.throttled if isinstance(answer, TryLater) else not isinstance(answer, NoAnswer)
        for answer in answers
    )
