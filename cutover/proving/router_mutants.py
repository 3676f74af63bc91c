"""Mutants of the router: each has one bug that one invariant claims can't happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cutover.proving.seams import Seams
from router.clock import from_text
from router.connectors.port import Answer, NoAnswer, TryLater
from router.delivery import lanes as hand
from router.delivery import outcomes
from router.delivery.decisions import Facts, after_answer
from router.ingest.intake import Intake
from router.journal import acceptance, fence
from router.journal import lanes as lanes_in_journal
from router.journal.decisions import Head
from router.journal.engine import Transaction
from router.journal.journal import Journal
from router.journal.port import Acceptance, Accepted, Job, Settlement, Submission
from router.model import SystemId


def naive_retry(seams: Seams) -> None:
    """No answer is taken for "not done"."""

    def naive(job: Job, answer: Answer, facts: Facts) -> Settlement:
        if isinstance(answer, NoAnswer):
            answer = TryLater(reason=answer.reason)
        return after_answer(job, answer, facts)

    seams.put(outcomes, "after_answer", naive)


def stale_epoch(seams: Seams) -> None:
    """The gateway goes on deciding by the first epoch it read."""
    enter = fence.enter
    kept: dict[str, Any] = {}

    def stale(tx: Transaction, entities: Sequence[str]) -> Mapping[str, Any]:
        for entity, epoch in enter(tx, entities := list(entities)).items():
            kept.setdefault(entity, epoch)
        return {entity: kept[entity] for entity in entities}

    seams.put(fence, "enter", stale)


def unfenced_switch(seams: Seams) -> None:
    """The epoch is read ahead of the acceptance and believed for an hour: no fence orders the two."""
    enter = fence.enter
    read: dict[str, tuple[Any, Any]] = {}

    def ahead(tx: Transaction, entities: Sequence[str]) -> Mapping[str, Any]:
        now = from_text(tx.now)
        for entity, epoch in enter(tx, entities := list(entities)).items():
            if entity not in read or now - read[entity][0] > timedelta(hours=1):
                read[entity] = (now, epoch)
        return {entity: read[entity][1] for entity in entities}

    seams.put(fence, "enter", ahead)


def no_new_epoch(seams: Seams) -> None:
    """A switch changes the table and not the epoch."""
    enter = fence.enter

    def unbumped(tx: Transaction, entities: Sequence[str]) -> Mapping[str, Any]:
        return {entity: (0, version) for entity, (_, version) in enter(tx, entities).items()}

    seams.put(fence, "enter", unbumped)


def dropped_row(seams: Seams) -> None:
    """The cursor of a feed moves past a row that was not accepted."""
    accept = Intake.accept
    dropped: list[str] = []

    async def careless(
        self: Intake, submissions: Sequence[Submission], *, cursor: tuple[SystemId, str, str] | None = None
    ) -> list[Acceptance]:
        if cursor is not None and cursor[1] == "time_entries" and submissions and not dropped:
            dropped.append(submissions[0].event_id)
            submissions = submissions[1:]
        return await accept(self, submissions, cursor=cursor)

    seams.put(Intake, "accept", careless)


def swallowed_break(seams: Seams) -> None:
    """The first break of a comparison is counted and not stored."""
    store = Journal.store_run

    async def swallow(self: Journal, run: Any, rows: Sequence[Any], **given: Any) -> Any:
        return await store(self, run, rows[1:], **given)

    seams.put(Journal, "store_run", swallow)


def unordered_lanes(seams: Seams) -> None:
    """What depends on what went before is sent together with it."""

    def whole(heads: Sequence[Head], *, now: str, limit: int, closed: object) -> Sequence[Head]:
        del closed
        return [head for head in heads[:limit] if head.due <= now]

    def together(jobs: Sequence[Any]) -> list[list[Any]]:
        return [list(jobs)] if jobs else []

    seams.put(lanes_in_journal, "run_of", whole)
    seams.put(hand, "batches", together)


def answered_anew(seams: Seams) -> None:
    """A repeated request is answered as if it were new."""
    first_answers: Callable[..., dict[int, Accepted]] = acceptance._first_answers  # noqa: SLF001 - the seam is inside

    def anew(tx: Transaction, seen: Any) -> dict[int, Accepted]:
        return {
            seq: replace(
                answer,
                decision=replace(answer.decision, table_version=answer.decision.table_version + 1)
                if answer.decision
                else None,
            )
            for seq, answer in first_answers(tx, seen).items()
        }

    seams.put(acceptance, "_first_answers", anew)


def released_twice(seams: Seams) -> None:
    """What a freeze holds goes to the old ERP all the same, and to the new one when it is released."""
    jobs_of: Callable[..., Any] = vars(acceptance)["jobs_of"]

    def leaking(decision: Any, document: Any, verb: str, key: str = "") -> Any:
        return jobs_of(replace(decision, hold=False), document, verb, key)

    seams.put(acceptance, "jobs_of", leaking)
