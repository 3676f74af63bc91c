"""The one way into the journal: checks, identity, and what the directory learns from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from router.canonical.events import CloudEvent
from router.canonical.kinds import Kind
from router.canonical.masters import Opportunity
from router.errors import Overloaded, Refused
from router.ingest.decisions import check
from router.journal.journal import Journal
from router.journal.port import Acceptance, Accepted, Stale, Submission
from router.landscape import Landscape
from router.model import SystemId
from router.workflows.decisions import process_id
from router.workflows.directory import Directory
from router.workflows.ownership import MASTER
from router.workflows.service import Workflows
from router.workflows.submissions import parked

COUNTED_EVERY = 5_000
"""Submissions between two looks at the backlog: at most this much over its limit."""
JUDGED_MAX = 8
"""Times a master is judged anew before its sender is told to come again: more needs as many gateways at once."""


class Vet(Protocol):
    """A rule of the firm that looks at documents of some kinds before they are accepted.

    It returns the submission, unchanged, changed (with `as_sent`), with what it draws on, or parked
    (no document, a problem and its code); or raises Refused with what to mend.
    """

    kinds: frozenset[Kind]
    alone: bool
    """True: what it looks at changes with every acceptance, so no other is accepted meanwhile."""

    async def look(self, submission: Submission) -> Submission:
        """Judge one submission that has a document."""
        ...


class Intake:
    """Turns events into submissions and hands them to the journal."""

    def __init__(
        self,
        *,
        landscape: Landscape,
        journal: Journal,
        directory: Directory,
        workflows: Workflows,
        backlog_max: int,
        vets: Sequence[Vet] = (),
        group: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """`group` surrounds the look of the vets at what is accepted together."""
        self._landscape = landscape
        self._journal = journal
        self._directory = directory
        self._workflows = workflows
        self._backlog_max = backlog_max
        self._room = 0
        self._vets = {
            kind: tuple(vet for vet in vets if kind in vet.kinds)
            for kind in dict.fromkeys(kind for vet in vets for kind in sorted(vet.kinds))
        }
        self._judged_alone = frozenset(kind for vet in vets if vet.alone for kind in vet.kinds)
        self._group = group
        self._alone = asyncio.Lock()

    def submission(
        self, event: CloudEvent, *, client: str, received: bytes, key: str | None = None
    ) -> Submission:
        """An event as a submission; raises BadInput or PeriodClosed when the landscape does not allow it."""
        document = event.document
        check(document, self._landscape)
        return Submission(
            client=client,
            idempotency_key=key if key is not None else f"{event.source} {event.id}",
            received=received,
            source=event.source,
            event_id=event.id,
            verb=event.verb,
            document=document,
            kind=document.kind,
            correlation_id=process_id(document) if isinstance(document, Opportunity) else None,
            deliver=document.kind != "opportunity",
        )

    async def accept(
        self, submissions: Sequence[Submission], *, cursor: tuple[SystemId, str, str] | None = None
    ) -> list[Acceptance]:
        """Make them durable, in one commit; raises Overloaded when too much waits already.

        A master that is among them twice is judged by the one before: then the commits are several, the
        last with the cursor.
        """
        if not await self._has_room(len(submissions)):
            raise Overloaded("too many deliveries wait already", retry_after_s=30, mend="send again later")
        *first, last = _once_each(submissions)
        answers = [answer for run in first for answer in await self._in_turn(run, None)]
        return answers + await self._in_turn(last, cursor)

    async def _in_turn(
        self, submissions: Sequence[Submission], cursor: tuple[SystemId, str, str] | None
    ) -> list[Acceptance]:
        if not self._judged_alone.isdisjoint([one.kind for one in submissions]):
            async with self._alone:
                return await self._judged(submissions, cursor)
        return await self._judged(submissions, cursor)

    async def _judged(
        self, submissions: Sequence[Submission], cursor: tuple[SystemId, str, str] | None
    ) -> list[Acceptance]:
        """Accept; judge again what was judged by a version that another gateway replaced meanwhile."""
        answers = await self._accept(submissions, cursor)
        for _ in range(JUDGED_MAX):
            stale = [at for at, answer in enumerate(answers) if _outrun(submissions[at], answer)]
            if not stale:
                return answers
            again = await self._accept([submissions[at] for at in stale], cursor)
            for at, answer in zip(stale, again, strict=True):
                answers[at] = answer
        if not any(map(_outrun, submissions, answers)):
            return answers
        raise Overloaded(
            "other gateways change the same master again and again", retry_after_s=5, mend="send again later"
        )

    async def _accept(
        self, submissions: Sequence[Submission], cursor: tuple[SystemId, str, str] | None
    ) -> list[Acceptance]:
        with self._directory.group():
            if len(submissions) > 1:
                await self._directory.foresee([one.document for one in submissions if one.document])
            with self._group():
                vetted = [await self._vet(one) for one in submissions] if self._vets else submissions
            every, own = await self._with_processes(vetted)
        answers = await self._journal.accept(every, cursor=cursor)
        self._directory.learn(
            given.document
            for given, answer in zip(every, answers, strict=True)
            if given.document is not None and isinstance(answer, Accepted) and not answer.replayed
        )
        return answers if own is None else [answers[at] for at in own]

    async def vetted(self, submission: Submission) -> Submission:
        """A submission as the vets leave it; raises Refused, also where `accept` would have parked it."""
        for vet in self._vets.get(submission.kind, ()):
            if submission.document is None:
                break
            submission = await vet.look(submission)
        return submission

    async def _vet(self, submission: Submission) -> Submission:
        try:
            return await self.vetted(submission)
        except Refused as error:
            if not submission.keep_conflict:
                raise
            # Nobody waits for the answer to a change feed: a person must see what was refused.
            return parked(submission, error.one_line(), error.code)

    async def _with_processes(
        self, submissions: Sequence[Submission]
    ) -> tuple[Sequence[Submission], list[int] | None]:
        """The submissions with what the firm's processes submit along with them; where the own ones are."""
        if not any(self._workflows.accompanies(one) for one in submissions):
            return submissions, None
        every: list[Submission] = []
        own: list[int] = []
        for one in submissions:
            before, after = await self._workflows.companions(one)
            every += before
            own.append(len(every))
            every.append(one)
            every += after
        return every, own

    async def accept_each(self, submissions: Sequence[Submission]) -> list[Acceptance | Refused]:
        """Make them durable, each for itself: what refuses one is its own answer and spoils no other."""
        if not submissions:
            return []
        runs = _once_each(submissions)
        if len(runs) > 1:
            return [answer for run in runs for answer in await self.accept_each(run)]
        try:
            return list(await self.accept(submissions))
        except Overloaded as error:
            return [error] * len(submissions)
        except Refused as error:
            if len(submissions) == 1:
                return [error]
        # One of them can't be stored, so none was: each has its own commit now.
        return [(await self.accept_each([one]))[0] for one in submissions]

    async def _has_room(self, count: int) -> bool:
        """Whether the backlog has room; it is counted anew only now and then, as counting it costs."""
        if self._room < count:
            left = self._backlog_max - await self._journal.waiting()
            self._room = min(left, COUNTED_EVERY)
            if left < count:
                return False
        self._room -= count
        return True


def _outrun(submission: Submission, answer: Acceptance) -> bool:
    """Whether another gateway changed the master after this one judged the change."""
    return isinstance(answer, Stale) and answer.register.startswith(MASTER) and submission.advance is None


def _once_each(submissions: Sequence[Submission]) -> list[list[Submission]]:
    """Submissions in their order, in runs that hold no master twice: each version is judged by the one before."""
    if sum(1 for one in submissions if one.document is not None and not one.document.transactional) < 2:
        return [list(submissions)]
    runs: list[list[Submission]] = [[]]
    seen: set[tuple[str, str]] = set()
    for one in submissions:
        document = one.document
        if document is not None and not document.transactional:
            name = (document.kind, document.document_id)
            if name in seen:
                runs.append([])
                seen.clear()
            seen.add(name)
        runs[-1].append(one)
    return runs
