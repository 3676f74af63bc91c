"""The one way into the journal: checks, identity, and what the directory learns from it."""

from __future__ import annotations

from collections.abc import Sequence

from router.canonical.events import CloudEvent
from router.errors import Overloaded
from router.ingest.decisions import check
from router.journal.journal import Journal
from router.journal.port import Acceptance, Accepted, Submission
from router.landscape import Landscape
from router.model import SystemId
from router.workflows.directory import Directory

COUNTED_EVERY = 5_000
"""Submissions between two looks at the backlog: at most this much over its limit."""


class Intake:
    """Turns events into submissions and hands them to the journal."""

    def __init__(
        self, *, landscape: Landscape, journal: Journal, directory: Directory, backlog_max: int
    ) -> None:
        self._landscape = landscape
        self._journal = journal
        self._directory = directory
        self._backlog_max = backlog_max
        self._room = 0

    def submission(
        self, event: CloudEvent, *, client: str, received: bytes, key: str | None = None
    ) -> Submission:
        """An event as a submission; raises BadInput or PeriodClosed when the landscape does not allow it."""
        check(event.document, self._landscape)
        return Submission(
            client=client,
            idempotency_key=key if key is not None else f"{event.source} {event.id}",
            received=received,
            source=event.source,
            event_id=event.id,
            verb=event.verb,
            document=event.document,
            kind=event.document.kind,
            deliver=event.document.kind != "opportunity",
        )

    async def accept(
        self, submissions: Sequence[Submission], *, cursor: tuple[SystemId, str, str] | None = None
    ) -> list[Acceptance]:
        """Make them durable, in one commit; raises Overloaded when too much waits already."""
        if not await self._has_room(len(submissions)):
            raise Overloaded("too many deliveries wait already", retry_after_s=30, mend="send again later")
        answers = await self._journal.accept(submissions, cursor=cursor)
        self._directory.learn(
            given.document
            for given, answer in zip(submissions, answers, strict=True)
            if given.document is not None and isinstance(answer, Accepted) and not answer.replayed
        )
        return answers

    async def _has_room(self, count: int) -> bool:
        """Whether the backlog has room; it is counted anew only now and then, as counting it costs."""
        if self._room < count:
            left = self._backlog_max - await self._journal.waiting()
            self._room = min(left, COUNTED_EVERY)
            if left < count:
                return False
        self._room -= count
        return True
